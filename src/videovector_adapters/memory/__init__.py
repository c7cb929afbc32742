"""In-memory adapters: a complete working system without a server, for tests and for trying things out.

vv = VideoVector(memory.ports())
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from attrs import define, evolve, field

from videovector_adapters.memory.automations import MemoryOrders
from videovector_adapters.memory.catalogue import (
    MemoryAccess,
    MemoryIndexes,
    MemoryMedia,
    MemoryPrompts,
    MemorySegments,
)
from videovector_adapters.memory.chat import MemoryChat
from videovector_adapters.memory.connectors import MemoryConnectors, MemoryFetcher, MemoryStorage
from videovector_adapters.memory.database import Serial, Table, Time
from videovector_adapters.memory.exports import MemoryExports
from videovector_adapters.memory.filters import MemoryFilters
from videovector_adapters.memory.imports import MemoryImports
from videovector_adapters.memory.kept import MemoryCache, MemoryDeletions, MemoryEmbeddings
from videovector_adapters.memory.models import Echo, PictureHashes, ToyDecoder, ToyPictures, ToyTranscriber, WordHashes
from videovector_adapters.memory.parts import CountingIds, MemoryBlobs, MemoryClock, MemoryDoorbell
from videovector_adapters.memory.rankings import MemoryRankings
from videovector_adapters.memory.runs import MemoryCalls, MemoryResults, MemoryRuns
from videovector_adapters.memory.sqltables import MemoryTables
from videovector_adapters.memory.usage import MemoryMarkers, MemoryUsage
from videovector_adapters.memory.vectors import MemoryVectors
from videovector_adapters.memory.webhooks import MemoryDeliveries, MemoryPoster, MemorySealer, MemoryWebhooks
from videovector_adapters.memory.work import MemoryEvents, MemoryReceipts, MemoryWork
from videovector_core.access.secrets import Secret
from videovector_core.app import Ports
from videovector_core.automations.watching import Heeded
from videovector_core.events.ports import EventLog
from videovector_core.models.bundle import Models
from videovector_core.ports import Doorbell, Ids
from videovector_core.testing.buckets import MemoryBuckets
from videovector_core.webhooks.watching import Watched


@define
class MemoryTx:
    """Everything that one transaction reaches, over tables in memory."""

    access: MemoryAccess
    indexes: MemoryIndexes
    media: MemoryMedia
    segments: MemorySegments
    prompts: MemoryPrompts
    imports: MemoryImports
    runs: MemoryRuns
    results: MemoryResults
    calls: MemoryCalls
    cache: MemoryCache
    embeddings: MemoryEmbeddings
    deletions: MemoryDeletions
    work: MemoryWork
    events: EventLog
    webhooks: MemoryWebhooks
    deliveries: MemoryDeliveries
    receipts: MemoryReceipts
    markers: MemoryMarkers
    usage: MemoryUsage
    filters: MemoryFilters
    tables: MemoryTables
    chat: MemoryChat
    exports: MemoryExports
    orders: MemoryOrders
    connectors: MemoryConnectors
    rankings: MemoryRankings


@define
class Database:
    """The tables, and the transactions over them: serial, and undone when they raise."""

    ids: Ids
    doorbell: Doorbell
    time: Time = field(factory=Time)
    serial: Serial = field(factory=Serial)
    tx: MemoryTx = field(init=False)

    def __attrs_post_init__(self) -> None:
        def table() -> Table[Any, Any]:
            return Table(self.serial.journal)

        media, hidden, runs, media_of_runs, results, levels, repairs = (table() for _ in range(7))
        run_store = MemoryRuns(runs, media_of_runs, results, levels, media)
        work = MemoryWork(self.serial.journal, self.time, table(), table())
        log = MemoryEvents(self.serial.journal, self.time, self.ids, table(), table())
        orders = MemoryOrders(table(), table())
        webhooks = MemoryWebhooks(table(), table(), table(), log.log, log.last_numbers)
        self.tx = MemoryTx(
            access=MemoryAccess(table(), table()),
            indexes=MemoryIndexes(table(), table()),
            media=MemoryMedia(media, hidden),
            segments=MemorySegments(table(), table()),
            prompts=MemoryPrompts(table()),
            imports=MemoryImports(table(), table(), table()),
            runs=run_store,
            results=MemoryResults(results, levels, runs, hidden),
            calls=MemoryCalls(table(), repairs, table()),
            cache=MemoryCache(table()),
            embeddings=MemoryEmbeddings(table(), table()),
            deletions=MemoryDeletions(table()),
            work=work,
            events=Watched(Heeded(log, work, orders), work, webhooks),
            webhooks=webhooks,
            deliveries=MemoryDeliveries(webhooks.deliveries),
            receipts=MemoryReceipts(self.time, table()),
            markers=MemoryMarkers(table()),
            usage=MemoryUsage(self.time, self.ids, table(), media, hidden),
            filters=MemoryFilters(results, media, hidden),
            tables=MemoryTables(table(), table(), results, levels, repairs, hidden, run_store.places),
            chat=MemoryChat(table(), table(), table()),
            rankings=MemoryRankings(table()),
            exports=MemoryExports(table(), table()),
            orders=orders,
            connectors=MemoryConnectors(table()),
        )

    @contextlib.asynccontextmanager
    async def begin(self, *, apart: bool = False) -> AsyncIterator[MemoryTx]:
        """Run a block as a transaction; the doorbell rings after the commit."""
        async with self.serial.transaction(apart=apart) as journal:
            yield self.tx
            rings = sorted(journal.rings)
        for topic in rings:
            self.doorbell.ring(topic)


def ports(**instead: Any) -> Ports:
    """Return a complete set of ports in memory; name any of them to put another one in its place."""
    ids, doorbell, blobs = CountingIds(), MemoryDoorbell(), MemoryBlobs()
    database = Database(ids, doorbell)
    echo = Echo()
    complete = Ports(
        begin=database.begin,
        clock=MemoryClock(database.time),
        ids=ids,
        blobs=blobs,
        doorbell=doorbell,
        decoder=ToyDecoder(blobs),
        models=Models(
            echo,
            echo,
            WordHashes(),
            transcriber=ToyTranscriber(),
            images=PictureHashes(),
            pictures=ToyPictures(),
        ),
        vectors=MemoryVectors(),
        buckets=MemoryBuckets(lambda: database.time.now().timestamp()),
        pepper=Secret("in-memory"),
        poster=MemoryPoster(),
        sealer=MemorySealer(),
        storage=MemoryStorage(),
        fetcher=MemoryFetcher(),
    )
    return evolve(complete, **instead)
