"""The process that builds exports is killed again and again; what appears is whole, and nothing is left over."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import itertools
import os
import random
import sys
import tempfile
from asyncio.subprocess import Process
from pathlib import Path
from typing import BinaryIO

from tests import postgres
from tests.faults.exporter import OF_A_MEDIUM, RUN, USER, filled, opened
from tests.faults.faults_webhooks import _server
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_core.connectors.model import Connector, Use
from videovector_core.exports.model import Export, ExportStatus
from videovector_core.exports.service import Wanted

PROMISE = "builder of an export killed: no half object is seen, content is equal, nothing is left over"
MEGABYTES = float(os.environ.get("FAULTS_EXPORT_MB", "20"))
KILLS = int(os.environ.get("FAULTS_KILLS", "3"))
ROW = 10_000
ROWS = max(1, int(MEGABYTES * 1_000_000 / ROW))
PATIENCE = 60.0 + 2.0 * MEGABYTES


async def trial(seed: int) -> str | None:
    """Build an export to download and one to a place, kill, wait, compare; return what went wrong, or nothing."""
    dsn = await asyncio.to_thread(_standing)
    try:
        with tempfile.TemporaryDirectory(prefix="videovector-faults-") as name:
            async with opened(dsn, Path(name)) as vv:
                wrong = await _trial(vv, Path(name), dsn, random.Random(seed))
    except BaseException:
        _standing.cache_clear()
        raise
    if wrong:
        _standing.cache_clear()
    return wrong


@functools.cache
def _standing() -> str:
    """Make a database with the run that every trial exports: filling it takes longer than exporting it."""
    dsn = postgres.fresh(_server())

    async def fill() -> None:
        with tempfile.TemporaryDirectory(prefix="videovector-faults-") as name:
            async with opened(dsn, Path(name)) as vv:
                await filled(vv, ROWS, ROW)

    asyncio.run(fill())
    return dsn


async def _trial(vv: VideoVector, folder: Path, dsn: str, chance: random.Random) -> str | None:
    caller, now = Caller(USER), vv.ports.clock.now()
    connector_id = vv.ports.ids.new("connector")
    target = Connector(connector_id, USER, "c", "local", now, now, (Use.EXPORT,), root=str(folder / "place"))
    async with vv.begin() as tx:
        await tx.connectors.add(target)
    asked = [await vv.exports.of_run(caller, RUN, wanted=one) for one in (Wanted(), Wanted(connector_id))]
    seen: list[str] = []
    watching = asyncio.create_task(_watch(folder / "place", seen))
    process = await _start(dsn, folder)
    try:
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.5, 2.0 + MEGABYTES / 15))
            process.kill()
            await process.wait()
            process = await _start(dsn, folder)
        ended = [await _ended(vv, caller, one.export_id) for one in asked]
        await _cleaned(vv)
    finally:
        watching.cancel()
        process.kill()
        await process.wait()
    return seen[0] if seen else await asyncio.to_thread(_compared, folder, ended)


async def _watch(place: Path, seen: list[str]) -> None:
    """Look for an object that is not whole: whoever sees a name sees all of its content."""
    sizes: dict[Path, int] = {}
    while not seen:
        seen += _changed(place, sizes)
        await asyncio.sleep(0.01)


def _changed(place: Path, sizes: dict[Path, int]) -> list[str]:
    found = []
    for path in place.rglob("exp_*.json"):
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            if sizes.setdefault(path, size) != size:
                found.append(f"{path.name} was seen with {sizes[path]} bytes and with {size}")
    return found


def _compared(folder: Path, ended: list[Export]) -> str | None:
    here, there = ended
    failed = [one for one in ended if one.status is not ExportStatus.COMPLETED]
    if failed:
        return f"an export is {failed[0].status.value} after {failed[0].attempts} attempts: {failed[0].error_message}"
    blobs = [path for path in (folder / "blobs").glob("??/*") if path.is_file()]
    if [path.name for path in blobs] != [here.sha256]:
        return f"{len(blobs)} blobs are there in place of one"
    hidden = folder / "place" / ".videovector-incoming"
    objects = sorted(path for path in (folder / "place").rglob("*") if path.is_file() and hidden not in path.parents)
    if [path.name for path in objects] != [there.name, f"{there.name}.sha256"]:
        return f"the place holds {[path.name for path in objects]}"
    with objects[0].open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != objects[1].read_text().split()[0]:
            return "the delivered file does not have the sum that lies beside it"
    with blobs[0].open("rb") as one, objects[0].open("rb") as other:
        return _equal(one, other)


def _equal(one: BinaryIO, other: BinaryIO) -> str | None:
    """Compare line by line, since there is one for each segment; the first ones tell of the export itself."""
    next(one), next(other)
    found = 0
    for line, beside in itertools.zip_longest(one, other):
        if line != beside:
            return f"the two files differ after {found} segments"
        if b'"text":"' in line:
            text = line.partition(b'"text":"')[2].split(maxsplit=1)[0].decode()
            if text != f"{found // OF_A_MEDIUM}-{found % OF_A_MEDIUM}":
                return f"{text} is segment {found}"
            found += 1
    return None if found == ROWS else f"{found} segments in place of {ROWS}"


async def _ended(vv: VideoVector, caller: Caller, export_id: str) -> Export:
    until = asyncio.get_running_loop().time() + PATIENCE
    while True:
        found = await vv.exports.get(caller, export_id)
        if found.over or asyncio.get_running_loop().time() > until:
            return found
        await asyncio.sleep(0.2)


async def _cleaned(vv: VideoVector) -> None:
    """Wait until the parts are removed."""
    for _ in range(300):
        async with vv.begin() as tx:
            if not await tx.work.pending("export.clean", prefix="exp_"):
                return
        await asyncio.sleep(0.2)


async def _start(dsn: str, folder: Path) -> Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.faults.exporter", dsn, str(folder))
