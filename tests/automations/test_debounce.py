"""Windows on a virtual clock: whatever arrives is imported once, after its quiet time, and by one job for each window."""

from __future__ import annotations

import asyncio
import logging
import os
import random

import pytest

from tests.automations.simulated import World
from tests.stateful.virtual import simulate
from videovector_core.automations.model import CycleStatus, OrderKind
from videovector_core.automations.watching import TICK

SEEDS = int(os.environ.get("AUTOMATION_SEEDS", "1000"))
INTERVAL = 300.0
POLL = 150.0


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


async def _bursts(world: World) -> int:
    """Let objects arrive in bursts that are far apart, each shorter than the interval."""
    count = world.draw.randint(1, 3)
    for burst in range(count):
        for n in range(world.draw.randint(1, 6)):
            world.objects[f"{burst}-{n}"] = world.now
            await asyncio.sleep(world.draw.uniform(0, INTERVAL / 8))
        await asyncio.sleep(3 * INTERVAL)
    return count


async def _drip(world: World) -> int:
    """Let objects arrive whenever, also without end for longer than a window may be open."""
    for n in range(world.draw.randint(1, 25)):
        world.objects[str(n)] = world.now
        await asyncio.sleep(world.draw.expovariate(1 / world.draw.choice([60, 200, 700])))
    await asyncio.sleep(INTERVAL)
    return 0


async def _play(seed: int) -> tuple[int, int]:
    draw = random.Random(seed)
    world = World(draw, risk=draw.choice([0.0, 0.01, 0.05]), failing=0.0 if seed % 3 else 0.3)
    await world.order()
    tasks = [asyncio.create_task(world.schedule()), asyncio.create_task(world.work())]
    windows = await (_bursts if seed % 2 else _drip)(world)
    deaths, world.risk, world.failing = world.deaths, 0.0, 0.0
    await asyncio.sleep(5 * INTERVAL)
    assert not any(task.done() for task in tasks), seed
    await _check(world, seed, windows)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return deaths, len(world.jobs.rows)


async def _check(world: World, seed: int, windows: int) -> None:
    jobs = list(world.jobs.rows.values())
    good = [job for job in jobs if not job.failed]
    assert set(world.imported) == set(world.objects), (seed, "lost")
    assert all(len(by) == 1 for by in world.imported.values()), (seed, "twice")
    assert all(job.video_ids for job in good), (seed, "a job for nothing")
    if windows and len(good) == len(jobs):
        assert len(jobs) == windows, (seed, len(jobs), windows)
    elif windows:  # what a job failed with may come in with the burst after it
        assert len(good) <= windows, (seed, len(good), windows)
    imported = {name: by[0] for name, by in world.imported.items()}
    for job in good:
        seen = [at for name, at in world.objects.items() if imported[name] == job.job_id and at <= job.started]
        assert seen, (seed, "nothing had arrived")
        quiet, open_for = job.started - max(seen), job.started - min(seen)
        assert quiet >= INTERVAL or open_for >= 4 * INTERVAL, (seed, quiet, open_for)
    assert sorted(world.started.rows.values()) == sorted(job.video_ids or () for job in good), (seed, "runs")
    async with world.database.begin() as tx:
        cycles = await tx.orders.cycles("idx_1", OrderKind.IMPORT, limit=100, after=None)
    ended = {job.job_id: CycleStatus.FAILED if job.failed else CycleStatus.COMPLETED for job in jobs}
    assert len(cycles) == len(jobs), seed
    assert {one.job_id: one.status for one in cycles} == ended, seed
    order = await world.standing()
    assert (order.consecutive_failures, order.last_error) == (0, None), seed
    assert order.window is None, seed
    assert order.next_check_at is not None, seed
    async with world.database.begin() as tx:
        assert await tx.work.pending(TICK, prefix="idx_1") == 1, (seed, "the next tick is lost")


@pytest.mark.timeout(240)
def test_nothing_is_lost_and_no_window_fires_twice():
    """Over all seeds each object is imported once, each window has one job, and schedulers died in the middle of it."""
    played = [simulate(_play(seed), seed) for seed in range(SEEDS)]
    assert sum(deaths for deaths, _ in played) > SEEDS / 2
    assert sum(jobs for _, jobs in played) > SEEDS
