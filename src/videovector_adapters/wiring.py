"""The composition root: settings in, a working `VideoVector` out. Nothing else knows which adapter is used."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from attrs import evolve, frozen
from psycopg.conninfo import make_conninfo

from videovector_adapters import secrets
from videovector_adapters.av.derive import StoredDecoder
from videovector_adapters.av.limits import MediaLimits
from videovector_adapters.av.reader import AvReader
from videovector_adapters.children import die_with_parent
from videovector_adapters.egress import Egress
from videovector_adapters.modelling import Chosen
from videovector_adapters.postgres.database import Database, PgBuckets
from videovector_adapters.postgres.embedded import EmbeddedPostgres
from videovector_adapters.postgres.migrate import migrate, shipped
from videovector_adapters.qdrant.edge import EdgeServer, EdgeVectors
from videovector_adapters.settings import Settings
from videovector_adapters.storage.connectors import Storages
from videovector_adapters.storage.doors import Doors
from videovector_adapters.storage.files import FileBlobs
from videovector_adapters.tokens import Bearers, OidcVerifier, Tokens
from videovector_core.access.secrets import Secret
from videovector_core.access.service import Access
from videovector_core.app import Concurrency, Ports, VideoVector
from videovector_core.events.stream import StreamPace
from videovector_core.ids import new_id
from videovector_core.models.ports import TextEmbedder
from videovector_core.ports import Blobs, Doorbell
from videovector_core.runs.service import Caps
from videovector_core.vectors.ports import VectorIndex
from videovector_core.webhooks.delivery import Keeping
from videovector_core.work import Pace

__all__ = [
    "accounts",
    "bearers",
    "build",
    "database",
    "die_with_parent",
    "pace",
    "secret_key",
    "shipped",
    "text_embedder",
    "tokens",
]

log = logging.getLogger(__name__)

_WATCH_SECONDS: Final = 1.0


@frozen
class SystemClock:
    """`Clock` of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@frozen
class RandomIds:
    """`Ids` from time and entropy."""

    def new(self, kind: str) -> str:
        return new_id(kind)


@contextlib.asynccontextmanager
async def build(settings: Settings, *, owns_engine: bool | None) -> AsyncIterator[VideoVector]:
    """Put the application together and take it apart again.

    `owns_engine` says who runs the embedded vector engine: this process, another one (`False`), or whoever has it
    already and otherwise this one (`None`).
    """
    async with contextlib.AsyncExitStack() as stack:
        opened = await stack.enter_async_context(database(settings))
        vectors = await _vectors(settings, stack, owns_engine=owns_engine)
        blobs = FileBlobs(settings.data_dir.absolute() / "blobs")
        limits = MediaLimits(size=settings.max_media_bytes, seconds=settings.max_media_seconds)
        reader = AvReader(limits)
        stack.push_async_callback(reader.close)
        ports = Ports(
            begin=opened.begin,
            clock=SystemClock(),
            ids=RandomIds(),
            blobs=blobs,
            doorbell=_doorbell(settings, opened.doorbell, stack),
            decoder=StoredDecoder(reader, blobs),
            models=evolve(Chosen(settings, stack).models(), also=_also(settings, stack)),
            vectors=vectors,
            buckets=PgBuckets(opened),
            pepper=_pepper(settings),
            poster=Egress(settings.egress_allow),
            sealer=secrets.Envelope(secret_key(settings)),
            storage=_storage(settings),
            fetcher=Egress(settings.egress_allow),
            **_sql(blobs, stack),
        )
        yield VideoVector(
            ports,
            Concurrency(segments=settings.segment_concurrency),
            StreamPace(retention=settings.event_retention_hours * 3600),
            Keeping(timedelta(hours=settings.event_retention_hours)),
            keep_exports=timedelta(hours=settings.export_retention_hours),
            keep_receipts=timedelta(hours=settings.receipt_retention_hours),
            max_media_bytes=settings.max_media_bytes,
            run_caps=Caps(settings.run_max_calls, settings.run_max_cost),
        )


@contextlib.asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    """Open the database, its tables up to date: the operator's, or the embedded one, started when nobody runs it yet."""
    prepare(settings.data_dir)
    async with contextlib.AsyncExitStack() as stack:
        if settings.database_url is not None:
            dsn = settings.database_url.get_secret_value()
        else:
            embedded = EmbeddedPostgres(settings.data_dir.absolute())
            dsn = await stack.enter_async_context(embedded)
            await stack.enter_async_context(_kept_up(embedded, dsn))
        await migrate(dsn)
        yield await stack.enter_async_context(Database.open(_patient(dsn, settings), RandomIds()))


@contextlib.asynccontextmanager
async def _kept_up(embedded: EmbeddedPostgres, dsn: str) -> AsyncIterator[None]:
    """Start the embedded server again when it dies; of several processes that notice, one does it."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            try:
                async with await psycopg.AsyncConnection.connect(dsn, connect_timeout=5, autocommit=True):
                    continue
            except psycopg.Error:
                log.warning("the embedded database is gone; starting it again")
            try:
                await asyncio.to_thread(embedded.start)
            except Exception:
                log.exception("the embedded database does not start; trying again")

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _patient(dsn: str, settings: Settings) -> str:
    """Let the server end a transaction whose process stands still: its row locks would hide the work from the sweeper."""
    known = psycopg.conninfo.conninfo_to_dict(dsn).get("options") or ""
    limit = round(settings.lease_seconds * 1000)
    return make_conninfo(dsn, options=f"-c idle_in_transaction_session_timeout={limit} {known}")


@contextlib.asynccontextmanager
async def accounts(settings: Settings) -> AsyncIterator[Access]:
    """Open just what users and keys need; this works beside a running server."""
    async with database(settings) as opened:
        yield Access(opened.begin, SystemClock(), RandomIds(), _pepper(settings))


def prepare(data_dir: Path) -> None:
    """Make the data directory, private to its owner."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    data_dir.chmod(0o700)


def secret_key(settings: Settings) -> bytes:
    """Return the key that everything secret is derived from: the operator's, or one made in the data directory."""
    if settings.secret_key is not None:
        return secrets.key_from_text(settings.secret_key.get_secret_value())
    return secrets.load_or_create_key(settings.data_dir.absolute())


def tokens(settings: Settings) -> Tokens:
    """Return the issuer of our own bearer tokens."""
    return Tokens(secret_key(settings), "videovector", "videovector", SystemClock())


def bearers(settings: Settings) -> Bearers:
    """Return the verifier of bearer tokens: our own, and those of the issuer that the operator trusts."""
    if settings.oidc_issuer is None:
        return Bearers(tokens(settings))
    door = Egress(settings.egress_allow)
    return Bearers(
        tokens(settings), OidcVerifier(settings.oidc_issuer, settings.oidc_audience or "", door, SystemClock())
    )


def pace(settings: Settings) -> Pace:
    """Return the times of the work engine."""
    return Pace.for_lease(settings.lease_seconds)


def _doorbell(settings: Settings, near: Doorbell, stack: contextlib.AsyncExitStack) -> Doorbell:
    if settings.broker_url is None:
        return near
    from videovector_adapters import dramatiq  # noqa: PLC0415 - an extra that few servers need

    broker = dramatiq.connected(settings.broker_url.get_secret_value())
    stack.callback(broker.close)
    return stack.enter_context(dramatiq.BrokerDoorbell(near, broker).sending())


def _sql(blobs: Blobs, stack: contextlib.AsyncExitStack) -> dict[str, Any]:
    """Return the ports of SQL search where its engine is installed; its processes start with the first question."""
    try:
        from videovector_adapters.duckdb.sandbox import DuckdbSandbox  # noqa: PLC0415 - an extra, which may not be there
        from videovector_adapters.duckdb.tables import ParquetTables  # noqa: PLC0415 - as above
    except ModuleNotFoundError:
        return {}
    engine = DuckdbSandbox()
    stack.push_async_callback(engine.close)
    return {"sql": engine, "tables": ParquetTables(blobs)}


def _storage(settings: Settings) -> Storages:
    return Storages(
        Doors(
            allow=settings.egress_allow,
            local_roots=settings.local_connector_roots,
            s3_endpoint_url=settings.s3_endpoint_url,
            gcs_endpoint_url=settings.gcs_endpoint_url,
            azure_endpoint_url=settings.azure_endpoint_url,
            azure_authority_url=settings.azure_authority_url,
        )
    )


def _pepper(settings: Settings) -> Secret:
    return Secret(secrets.derive(secret_key(settings), "api-keys").hex())


async def _vectors(settings: Settings, stack: contextlib.AsyncExitStack, *, owns_engine: bool | None) -> VectorIndex:
    if settings.qdrant_url is not None:
        from videovector_adapters.qdrant import server as remote  # noqa: PLC0415 - its client takes a second to import

        key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
        cluster = remote.QdrantVectors(remote.connect(settings.qdrant_url, key))
        stack.push_async_callback(cluster.close)
        return cluster
    directory = settings.data_dir.absolute() / "vectors"
    socket = directory / "engine.sock"
    if owns_engine is None:
        owns_engine = not await _answers(socket)
    if owns_engine:
        server = EdgeServer(directory, socket)
        await server.start()
        stack.push_async_callback(server.stop)
    vectors = EdgeVectors(socket)
    stack.push_async_callback(vectors.close)
    return vectors


def text_embedder(settings: Settings, model: str, stack: contextlib.AsyncExitStack) -> TextEmbedder:
    """Return the model of texts that is called `local` or `openai:NAME`, to be closed with `stack`.

    Raises:
        WrongSetting: there is no such model, or no endpoint for it.
    """
    wanted = settings.model_copy(update={"text_embedding_model": model})
    return Chosen(wanted, stack).text_embedder()


def _also(settings: Settings, stack: contextlib.AsyncExitStack) -> tuple[TextEmbedder, ...]:
    named = settings.also_text_embedding_model
    return () if named is None or named == settings.text_embedding_model else (text_embedder(settings, named, stack),)


async def _answers(socket: Path) -> bool:
    vectors = EdgeVectors(socket)
    try:
        await vectors.count()
    except Exception:  # noqa: BLE001 - whatever is wrong, nobody answers
        return False
    else:
        return True
    finally:
        await vectors.close()


def settle_down() -> None:
    """Take what lives as long as the process out of the collector's sight, once a process has all that it works with.

    Looking through it takes 0.1 s, in which nothing else is done, and an import of 40 films did so a tenth of its time.
    """
    gc.collect()
    gc.freeze()
