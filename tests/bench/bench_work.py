"""Work: what one process takes through claim, run and commit, and what a claim costs when much is queued."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dramatiq
import psycopg
import pytest
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.stub import StubBroker

from tests.bench.rows import Row
from tests.brokers import running
from videovector_adapters.postgres.database import Database
from videovector_adapters.postgres.embedded import EmbeddedPostgres
from videovector_adapters.postgres.migrate import migrate
from videovector_adapters.wiring import RandomIds
from videovector_core.work import Engine, Kind, Lease, NewWork, Pace, WorkItem

ITEMS = 4000
CALL = 0.2
AT_ONCE = 64
IN_HAND = 160
FEW, MANY = 1000, 1_000_000
USER = "user"


async def bench() -> list[Row]:
    """Measure the engine next to dramatiq, with a model of 200 ms, and claims over two lengths of queue."""
    rows = []
    stub, rabbit = await asyncio.to_thread(_stub), await asyncio.to_thread(_rabbit)
    async with _database() as (database, dsn):
        ours = await _throughput(database)
        beside = f"dramatiq 2.2 stub broker {stub:.0f} ({ours / stub:.2f} of it)"
        beside += f", RabbitMQ {rabbit:.0f} ({ours / rabbit:.2f} of it)" if rabbit else ", RabbitMQ is not installed"
        rows.append(Row("claim, run, commit with a model that takes no time", ours, "items/s", beside))
        ideal, took = await _with_model(database)
        rows.append(Row(f"{CALL * 1000:.0f} ms model, {AT_ONCE} at once", took / ideal, "x ideal", "at most 1.05"))
        few = await _claim_cost(database, dsn, FEW)
        many = await _claim_cost(database, dsn, MANY)
        rows.append(Row("claim of 16 of 1,000,000", many * 1000, "ms", f"of 1,000: {few * 1000:.3g} ms"))
        rows.append(Row("claim of 16 of 1,000,000 over 1,000", many / few, "x", "at most 2"))
    return rows


@contextlib.asynccontextmanager
async def _database() -> AsyncIterator[tuple[Database, str]]:
    with tempfile.TemporaryDirectory(prefix="videovector-bench-") as folder:
        root = Path(folder)
        root.chmod(0o711)  # noqa: ASYNC240 - once, before anything runs
        async with EmbeddedPostgres(root / "data", root=root / "root") as dsn:
            await migrate(dsn)
            async with Database.open(dsn, RandomIds(), size=10) as database:
                yield database, dsn


async def _run(database: Database, items: int, handle: Any, *, in_hand: int) -> float:
    """Work through so many items; return the seconds from the first claim to the last commit."""
    begun: list[float] = []

    async def counted(work: WorkItem, lease: Lease[Any]) -> None:
        begun.append(time.perf_counter())
        await handle(work, lease)

    async with database.begin() as tx:
        await tx.work.add([NewWork("bench", USER, f"{n:07d}") for n in range(items)])
    stop = asyncio.Event()
    kinds = {"bench": Kind("bench", counted, concurrency=in_hand)}
    engine = asyncio.create_task(Engine(database.begin, kinds, database.doorbell, Pace()).run(stop))
    while True:
        await asyncio.sleep(0.01)
        if len(begun) >= items:
            async with database.begin() as tx:
                if not await tx.work.pending("bench", prefix=""):
                    break
    ended = time.perf_counter()
    stop.set()
    await engine
    return ended - begun[0]


async def _throughput(database: Database) -> float:
    async def nothing(_: WorkItem, __: Lease[Any]) -> None:
        pass

    await _run(database, 300, nothing, in_hand=AT_ONCE)
    return ITEMS / await _run(database, ITEMS, nothing, in_hand=AT_ONCE)


async def _with_model(database: Database) -> tuple[float, float]:
    """Return the time that the calls alone need, and the time that the work took."""
    items = AT_ONCE * 30
    calls = asyncio.Semaphore(AT_ONCE)

    async def ask(_: WorkItem, __: Lease[Any]) -> None:
        async with calls:
            await asyncio.sleep(CALL)

    return items / AT_ONCE * CALL, await _run(database, items, ask, in_hand=IN_HAND)


async def _claim_cost(database: Database, dsn: str, queued: int) -> float:
    """Return the median seconds of a claim among so many items of one tenant; the claims are undone."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DELETE FROM work")
        connection.execute(
            "INSERT INTO work (kind, key, user_id, payload, state, due_at, max_attempts)"
            " SELECT 'bench', lpad(n::text, 8, '0'), 'user', '{}', 'queued', now() - n * interval '1 ms', 3"
            " FROM generate_series(1, %s) n",
            [queued],
        )
        connection.execute("VACUUM ANALYZE work")
    times = []
    for _ in range(60):
        with contextlib.suppress(_Undo):
            async with database.begin() as tx:
                began = time.perf_counter()
                assert len(await tx.work.claim({"bench": 16}, seconds=30)) == 16
                times.append(time.perf_counter() - began)
                raise _Undo
    return statistics.median(times[10:])


class _Undo(Exception):
    pass


def _stub() -> float:
    return _dramatiq(StubBroker(middleware=[]))


def _rabbit() -> float:
    try:
        with running("rabbitmq") as broker:
            return _dramatiq(RabbitmqBroker(url=broker.url, middleware=[]))
    except pytest.skip.Exception:
        return 0.0


def _dramatiq(broker: dramatiq.Broker) -> float:
    """Return how many messages one worker of eight threads takes per second, queued before it starts."""
    left, done = iter(range(ITEMS - 1)), threading.Event()

    def nothing() -> None:
        if next(left, None) is None:
            done.set()

    actor = dramatiq.actor(actor_name="nothing", queue_name="bench", broker=broker)(nothing)
    for _ in range(ITEMS):
        actor.send()
    worker = dramatiq.Worker(broker, worker_threads=8, worker_timeout=100)
    began = time.perf_counter()
    worker.start()
    done.wait(120)
    took = time.perf_counter() - began
    worker.stop()
    broker.close()
    return ITEMS / took
