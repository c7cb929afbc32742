"""Transactions over PostgreSQL: a pool of connections, and every store behind one name each.

async with Database.open(dsn, ids) as database:
    async with database.begin() as tx:
        await tx.media.add(item)
"""

from __future__ import annotations

import contextlib
import json
import select
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec
import psycopg
from attrs import define, field
from psycopg import AsyncConnection
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

from videovector_adapters.postgres.automations import PgOrders
from videovector_adapters.postgres.catalogue import (
    PgAccess,
    PgIndexes,
    PgMedia,
    PgPrompts,
    PgSegments,
)
from videovector_adapters.postgres.chat import PgChat
from videovector_adapters.postgres.connectors import PgConnectors
from videovector_adapters.postgres.deletions import PgDeletions
from videovector_adapters.postgres.doorbell import PgDoorbell
from videovector_adapters.postgres.embeddings import PgEmbeddings
from videovector_adapters.postgres.errors import translated
from videovector_adapters.postgres.exports import PgExports
from videovector_adapters.postgres.filters import PgFilteredResults, PgFilters
from videovector_adapters.postgres.imports import PgImports
from videovector_adapters.postgres.log import PgBucketRows, PgEvents, PgReceipts
from videovector_adapters.postgres.rankings import PgRankings
from videovector_adapters.postgres.results import PgCache, PgCalls, PgResults
from videovector_adapters.postgres.rows import Session
from videovector_adapters.postgres.runs import PgRuns
from videovector_adapters.postgres.sqltables import PgTables
from videovector_adapters.postgres.usage import PgMarkers, PgUsage
from videovector_adapters.postgres.webhooks import PgDeliveries, PgWebhooks
from videovector_adapters.postgres.work import PgWork
from videovector_core.access.ratelimit import Grant, Limits, Returned, Standing
from videovector_core.automations.watching import Heeded
from videovector_core.events.ports import EventLog
from videovector_core.ports import Ids
from videovector_core.webhooks.watching import Watched

_PATIENCE: Final = 10.0


@define
class PgTx:
    """Everything that one transaction reaches."""

    access: PgAccess
    indexes: PgIndexes
    media: PgMedia
    segments: PgSegments
    prompts: PgPrompts
    imports: PgImports
    runs: PgRuns
    results: PgResults
    calls: PgCalls
    cache: PgCache
    embeddings: PgEmbeddings
    work: PgWork
    events: EventLog
    webhooks: PgWebhooks
    deliveries: PgDeliveries
    receipts: PgReceipts
    deletions: PgDeletions
    markers: PgMarkers
    usage: PgUsage
    filters: PgFilters
    tables: PgTables
    chat: PgChat
    exports: PgExports
    orders: PgOrders
    connectors: PgConnectors
    rankings: PgRankings

    @classmethod
    def over(cls, session: Session, ids: Ids, turns: dict[str, str]) -> PgTx:
        """Put every store on one session."""
        work, webhooks, orders = PgWork(session, turns), PgWebhooks(session), PgOrders(session)
        return cls(
            access=PgAccess(session),
            indexes=PgIndexes(session),
            media=PgMedia(session),
            segments=PgSegments(session),
            prompts=PgPrompts(session),
            imports=PgImports(session),
            runs=PgRuns(session),
            results=PgFilteredResults(session),
            calls=PgCalls(session),
            cache=PgCache(session),
            embeddings=PgEmbeddings(session),
            work=work,
            events=Watched(Heeded(PgEvents(session, ids), work, orders), work, webhooks),
            webhooks=webhooks,
            deliveries=PgDeliveries(session),
            receipts=PgReceipts(session),
            deletions=PgDeletions(session),
            markers=PgMarkers(session),
            usage=PgUsage(session, ids),
            filters=PgFilters(session),
            tables=PgTables(session),
            chat=PgChat(session),
            rankings=PgRankings(session),
            exports=PgExports(session),
            orders=orders,
            connectors=PgConnectors(session),
        )


@define
class Database:
    """The transactions of one process over one database, and its doorbell."""

    pool: AsyncConnectionPool[AsyncConnection[Any]]
    doorbell: PgDoorbell
    ids: Ids
    turns: dict[str, str] = field(factory=dict)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, dsn: str, ids: Ids, *, size: int = 10, patience: float = _PATIENCE) -> AsyncIterator[Database]:
        """Connect to a database that was migrated; at most `size` transactions run at once.

        Whoever finds no free connection within `patience` seconds is told that the database is away.

        Raises:
            Unavailable: the database does not answer.
        """
        pool = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=size,
            open=False,
            timeout=patience,
            reconnect_timeout=2.0,  # the next request tries again; a longer one would wait longer and longer
            max_idle=120.0,
            configure=_configure,
            check=_check,
            name="videovector",
        )
        try:
            with translated():
                await pool.open(wait=True, timeout=patience)
            async with PgDoorbell(dsn).open() as doorbell:
                yield cls(pool, doorbell, ids)
        finally:
            await pool.close()

    @contextlib.asynccontextmanager
    async def begin(self, *, apart: bool = False) -> AsyncIterator[PgTx]:
        """Run a block as a transaction (READ COMMITTED), or its statements `apart`; the doorbell rings afterwards."""
        async with self.session(apart=apart) as session:
            yield PgTx.over(session, self.ids, self.turns)
        for topic in session.rings:
            self.doorbell.ring(topic)

    @contextlib.asynccontextmanager
    async def session(self, *, apart: bool = False) -> AsyncIterator[Session]:
        """Lend a connection of the pool for one transaction, or for statements `apart`."""
        with translated():
            async with self.pool.connection() as connection:
                await connection.set_autocommit(apart)  # asks the server for nothing
                yield Session(connection)


@define
class PgBuckets:
    """`Buckets` over PostgreSQL; every take is a transaction of its own, whoever asks."""

    database: Database

    async def take(self, key: str, wanted: int, limits: Limits, returned: Sequence[Returned] = ()) -> Grant:
        async with self.database.session() as session:
            return await PgBucketRows(session).take(key, wanted, limits, returned)

    async def standing(self, key: str, limits: Limits) -> Standing:
        async with self.database.session() as session:
            return await PgBucketRows(session).standing(key, limits)


async def _configure(connection: AsyncConnection[Any]) -> None:
    connection.prepare_threshold = 2
    set_json_loads(_document, connection)
    await connection.execute("SET timezone = 'UTC'")
    await connection.commit()


def _document(stored: str | bytes) -> Any:
    """Read stored JSON in a quick way, or in the one that wrote it: models send halves of surrogate pairs, too."""
    try:
        return msgspec.json.decode(stored)
    except msgspec.DecodeError:
        return json.loads(stored)


async def _check(connection: AsyncConnection[Any]) -> None:
    """Refuse a connection that died in the pool, without asking the server: one that is well has nothing to say."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        await connection.close()  # the pool would put it back and meet it again: libpq has not noticed yet
        raise psycopg.OperationalError("the connection was closed while it was idle")
