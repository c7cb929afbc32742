"""Workers are killed at random instants of an import of 500 objects from a real S3 server."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import io
import math
import os
import random
import signal
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx
from PIL import Image

from tests import emulators
from tests.emulators import Emulator
from tests.faults.plant import Plant
from tests.faults.processes import hit

PROMISE = "kill -9 of workers in an import of 500 objects: every object once, progress adds up"
OBJECTS = int(os.environ.get("FAULTS_OBJECTS", "500"))
BROKEN = 5


_STANDING: Final = contextlib.ExitStack()
"""What stands between trials: starting servers and putting objects takes longer than an import."""
atexit.register(_STANDING.close)


async def trial(seed: int) -> str | None:
    """Kill one to three times; return what is wrong at the end, or nothing."""
    return await asyncio.to_thread(_trial, random.Random(seed))


def _trial(chance: random.Random) -> str | None:
    plant, storage = _standing()
    try:
        with plant.server.http() as client:
            wrong = _with(plant, client, storage, chance)
    except BaseException:
        _fall()
        raise
    if wrong:
        _fall()
    return wrong


@functools.cache
def _standing() -> tuple[Plant, Emulator]:
    """Start the servers, and put the objects that every trial imports into an index of its own."""
    folder = Path(_STANDING.enter_context(tempfile.TemporaryDirectory(prefix="faults-import-")))
    storage = _STANDING.enter_context(emulators.s3(folder / "s3"))
    _fill(storage.url)
    return _STANDING.enter_context(Plant(folder, more=storage.environment)), storage


def _fall() -> None:
    """End what stands, so that what one trial broke is not told of the next one."""
    _standing.cache_clear()
    _STANDING.close()


def _with(plant: Plant, client: httpx.Client, storage: Emulator, chance: random.Random) -> str | None:
    body = {"name": "c", "import_mode": "new_only", **storage.place, **storage.credentials}
    connector = client.post("/connectors/s3", json=body).raise_for_status().json()["connector_id"]
    index = client.post("/indexes", json={"name": "films"}).raise_for_status().json()["index_id"]
    wanted = {"connector_id": connector, "index_id": index, "source_prefix": "in/"}
    job = client.post("/import-jobs", json=wanted).raise_for_status().json()["job_id"]
    kills = sorted(chance.uniform(0, 0.95) for _ in range(chance.randint(1, 3)))
    for at in kills:
        _wait(client, job, at * OBJECTS)
        hit(plant.worker_pid, signal.SIGKILL)
    told = _wait(client, job, math.inf)
    again = client.post("/import-jobs", json=wanted).raise_for_status().json()["job_id"]
    wrong = _wrong(plant, told, _wait(client, again, math.inf), index)
    return f"after kills at {[round(at, 2) for at in kills]}: {wrong}" if wrong else None


def _fill(url: str) -> None:
    """Put small pictures, each of its own content, and a few files that are no media."""
    picture = _picture()
    with httpx.Client(base_url=f"{url}/media/in", timeout=60) as client:
        for number in range(OBJECTS):
            content = b"broken" if number < BROKEN else picture + number.to_bytes(4)
            client.put(f"/{number:05}.jpg", content=content).raise_for_status()


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "JPEG")
    return out.getvalue()


def _wait(client: httpx.Client, job: str, done: float) -> dict[str, Any]:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        told: dict[str, Any] = client.get(f"/import-jobs/{job}").raise_for_status().json()
        if told["status"] in {"completed", "failed", "cancelled"}:
            return told
        count = told["progress"]
        if count["imported"] + count["failed"] + count["skipped"] >= done:
            return told
        time.sleep(0.05)
    raise AssertionError(f"the job did not end: {told['status']} {told['progress']}")


def _wrong(plant: Plant, told: dict[str, Any], second: dict[str, Any], index: str) -> str | None:
    count = told["progress"]
    if (count["total_files"], count["imported"], count["failed"]) != (OBJECTS, OBJECTS - BROKEN, BROKEN):
        return f"{told['status']}: {count}, {told['failed_files'][:3]}"
    if second["progress"]["imported"]:
        return f"a second import brought {second['progress']}"
    for what in ("count(*)", "count(DISTINCT sha256)", "count(DISTINCT source_uri)"):
        ((found,),) = plant.ask(f"SELECT {what} FROM media WHERE index_id = %s", index)
        if found != OBJECTS - BROKEN:
            return f"{what} of media is {found}"
    ((size,),) = plant.ask("SELECT sum(size) FROM media WHERE index_id = %s", index)
    return (
        None if size == count["bytes_transferred"] else f"{size} bytes are kept, {count['bytes_transferred']} were told"
    )
