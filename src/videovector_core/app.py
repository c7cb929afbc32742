"""The application: every port in one frozen value, and every use case behind one name each.

    vv = VideoVector(ports)
    await vv.indexes.create(caller, name="Broadcast archive")

No logic lives here: this module says who is given what, and which handler does which kind of work.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from attrs import define, field, frozen

from videovector_core.access.leases import Buckets
from videovector_core.access.ports import AccessTx
from videovector_core.access.secrets import Secret
from videovector_core.access.service import Access
from videovector_core.automations import watching
from videovector_core.automations.importing import Arrivals
from videovector_core.automations.ports import OrdersTx
from videovector_core.automations.service import Automations, check_base
from videovector_core.automations.service import in_use as automations_using
from videovector_core.automations.starting import PresetRuns
from videovector_core.automations.ticking import Ticker
from videovector_core.chat import turns as chat_turns
from videovector_core.chat.deciding import ByModel
from videovector_core.chat.forgetting import Forgetting
from videovector_core.chat.ports import ChatStoreTx
from videovector_core.chat.rules import ByRules
from videovector_core.chat.service import Chat
from videovector_core.chat.tools import Tools
from videovector_core.connectors.ports import ConnectorsTx, Storage
from videovector_core.connectors.service import Connectors
from videovector_core.deletions import PURGE, Deletions, DeletionsTx
from videovector_core.events.stream import StreamPace, Streams
from videovector_core.exports import building
from videovector_core.exports.building import Builder
from videovector_core.exports.ports import ExportStoreTx
from videovector_core.exports.service import Exports
from videovector_core.exports.service import in_use as exports_using
from videovector_core.idempotency import FORGET, Forgetter, ReceiptsTx, forgetting
from videovector_core.imports import importing
from videovector_core.imports.importing import Importing
from videovector_core.imports.jobs import ImportJobs
from videovector_core.imports.ports import Fetcher
from videovector_core.imports.service import Imports, ImportsUseTx
from videovector_core.imports.sources import Origins, Shelf
from videovector_core.indexes.service import Indexes
from videovector_core.marked import TARGETS
from videovector_core.markers import Markers
from videovector_core.media.derived import Decoder
from videovector_core.media.service import Media
from videovector_core.models.bundle import Models
from videovector_core.ports import Begin, Blobs, Clock, Doorbell, Ids, Sealer
from videovector_core.prompts.drafting import Drafting
from videovector_core.prompts.service import Prompts
from videovector_core.runs import pipeline
from videovector_core.runs.comparing import Comparing
from videovector_core.runs.evidence import Gatherer
from videovector_core.runs.extraction import Asker
from videovector_core.runs.pacing import Pacing
from videovector_core.runs.pipeline import Pipeline
from videovector_core.runs.processing import Processing
from videovector_core.runs.service import Caps, Runs
from videovector_core.runs.settling import Settling
from videovector_core.runs.synthesis import Synthesis
from videovector_core.runs.tables import WRITE
from videovector_core.runs.together import SegmentAsker
from videovector_core.runs.vectors import Relay, Vectorizer
from videovector_core.search.checker import Checker
from videovector_core.search.filling import FILL, Filling
from videovector_core.search.ports import FiltersTx
from videovector_core.search.reembedding import Reembedding
from videovector_core.search.service import Search
from videovector_core.sqlsearch.exporting import ExportTables
from videovector_core.sqlsearch.files import RELEASE, KeptFiles
from videovector_core.sqlsearch.ports import SqlEngine, Tables
from videovector_core.sqlsearch.service import SqlSearch
from videovector_core.sqlsearch.sources import Sources
from videovector_core.sqlsearch.writing import Writing, WritingAhead
from videovector_core.transactions import Joining
from videovector_core.usage import Usage
from videovector_core.vectors.ports import VectorIndex
from videovector_core.webhooks.delivery import DELIVER, RETENTION, Deliverer, Keeping, retention
from videovector_core.webhooks.ports import Poster, WebhooksTx
from videovector_core.webhooks.sending import Sender
from videovector_core.webhooks.service import Webhooks
from videovector_core.webhooks.watching import FANOUT
from videovector_core.work import Engine, Kind, Pace
from videovector_core.workflow.ports import RankingsTx
from videovector_core.workflow.selection import Selection
from videovector_core.workflow.service import Workflow


class Tx(
    DeletionsTx,
    ImportsUseTx,
    AccessTx,
    ReceiptsTx,
    ChatStoreTx,
    FiltersTx,
    WebhooksTx,
    RankingsTx,
    ExportStoreTx,
    OrdersTx,
    ConnectorsTx,
    Protocol,
):
    """Everything that one transaction reaches."""


@frozen
class Ports:
    """All that the application asks of the outside."""

    begin: Begin[Tx]
    clock: Clock
    ids: Ids
    blobs: Blobs
    doorbell: Doorbell
    decoder: Decoder
    models: Models
    vectors: VectorIndex
    buckets: Buckets
    pepper: Secret
    """Keys the hashes of API keys."""
    poster: Poster
    sealer: Sealer
    storage: Storage
    fetcher: Fetcher
    sql: SqlEngine | None = None
    tables: Tables | None = None


@frozen
class Concurrency:
    """How much of each kind of work one process does at once."""

    media: int = 1
    segments: int = 4
    synthesis: int = 2
    files: int = 4
    """Files that are imported at the same time."""
    receivers: int = 64
    """Receivers of webhooks that are sent to at the same time."""
    turns: int = 8
    """Questions of chats that are answered at the same time."""


@define(repr=False)
class VideoVector:
    """The use cases, by capability, and the handlers of background work."""

    ports: Ports
    concurrency: Concurrency = Concurrency()
    stream_pace: StreamPace = field(factory=StreamPace)
    keeping: Keeping = field(factory=Keeping)
    chat_caps: chat_turns.Caps = field(factory=chat_turns.Caps)
    run_caps: Caps = field(factory=Caps)
    keep_exports: timedelta = timedelta(days=7)
    keep_receipts: timedelta = timedelta(hours=24)
    max_media_bytes: int = 50 * 1024**3
    begin: Begin[Tx] = field(init=False)
    access: Access = field(init=False)
    indexes: Indexes = field(init=False)
    connectors: Connectors = field(init=False)
    media: Media = field(init=False)
    imports: Imports = field(init=False)
    import_jobs: ImportJobs = field(init=False)
    prompts: Prompts = field(init=False)
    drafts: Drafting = field(init=False)
    runs: Runs = field(init=False)
    comparing: Comparing = field(init=False)
    search: Search = field(init=False)
    sql: SqlSearch | None = field(init=False)
    chat: Chat = field(init=False)
    files: KeptFiles = field(init=False)
    deletions: Deletions = field(init=False)
    markers: Markers[Tx] = field(init=False)
    usage: Usage = field(init=False)
    streams: Streams = field(init=False)
    webhooks: Webhooks = field(init=False)
    exports: Exports = field(init=False)
    automations: Automations = field(init=False)
    workflow: Workflow = field(init=False)
    selection: Selection = field(init=False)
    checker: Checker = field(init=False)
    relay: Relay = field(init=False)
    reembedding: Reembedding = field(init=False)
    kinds: Mapping[str, Kind[Tx]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        p = self.ports
        begin = self.begin = Joining(p.begin)
        self.access = Access(begin, p.clock, p.ids, p.pepper)
        self.indexes = Indexes(begin, p.clock, p.ids)
        self.connectors = Connectors(begin, p.clock, p.ids, p.storage, p.sealer, self._users, check_base)
        self.media = Media(begin, p.clock, p.ids, p.blobs, p.decoder)
        self.imports = Imports(begin, p.clock, p.ids, self.media)
        self.import_jobs = ImportJobs(begin, p.clock, p.ids, p.sealer, p.fetcher)
        self.prompts = Prompts(begin, p.clock, p.ids)
        self.drafts = Drafting(begin, p.clock, p.models.drafter)
        self.runs = Runs(begin, p.clock, p.ids, p.models.table, self.run_caps)
        self.comparing = Comparing(begin)
        self.search = Search(begin, p.vectors, p.models)
        self.files = KeptFiles(begin, p.blobs)
        self.sql = self._sql(begin)
        self.chat = Chat(begin, p.clock, p.ids, p.doorbell, self.search)
        self.deletions = Deletions(begin, p.clock, p.ids, p.blobs, p.vectors, (Forgetting(begin).media,))
        self.streams = Streams(begin, p.clock, p.doorbell, self.stream_pace)
        self.webhooks = Webhooks(begin, p.clock, p.ids, Sender(p.poster, p.sealer, p.clock))
        self.workflow = Workflow(begin, p.clock, p.ids, self.search)
        self.selection = Selection(begin)
        self.checker = Checker(begin, p.vectors)
        self.relay = Relay(begin, p.vectors)
        self.reembedding = Reembedding(begin)
        self.markers = Markers(begin, p.clock, p.ids, TARGETS)
        self.usage = Usage(begin, p.clock)
        self.exports = Exports(begin, p.clock, p.ids, parquet=p.tables is not None)
        self.automations = Automations(begin, p.clock, p.models.table)
        self.kinds = self._kinds(begin)

    def engine(self, pace: Pace = Pace()) -> Engine[Tx]:  # noqa: B008 - frozen
        """Return the engine that does this application's background work."""
        return Engine(self.begin, self.kinds, self.ports.doorbell, pace)

    def _sql(self, begin: Begin[Tx]) -> SqlSearch | None:
        p = self.ports
        if p.sql is None or p.tables is None:
            return None
        sources = Sources(begin, p.sql.limits.max_runs)
        return SqlSearch(Writing(sources, p.tables, self.files), sources, p.sql)

    async def keep_house(self) -> None:
        """See to it that what is older than is kept will be forgotten; to be called when a server starts."""
        async with self.begin() as tx:
            await tx.work.add([retention(), forgetting()])

    def _importing(self, begin: Begin[Tx]) -> Importing:
        p = self.ports
        sources = Origins(self.connectors, p.fetcher, Shelf(self.connectors), self.max_media_bytes)
        return Importing(begin, p.clock, p.ids, self.media, sources)

    async def _users(self, tx: Tx, user_id: str, connector_id: str) -> list[str]:
        """Name what stands against deleting a connector."""
        users = [await named(tx, user_id, connector_id) for named in (exports_using, automations_using)]
        return [*await self.import_jobs.using(tx, user_id, connector_id), *users[0], *users[1]]

    def _turns(self, begin: Begin[Tx]) -> chat_turns.Turns:
        p = self.ports
        tools = Tools(begin, self.search, self.sql)
        decider = ByModel(p.models.chat, tools) if p.models.chat is not None else ByRules(tools)
        return chat_turns.Turns(begin, p.clock, p.doorbell, tools, decider, self.chat_caps)

    def _kinds(self, begin: Begin[Tx]) -> dict[str, Kind[Tx]]:
        p, most = self.ports, self.concurrency
        gatherer = Gatherer(begin, p.blobs, p.decoder, p.models)
        asker = Asker(begin, p.clock, p.ids, Pacing(p.models.table, p.buckets))
        vectorizer = Vectorizer(begin, p.models)
        processing = Processing(begin, p.clock, p.ids, gatherer, SegmentAsker(asker))
        work = Pipeline(begin, p.clock, p.ids, gatherer, processing, vectorizer)
        synthesis = Synthesis(begin, p.clock, p.ids, asker, vectorizer)
        settling = Settling(begin, p.clock, self.relay, columnar=self.sql is not None)
        telling = Deliverer(begin, p.clock, p.ids, self.webhooks.sender, self.keeping)
        columnar = ExportTables(p.tables) if p.tables is not None else None
        builder = Builder(begin, p.clock, p.blobs, self.connectors, columnar, self.keep_exports)
        ticker = Ticker(
            begin,
            p.clock,
            p.ids,
            Arrivals(begin, self.connectors, self.import_jobs),
            PresetRuns(begin, self.runs),
            self.exports,
        )
        answering = self._turns(begin)
        forgetter = Forgetter(begin, p.clock, self.keep_receipts)
        bringing = self._importing(begin)
        kinds: tuple[Kind[Tx], ...] = (
            Kind(importing.SCAN, bringing.scan, bringing.scan_lost, concurrency=2),
            Kind(importing.FILE, bringing.file, bringing.file_lost, concurrency=most.files),
            Kind(chat_turns.TURN, answering.handle, answering.lost, concurrency=most.turns, retry_seconds=0.5),
            Kind(building.BUILD, builder.build, builder.lost, concurrency=2, promise_seconds=600),
            Kind(building.CLEAN, builder.clean, builder.again, concurrency=1),
            Kind(building.EXPIRE, builder.expire, builder.again, concurrency=1),
            Kind(watching.TICK, ticker.tick, ticker.lost, promise_seconds=600),
            Kind(watching.EXPORT, ticker.export, ticker.lost),
            Kind(watching.EXPORTED, ticker.exported, ticker.lost),
            Kind(FANOUT, telling.fan_out, telling.lost, retry_seconds=0.5),
            Kind(DELIVER, telling.deliver, telling.lost, concurrency=most.receivers),
            Kind(FORGET, forgetter.forget, forgetter.lost, concurrency=1),
            Kind(RETENTION, telling.retain, telling.lost, concurrency=1, promise_seconds=600),
            Kind(pipeline.MEDIUM, work.medium, work.medium_lost, concurrency=most.media, promise_seconds=600),
            Kind(pipeline.SEGMENT, work.segment, work.segment_lost, concurrency=most.segments),
            Kind(pipeline.RETRY, work.retry, work.retry_lost, concurrency=most.segments),
            Kind(pipeline.SYNTHESIS, synthesis.handle, synthesis.lost, concurrency=most.synthesis),
            Kind(pipeline.SETTLE, settling.settle, settling.settle_lost),
            Kind(RELEASE, self.files.release, concurrency=1),
            Kind(FILL, Filling().fill, concurrency=1),
            Kind(PURGE, self.deletions.purge, promise_seconds=600),
            Kind(pipeline.VECTORS, settling.vectors, retry_seconds=0.5),
        )
        if self.sql is not None:
            ahead = WritingAhead(self.sql.writing, settling)
            kinds = (*kinds, Kind(WRITE, ahead.handle, settling.unwritten, concurrency=1, retry_seconds=0.5))
        return {kind.name: kind for kind in kinds}
