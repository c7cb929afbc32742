"""What an import costs beside a bare copy of the same objects from the same S3 server, and the memory of a long listing."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import tempfile
import time
import tracemalloc
import wave
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
from s3fs import S3FileSystem

from tests import emulators, postgres
from tests.bench.rows import Row
from tests.emulators import Emulator
from tests.faults.faults_webhooks import _server
from videovector_adapters import memory
from videovector_adapters.av.derive import StoredDecoder
from videovector_adapters.av.limits import MediaLimits
from videovector_adapters.av.reader import AvReader
from videovector_adapters.egress_addresses import networks
from videovector_adapters.postgres.database import Database
from videovector_adapters.postgres.migrate import migrate
from videovector_adapters.storage.connectors import Storages
from videovector_adapters.storage.doors import Doors
from videovector_adapters.storage.files import FileBlobs
from videovector_adapters.wiring import RandomIds, SystemClock
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_core.connectors.model import Connector, Provider
from videovector_core.imports.model import JobStatus

OBJECTS = 40
SIZE = 16 * 1024 * 1024
KEYS = int(os.environ.get("BENCH_KEYS", "100000"))


def bench() -> Iterator[Row]:
    """Measure both against moto."""
    server = _server()
    dsn = postgres.fresh(server)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-import-") as name, emulators.s3(Path(name) / "s3") as storage:
            _fill(storage)
            bare = [_bare(storage, Path(name) / f"bare{n}") for n in range(2)]
            ours = asyncio.run(_import(storage, dsn, Path(name) / "blobs"))
            bare.append(_bare(storage, Path(name) / "bare2"))
            best = max(bare)
            yield Row(
                f"import of {OBJECTS} files of 16 MB from moto", ours, "MB/s", f"{ours / best:.2f} of a bare s3fs copy"
            )
            yield Row("bare s3fs copy of the same objects to files, 4 at a time", best, "MB/s", "the best of three")
            yield from asyncio.run(_listing(storage))
    finally:
        postgres.drop(server, dsn)


def _clip() -> bytes:
    """Return a short sound file with silence up to the size."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(SIZE))
    return out.getvalue()


def _fill(storage: Emulator) -> None:
    content = bytearray(_clip())
    with httpx.Client(base_url=f"{storage.url}/media/in", timeout=60) as client:
        for number in range(OBJECTS):
            content[-4:] = number.to_bytes(4, "big")
            client.put(f"/{number:04}.wav", content=bytes(content)).raise_for_status()


def _bare(storage: Emulator, folder: Path) -> float:
    keys = storage.credentials
    fs = S3FileSystem(
        key=keys["aws_access_key_id"],
        secret=keys["aws_secret_access_key"],
        endpoint_url=storage.url,
        skip_instance_cache=True,
        use_listings_cache=False,
    )
    folder.mkdir()
    began = time.perf_counter()
    found = fs.find("media/in")
    fs.get(found, [str(folder / Path(one).name) for one in found], batch_size=4)
    took = time.perf_counter() - began
    assert len(found) == OBJECTS
    return OBJECTS * SIZE / took / 1e6


def _storages(storage: Emulator) -> Storages:
    return Storages(Doors(allow=networks(emulators.LOOPBACK), **storage.doors))


@contextlib.asynccontextmanager
async def _opened(storage: Emulator, dsn: str, blobs: Path) -> AsyncIterator[VideoVector]:
    await migrate(dsn)
    ids = RandomIds()
    kept = FileBlobs(blobs)
    reader = AvReader(MediaLimits())
    try:
        async with Database.open(dsn, ids) as database:
            ports = memory.ports(
                begin=database.begin,
                clock=SystemClock(),
                ids=ids,
                doorbell=database.doorbell,
                blobs=kept,
                decoder=StoredDecoder(reader, kept),
                storage=_storages(storage),
            )
            yield VideoVector(ports)
    finally:
        await reader.close()


async def _import(storage: Emulator, dsn: str, blobs: Path) -> float:
    caller = Caller("user_1")
    async with _opened(storage, dsn, blobs) as vv:
        made = await vv.connectors.create(
            caller, name="c", provider=Provider.S3, credentials=storage.credentials, **storage.place
        )
        index = await vv.indexes.create(caller, name="films")
        stop = asyncio.Event()
        engine = asyncio.create_task(vv.engine().run(stop))
        began = time.perf_counter()
        job = await vv.import_jobs.start(caller, connector_id=made.connector_id, index_id=index.index_id)
        while not (view := await vv.imports.get(caller, job.job_id)).job.terminal:
            await asyncio.sleep(0.05)
        took = time.perf_counter() - began
        stop.set()
        await engine
    assert view.job.status is JobStatus.COMPLETED, view.job
    assert view.job.imported == OBJECTS, view.failed
    return OBJECTS * SIZE / took / 1e6


async def _listing(storage: Emulator) -> list[Row]:
    """List many keys and hold only pages of them."""
    async with httpx.AsyncClient(base_url=f"{storage.url}/media/many", timeout=60) as client:
        for start in range(0, KEYS, 200):
            await asyncio.gather(*(client.put(f"/{n:06}.mp4", content=b"") for n in range(start, start + 200)))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    place = Connector("c", "u", "n", Provider.S3, now, now, **storage.place)
    async with _storages(storage).open(place, storage.credentials) as bucket:
        seen, began = 0, time.perf_counter()
        tracemalloc.start()
        async for page in bucket.pages("many/"):
            seen += len(page)
        peak, took = tracemalloc.get_traced_memory()[1], time.perf_counter() - began
        tracemalloc.stop()
    assert seen == KEYS
    return [
        Row(f"listing {KEYS:,} keys, peak of what is held", peak / 1e6, "MB", "a page is 1,000 keys"),
        Row("the same", seen / took, "keys/s", "traced, so slower than it is"),
    ]
