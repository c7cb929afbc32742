"""The process that delivers is killed again and again while events are committed."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from asyncio.subprocess import Process

from tests import postgres
from tests.faults.deliverer import opened
from tests.faults.receiver import Receiver, receiving
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_core.events.model import NewEvent

PROMISE = "deliverer killed while events are committed: every event arrives, repeats have the same ids"
EVENTS = int(os.environ.get("FAULTS_EVENTS", "400"))
KILLS = int(os.environ.get("FAULTS_KILLS", "4"))
PATIENCE = 120.0
TERMINAL = ("prompt_run.completed", "prompt_run.failed", "import_job.completed", "export.ready")


async def trial(seed: int) -> str | None:
    """Commit, kill, wait; return what went wrong, or nothing."""
    server = await asyncio.to_thread(postgres.lasting_server)
    dsn = await asyncio.to_thread(postgres.fresh, server)
    try:
        async with receiving() as receiver, opened(dsn) as vv:
            return await _trial(vv, receiver, dsn, random.Random(seed))
    finally:
        await asyncio.to_thread(postgres.drop, server, dsn)


async def _trial(vv: VideoVector, receiver: Receiver, dsn: str, chance: random.Random) -> str | None:
    caller = Caller("user_1")
    await vv.webhooks.create(caller, name="w", url=f"http://127.0.0.1:{receiver.port}/", events=list(TERMINAL))
    writing = asyncio.create_task(_write(vv, caller.user_id, chance))
    process = await _start(dsn)
    try:
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.3, 2.5))
            process.kill()
            await process.wait()
            process = await _start(dsn)
        told = await writing
        await _arrived(receiver, told)
    finally:
        writing.cancel()
        process.kill()
        await process.wait()
    lost = told - set(receiver.events)
    if lost:
        return f"{len(lost)} of {len(told)} events were lost"
    split = [event_id for event_id, ids in receiver.deliveries.items() if len(ids) != 1]
    return f"{len(split)} events came under several delivery ids" if split else None


async def _write(vv: VideoVector, user_id: str, chance: random.Random) -> set[str]:
    told: set[str] = set()
    while len(told) < EVENTS:
        async with vv.begin() as tx:
            events = [NewEvent(chance.choice(TERMINAL)) for _ in range(chance.randint(1, 20))]
            kept = await tx.events.append(user_id, events[: EVENTS - len(told)])
        told |= {event.event_id for event in kept}
        await asyncio.sleep(chance.uniform(0, 2 * KILLS * 20 / EVENTS))
    return told


async def _arrived(receiver: Receiver, told: set[str]) -> None:
    until = asyncio.get_running_loop().time() + PATIENCE
    while not told <= set(receiver.events) and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.2)


async def _start(dsn: str) -> Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.faults.deliverer", dsn)
