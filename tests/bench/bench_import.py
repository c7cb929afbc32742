"""What an import costs beside a bare copy of the same objects from the same S3 server, and the memory of a long listing."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import io
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import av
import httpx
import numpy as np
from s3fs import S3FileSystem

from tests import emulators, postgres
from tests.bench.rows import Row
from tests.emulators import Emulator
from tests.imports import scripted
from tests.imports.scripted import PAGE, Scripted
from videovector_adapters import memory, wiring
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
from videovector_core.imports.model import ImportJob, JobStatus

SIZES = {16: 40, 64: 12, 256: 3}
"""Megabytes of a film, and how many there are."""
ROUNDS = 3
KEYS = int(os.environ.get("BENCH_KEYS", "100000"))


def bench() -> Iterator[Row]:
    """Measure both against moto."""
    server = postgres.lasting_server()
    dsn = postgres.fresh(server)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-import-") as name, emulators.s3(Path(name) / "s3") as storage:
            for megabytes, count in SIZES.items():
                yield from asyncio.run(_compared(storage, dsn, Path(name) / str(megabytes), megabytes, count))
        yield from asyncio.run(_listing(server))
    finally:
        postgres.drop(server, dsn)


def _film(size: int) -> bytes:
    """Return a film of noise of about the size, without its last box."""
    noise = np.random.default_rng(1)
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25, width=640, height=360, pix_fmt="yuv420p", bit_rate=50_000_000)
        while out.tell() < size:
            picture = noise.integers(0, 256, (360, 640, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return out.getvalue()


def _fill(storage: Emulator, prefix: str, film: bytes, count: int) -> None:
    """Put films that differ in a box at their end, and one to begin with."""
    with httpx.Client(base_url=f"{storage.url}/media/{prefix}", timeout=60) as client:
        # other films in each turn: to keep the same ones again would first remove what was kept
        numbers = [f"in{turn}/{number:04}" for turn in range(ROUNDS) for number in range(count)]
        for name in ("warm/first", *numbers):
            last = (16).to_bytes(4, "big") + b"free" + name.encode()[-8:].rjust(8)
            client.put(f"/{name}.mp4", content=film + last).raise_for_status()


async def _compared(storage: Emulator, dsn: str, folder: Path, megabytes: int, count: int) -> list[Row]:
    """Import and copy in turns, after one file that starts what a running server has started."""
    film = _film(megabytes * 1024**2)
    _fill(storage, folder.name, film, count)
    ours, bare, plain = [], [], []
    async with _opened(storage, dsn, folder / "blobs") as vv:
        await _import(vv, storage, f"{folder.name}/warm/", 1)
        for turn in range(ROUNDS):
            place = f"{folder.name}/in{turn}"
            # in one request each: the ranges that it cuts objects of over 50 MB into take it more than twice as long here
            bare.append(await asyncio.to_thread(_bare, storage, f"media/{place}", folder, max_concurrency=1))
            plain.append(await asyncio.to_thread(_bare, storage, f"media/{place}", folder))
            ours.append(await _import(vv, storage, f"{place}/", count))
    rates = [count * len(film) / statistics.median(one) / 1e6 for one in (ours, bare, plain)]
    beside = f"{rates[0] / rates[1]:.2f} of a bare s3fs copy (medians of {ROUNDS}, in turns)"
    what = f"{count} films of {megabytes} MB from moto, 4 at a time"
    return [
        Row(f"import of {what}", rates[0], "MB/s", beside),
        Row(f"bare s3fs copy of {what}, in one request each", rates[1], "MB/s"),
        Row(f"bare s3fs copy of {what}, as s3fs does it", rates[2], "MB/s", f"the import is {rates[0] / rates[2]:.2f}"),
    ]


def _bare(storage: Emulator, place: str, beside: Path, **how: int) -> float:
    keys = storage.credentials
    fs = S3FileSystem(
        key=keys["aws_access_key_id"],
        secret=keys["aws_secret_access_key"],
        endpoint_url=storage.url,
        skip_instance_cache=True,
        use_listings_cache=False,
    )
    folder = beside / "bare"
    folder.mkdir(parents=True)
    began = time.perf_counter()
    found = fs.find(place)
    fs.get(found, [str(folder / Path(one).name) for one in found], batch_size=4, **how)
    took = time.perf_counter() - began
    shutil.rmtree(folder)
    return took


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
            vv, stop = VideoVector(ports), asyncio.Event()
            wiring.settle_down()  # as a worker does
            engine = asyncio.create_task(vv.engine().run(stop))
            yield vv
            stop.set()
            await engine
    finally:
        await reader.close()


async def _import(vv: VideoVector, storage: Emulator, prefix: str, count: int) -> float:
    caller = Caller("user_1")
    made = await vv.connectors.create(
        caller, name="c", provider=Provider.S3, credentials=storage.credentials, **storage.place
    )
    index = await vv.indexes.create(caller, name="films")
    began = time.perf_counter()
    job = await vv.import_jobs.start(
        caller, connector_id=made.connector_id, index_id=index.index_id, source_prefix=prefix
    )
    while not (told := await _told(vv, job)).terminal:
        await asyncio.sleep(0.05)
    took = time.perf_counter() - began
    assert (told.status, told.imported) == (JobStatus.COMPLETED, count), told
    return took


async def _told(vv: VideoVector, job: ImportJob) -> ImportJob:
    """Look at a job and at nothing else: whoever looks at its files as well has that work done in the same process."""
    async with vv.begin() as tx:
        found = await tx.imports.get(job.user_id, job.job_id)
    assert found is not None
    return found


class _Many(Scripted):
    """A place of so many keys, none of them media, whose lists cost next to nothing to make."""

    def page(self, prefix: str, after: str) -> tuple[list[str], bool]:
        start = int(after.removeprefix(prefix).partition(".")[0]) + 1 if after else 0
        return [f"{prefix}{n:07}.txt" for n in range(start, min(start + PAGE, KEYS))], start + PAGE < KEYS

    def size(self, key: str) -> int:
        return len(key)

    def tag(self, key: str) -> str:
        return f'"{key}"'


async def _listing(server: str) -> list[Row]:
    """List many keys, and scan them for an import job, which skips them all; the server that lists is in this process."""
    with scripted.serving(_Many()) as many:
        place = {"bucket": scripted.BUCKET, "region": "us-east-1"}
        keys = {"aws_access_key_id": "AKIDTESTS", "aws_secret_access_key": "secret-of-tests"}
        storage = Emulator("s3", many.url, place, keys, keys, doors={"s3_endpoint_url": many.url})
        async with _storages(storage).open(_place(storage), keys):
            pass  # what every client of the process shares is read at the first time
        rows = [await _measured("listing", functools.partial(_list, storage))]
        dsn = postgres.fresh(server)
        try:
            with tempfile.TemporaryDirectory(prefix="bench-import-") as name:
                async with _opened(storage, dsn, Path(name)) as vv:
                    rows.append(await _measured("an import job of", functools.partial(_import, vv, storage, "in/", 0)))
        finally:
            postgres.drop(server, dsn)
    return rows


async def _measured(what: str, go: Callable[[], Awaitable[object]]) -> Row:
    before = _anew()
    began = time.perf_counter()
    await go()
    took = time.perf_counter() - began
    grown = f"{KEYS / took:,.0f} keys/s, with the server that lists in the same process"
    return Row(f"{what} {KEYS:,} keys, growth of the process at its peak", _resident("VmHWM") - before, "MB", grown)


def _anew() -> float:
    """Let the peak begin anew, and return what this process holds now."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return _resident("VmRSS")


def _resident(what: str) -> float:
    """Return what the kernel says of the memory of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1000


async def _list(storage: Emulator) -> None:
    seen = 0
    async with _storages(storage).open(_place(storage), storage.credentials) as bucket:
        async for page in bucket.pages("many/"):
            seen += len(page)
    assert seen == KEYS


def _place(storage: Emulator) -> Connector:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Connector("c", "u", "n", Provider.S3, now, now, **storage.place)
