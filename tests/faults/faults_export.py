"""The process that builds exports is killed again and again; what appears is whole, and nothing is left over."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import random
import sys
import tempfile
from asyncio.subprocess import Process
from pathlib import Path

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
PATIENCE = 60.0 + 2.0 * MEGABYTES


async def trial(seed: int) -> str | None:
    """Build an export to download and one to a place, kill, wait, compare; return what went wrong, or nothing."""
    server = await asyncio.to_thread(_server)
    dsn = await asyncio.to_thread(postgres.fresh, server)
    try:
        with tempfile.TemporaryDirectory(prefix="videovector-faults-") as name:
            async with opened(dsn, Path(name)) as vv:
                return await _trial(vv, Path(name), dsn, random.Random(seed))
    finally:
        await asyncio.to_thread(postgres.drop, server, dsn)


async def _trial(vv: VideoVector, folder: Path, dsn: str, chance: random.Random) -> str | None:
    rows = max(1, int(MEGABYTES * 1_000_000 / ROW))
    await filled(vv, rows, ROW)
    caller, now = Caller(USER), vv.ports.clock.now()
    target = Connector("conn_1", USER, "c", "local", now, now, (Use.EXPORT,), root=str(folder / "place"))
    async with vv.begin() as tx:
        await tx.connectors.add(target)
    asked = [await vv.exports.of_run(caller, RUN, wanted=one) for one in (Wanted(), Wanted("conn_1"))]
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
    return seen[0] if seen else await _compared(folder, ended, rows)


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


async def _compared(folder: Path, ended: list[Export], rows: int) -> str | None:
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
    one, other = await asyncio.gather(*(asyncio.to_thread(path.read_bytes) for path in (blobs[0], objects[0])))
    if hashlib.sha256(other).hexdigest() != objects[1].read_text().split()[0]:
        return "the delivered file does not have the sum that lies beside it"
    return _equal(json.loads(one), json.loads(other), rows)


def _equal(one: dict, other: dict, rows: int) -> str | None:  # type: ignore[type-arg]  # documents
    if one["runs"] != other["runs"]:
        return "the two files differ in their runs"
    media = one["runs"][0]["media"]
    texts = [row["metadata"]["text"].split()[0] for item in media for row in item["segments"]]
    expected = [f"{n // OF_A_MEDIUM}-{n % OF_A_MEDIUM}" for n in range(rows)]
    return None if texts == expected else f"{len(texts)} segments in place of {rows}, or in another order"


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
