"""The work engine: what an attempt is counted for, who waits for whom, and what is fenced."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.stateful.virtual import simulate
from videovector_adapters.memory import Database
from videovector_adapters.memory.database import Time
from videovector_adapters.memory.parts import CountingIds, MemoryDoorbell
from videovector_core.errors import Unavailable
from videovector_core.work import WORKER_LOST, Engine, Kind, Lease, LeaseLost, NewWork, Pace, WorkItem

Handler = Callable[[WorkItem, Lease[Any]], Awaitable[None]]


def room() -> Database:
    """An empty database whose clock is the loop's."""
    loop = asyncio.get_running_loop()
    return Database(CountingIds(), MemoryDoorbell(), Time(source=lambda: 1_800_000_000 + loop.time()))


def engine(database: Database, handle: Handler, *, concurrency: int = 8) -> Engine[Any]:
    """An engine for one kind of work."""
    kinds = {"k": Kind("k", handle, concurrency=concurrency)}
    return Engine(database.begin, kinds, database.doorbell, Pace(lease=6, renew=2, sweep=2, poll=1))


async def add(database: Database, *keys: str, attempts: int = 3) -> None:
    """Queue items."""
    async with database.begin() as tx:
        await tx.work.add([NewWork("k", "user", key, max_attempts=attempts) for key in keys])


async def until_empty(database: Database, working: Engine[Any], seconds: float) -> None:
    """Work until nothing is queued or leased."""
    stop = asyncio.Event()
    task = asyncio.create_task(working.run(stop))
    async with asyncio.timeout(seconds):
        while True:
            async with database.begin() as tx:
                if not await tx.work.pending("k", prefix=""):
                    break
            await asyncio.sleep(0.5)
    stop.set()
    await task


def test_a_suspect_runs_its_last_attempt_alone() -> None:
    """Of items that were lost with their workers, each runs its last attempt with nobody beside it."""

    async def main() -> None:
        database, running, beside = room(), set[str](), dict[str, int]()

        async def handle(work: WorkItem, _: Lease[Any]) -> None:
            running.add(work.key)
            beside[work.key] = 0
            for _turn in range(10):
                await asyncio.sleep(0.2)
                beside[work.key] = max(beside[work.key], len(running) - 1)
            running.discard(work.key)

        await add(database, "a", "b", "c")
        for _ in range(2):
            async with database.begin() as tx:
                for item in await tx.work.claim({"k": 9}, seconds=0):
                    await tx.work.retry(item, seconds=0, error=WORKER_LOST)
        await add(database, "d", "e")
        await until_empty(database, engine(database, handle), 60)
        assert [beside[key] for key in "abc"] == [0, 0, 0]
        assert set(beside) == set("abcde")

    simulate(main(), 1)


def test_an_outage_is_waited_for_and_not_counted() -> None:
    """However long the database or the engine is away, an item keeps its attempts."""

    async def main() -> None:
        database, tries = room(), []

        async def handle(work: WorkItem, _: Lease[Any]) -> None:
            tries.append(work.attempt)
            if len(tries) < 10:
                raise Unavailable("away")

        await add(database, "a", attempts=2)
        await until_empty(database, engine(database, handle), 120)
        assert tries == [1] * 10

    simulate(main(), 2)


def test_a_failure_is_kept_once_the_database_is_back() -> None:
    """An attempt that failed while nothing could be kept is noted later, before its lease runs out."""

    async def main() -> None:
        database, away = room(), asyncio.Event()

        class Gate:
            """Lets nothing through while the database is away."""

            def __call__(self, **how: Any) -> Any:
                if away.is_set():
                    raise Unavailable("away")
                return database.begin(**how)

        tries = []

        async def handle(work: WorkItem, _: Lease[Any]) -> None:
            tries.append(asyncio.get_running_loop().time())
            if len(tries) == 1:
                away.set()
                asyncio.get_running_loop().call_later(3, away.clear)
                raise Unavailable("away")

        await add(database, "a", attempts=1)
        working = engine(database, handle)
        working.begin = Gate()
        await until_empty(database, working, 60)
        assert len(tries) == 2
        assert 3 <= tries[1] - tries[0] < 9

    simulate(main(), 3)


def test_a_step_is_fenced() -> None:
    """Whoever lost the lease keeps no part of a result."""

    async def main() -> None:
        database = room()
        await add(database, "a")
        async with database.begin() as tx:
            (item,) = await tx.work.claim({"k": 1}, seconds=1)
        lease = Lease(item, database.begin, 100.0, 6.0)
        async with lease.step() as tx:
            await tx.work.add([NewWork("k", "user", "part")])
        async with database.begin() as tx:
            await tx.work.retry(item, seconds=0, error="lost")
        with pytest.raises(LeaseLost):
            async with lease.step() as tx:
                await tx.work.add([NewWork("k", "user", "late")])
        async with database.begin() as tx:
            assert await tx.work.pending("k", prefix="part") == 1
            assert await tx.work.pending("k", prefix="late") == 0

    simulate(main(), 4)


def test_work_without_progress_loses_its_lease() -> None:
    """A handler that hangs is stopped when it broke its promise, and the item is done by the next attempt."""

    async def main() -> None:
        database, tries = room(), []

        async def handle(work: WorkItem, _: Lease[Any]) -> None:
            tries.append(work.attempt)
            if len(tries) == 1:
                await asyncio.Event().wait()

        await add(database, "a")
        kinds = {"k": Kind("k", handle, promise_seconds=20)}
        working = Engine(database.begin, kinds, database.doorbell, Pace(lease=6, renew=2, sweep=2, poll=1))
        await until_empty(database, working, 60)
        assert tries == [1, 2]

    simulate(main(), 5)
