"""The process that builds exports is killed again and again; what appears is whole, and nothing is left over."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import os
import random
import sys
import tempfile
import time
from asyncio.subprocess import Process
from pathlib import Path

from attrs import frozen

from tests import postgres
from tests.faults.exporter import NOW, OF_A_MEDIUM, RUN, USER, filled, opened
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_core.connectors.model import Connector, Use
from videovector_core.exports.model import Export, ExportStatus, ExportType
from videovector_core.exports.service import Wanted
from videovector_core.exports.walk import Walker
from videovector_core.exports.writing import as_json

MEGABYTES = float(os.environ.get("FAULTS_EXPORT_MB", "20"))
PROMISE = f"builder of a {MEGABYTES:g} MB export killed: no half object is seen, content is equal, nothing is left over"
SERIES = f"faults_export {MEGABYTES:g} MB"
KILLS = int(os.environ.get("FAULTS_KILLS", "3"))
ROW = 10_000
ROWS = max(1, int(MEGABYTES * 1_000_000 / ROW))
PATIENCE = 60.0 + 2.0 * MEGABYTES


@frozen
class Standing:
    """A database with the run that every trial exports, and what follows the first line of each export of it."""

    dsn: str
    size: int
    sha256: str


async def trial(seed: int) -> str | None:
    """Build an export, to download with even seeds and to a place with odd ones; return what went wrong, or nothing."""
    standing = await asyncio.to_thread(_standing)
    try:
        with tempfile.TemporaryDirectory(prefix="videovector-faults-") as name:
            async with opened(standing.dsn, Path(name)) as vv:
                wrong = await _trial(vv, Path(name), standing, seed)
    except BaseException:
        _standing.cache_clear()
        raise
    if wrong:
        _standing.cache_clear()
    return wrong


@functools.cache
def _standing() -> Standing:
    """Fill a database, which takes longer than an export, and write the run down without parts, files or work."""
    dsn = postgres.fresh(postgres.lasting_server())

    async def fill() -> Standing:
        with tempfile.TemporaryDirectory(prefix="videovector-faults-") as name:
            async with opened(dsn, Path(name)) as vv:
                await filled(vv, ROWS, ROW)
                return await _written_down(vv, dsn)

    return asyncio.run(fill())


async def _written_down(vv: VideoVector, dsn: str) -> Standing:
    export = Export("exp_0", USER, ExportType.PROMPT_RUN, RUN, NOW, run_ids=(RUN,))
    body, found = _Body(), 0
    async for step in Walker(vv.begin).walk(export, export.place):
        written = as_json(export, step)
        body.take(written)
        for line in written.splitlines():
            if b'"text":"' in line:
                text = line.partition(b'"text":"')[2].split(maxsplit=1)[0].decode()
                assert text == f"{found // OF_A_MEDIUM}-{found % OF_A_MEDIUM}", f"{text} is segment {found}"
                found += 1
    assert found == ROWS, f"{found} segments in place of {ROWS}"
    return Standing(dsn, body.size, body.digest.hexdigest())


class _Body:
    """What follows the first line, which tells of the export itself."""

    def __init__(self) -> None:
        self.digest, self.size, self.begun = hashlib.sha256(), 0, False

    def take(self, chunk: bytes) -> None:
        if not self.begun:
            _, newline, chunk = chunk.partition(b"\n")
            self.begun = bool(newline)
        self.digest.update(chunk)
        self.size += len(chunk)


async def _trial(vv: VideoVector, folder: Path, standing: Standing, seed: int) -> str | None:
    chance, caller = random.Random(seed), Caller(USER)
    wanted = Wanted(await _place(vv, folder)) if seed % 2 else Wanted()
    asked = await vv.exports.of_run(caller, RUN, wanted=wanted)
    seen: list[str] = []
    watching = asyncio.create_task(_watch(folder, seen))
    process = await _start(standing.dsn, folder)
    try:
        # up to 1 its parts are written, up to 2 the file is made of them, and then what was left is removed
        for at in sorted(chance.uniform(0.0, 2.1) for _ in range(KILLS)):
            await _come(vv, folder, asked.export_id, standing.size, at * standing.size)
            process.kill()
            await process.wait()
            process = await _start(standing.dsn, folder)
        ended = await _ended(vv, caller, asked.export_id)
        await _cleaned(vv)
    finally:
        watching.cancel()
        process.kill()
        await process.wait()
        (watched,) = await asyncio.gather(watching, return_exceptions=True)
    if isinstance(watched, Exception):
        return f"nobody watched: {type(watched).__name__}: {watched}"
    return seen[0] if seen else await asyncio.to_thread(_compared, folder, ended, standing)


async def _place(vv: VideoVector, folder: Path) -> str:
    connector_id, now = vv.ports.ids.new("connector"), vv.ports.clock.now()
    target = Connector(connector_id, USER, "c", "local", now, now, (Use.EXPORT,), root=str(folder / "place"))
    async with vv.begin() as tx:
        await tx.connectors.add(target)
    return connector_id


async def _come(vv: VideoVector, folder: Path, export_id: str, size: int, wanted: float) -> None:
    """Wait until so many bytes are written: those of parts that are kept, and when all are, those of the file."""
    until = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < until:
        async with vv.begin() as tx:
            export = await tx.exports.get(USER, export_id)
            kept = sum(part.size for part in await tx.exports.parts(export_id))
        if export is None or export.over or kept + (_growing(folder) if kept >= size else 0) >= wanted:
            return
        await asyncio.sleep(0.02)


def _growing(folder: Path) -> int:
    """Return how much there is of the largest file that has no name yet and that somebody wrote to just now."""
    hidden = (*folder.glob("blobs/incoming/*"), *folder.glob("place/.videovector-incoming/*"))
    sizes = [0]
    for path in hidden:
        with contextlib.suppress(FileNotFoundError):
            about = path.stat()
            sizes += [about.st_size] if about.st_mtime > time.time() - 1.0 else []
    return max(sizes)


async def _watch(folder: Path, seen: list[str]) -> None:
    """Look for what is not whole: whoever sees the name of a blob or of an object sees all of its content."""
    sizes: dict[Path, int] = {}
    while not seen:
        seen += _changed(folder, sizes)
        await asyncio.sleep(0.02)


def _changed(folder: Path, sizes: dict[Path, int]) -> list[str]:
    found = []
    for path in (*folder.glob("blobs/??/*"), *(folder / "place").rglob("exp_*.json")):
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            if sizes.setdefault(path, size) != size:
                found.append(f"{path.name} was seen with {sizes[path]} bytes and with {size}")
    return found


def _compared(folder: Path, ended: Export, standing: Standing) -> str | None:
    if ended.status is not ExportStatus.COMPLETED:
        return f"the export is {ended.status.value} after {ended.attempts} attempts: {ended.error_message}"
    blobs = [path for path in folder.glob("blobs/??/*") if path.is_file()]
    hidden = folder / "place" / ".videovector-incoming"
    objects = sorted(path for path in (folder / "place").rglob("*") if path.is_file() and hidden not in path.parents)
    names = [ended.sha256] if ended.sha256 is not None else [ended.name, f"{ended.name}.sha256"]
    left = [*blobs, *objects]
    if [path.name for path in left] != names:
        return f"there are {[path.name for path in left]} in place of {names}"
    whole, body = _read(left[0])
    if whole != (ended.sha256 or left[1].read_text().split()[0]):
        return "the file does not have the sum that was told"
    if (body.size, body.digest.hexdigest()) != (standing.size, standing.sha256):
        return f"the file has {body.size} bytes behind its first line, or others than the {standing.size} of the run"
    return None


def _read(path: Path) -> tuple[str, _Body]:
    whole, body = hashlib.sha256(), _Body()
    with path.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            whole.update(chunk)
            body.take(chunk)
    return whole.hexdigest(), body


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
