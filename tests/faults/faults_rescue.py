"""The time from the death of a worker to the next attempt at what it had in hand, at the default times."""

from __future__ import annotations

import random
import time

from tests.faults.plant import Plant, start_of
from tests.faults.plants import tried
from tests.faults.processes import hit

PROMISE = "a killed worker's segments are worked on again within 45 s, at leases of 30 s"
LIMIT = 45.0
SEGMENTS = 24
slowest = 0.0


async def trial(seed: int) -> str | None:
    """Kill the worker while calls are under way; return which segment waited too long, or nothing."""
    return tried("default", seed, _trial)


def _trial(plant: Plant, chance: random.Random) -> str | None:
    global slowest  # noqa: PLW0603 - what the table is to show of all trials
    plant.stub.latency = 4.0
    run = plant.execute(seconds=SEGMENTS)
    until = time.monotonic() + 60
    while len(plant.calls(run)) < plant.concurrency // 2 and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(chance.uniform(0, 3.0))
    before = plant.calls(run)
    killed = time.monotonic()
    hit(plant.worker_pid)
    held = {start_of(call) for call in before if call.at > killed - plant.stub.latency}
    plant.stub.latency = 0.05
    plant.wait(run, seconds=180)
    again = {start_of(call): call.at - killed for call in plant.calls(run) if call.at > killed}
    waits = [again[start] for start in held if start in again]
    if not waits:
        return "nothing that the worker had in hand was asked about again"
    slowest = max([slowest, *waits])
    if max(waits) > LIMIT:
        return f"a segment waited {max(waits):.1f} s"
    return plant.wrong_with(run, segments=SEGMENTS)


def remark() -> str:
    """What all trials of this run found."""
    return f"slowest rescue {slowest:.1f} s"
