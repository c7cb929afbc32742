"""A child that is killed or stopped at any instant never hangs its caller and never leaves a process behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal

from tests.faults.worker import Worker
from videovector_adapters.children import Child, ChildLost

PROMISE = "killed or stopped child: its caller hears of it within the deadline, the next call works, nothing stays"
STEPS, PAUSE, DEADLINE = 10, 0.005, 0.5


async def trial(seed: int) -> str | None:
    """Hit a working child once; return what went wrong, or nothing."""
    chance = random.Random(seed)
    child = Child(f"{Worker.__module__}:{Worker.__qualname__}")
    try:
        await child.call("echo", deadline=30, data=b"ready")
        victim = child.pid
        work = asyncio.create_task(child.call("count", deadline=DEADLINE, steps=STEPS, pause=PAUSE))
        await asyncio.sleep(chance.uniform(0, STEPS * PAUSE * 1.5))
        assert victim
        os.kill(victim, chance.choice((signal.SIGKILL, signal.SIGSTOP)))
        return await _outcome(child, work) or await _aftermath(child, victim)
    finally:
        await child.close()


async def _outcome(child: Child, work: asyncio.Task[object]) -> str | None:
    try:
        counted = await asyncio.wait_for(work, DEADLINE * 6)
    except ChildLost:
        return None
    except TimeoutError:
        return f"the caller still waits after six deadlines for process {child.pid}"
    return None if counted == STEPS else f"a wrong result: {counted!r}"


async def _aftermath(child: Child, victim: int) -> str | None:
    # a child that finished its work before it was stopped is found out by the next call, not by the last one
    with contextlib.suppress(ChildLost):
        await child.call("echo", deadline=DEADLINE, data=b"probe")
    if await child.call("echo", deadline=30, data=b"again") != b"again":
        return "the call after the fault got another answer"
    if child.pid != victim and _alive(victim):
        return f"process {victim} was left behind"
    return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
