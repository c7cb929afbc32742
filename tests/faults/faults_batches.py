"""API and worker are killed at random instants of a run whose segments are asked about four at a time."""

from __future__ import annotations

import os
import random

from tests.faults.plant import Plant
from tests.faults.plants import tried

PROMISE = "kill -9 while segments are asked about in batches: none missing, and only what was in hand is asked again"
SEGMENTS = int(os.environ.get("FAULTS_SEGMENTS", "200"))
CHOICES = ("api", "worker")


async def trial(seed: int) -> str | None:
    """Kill once or twice; return what is wrong at the end, or nothing."""
    return tried("batched", seed, _trial)


def _trial(plant: Plant, chance: random.Random) -> str | None:
    run = plant.execute(seconds=SEGMENTS)
    hits = []
    for at in sorted(chance.uniform(0, 0.95) for _ in range(chance.randint(1, 2))):
        plant.wait_for(run, at, SEGMENTS)
        hits.append(plant.hit_something(chance, CHOICES))
    plant.wait(run, seconds=240)
    wrong = plant.wrong_with(run, segments=SEGMENTS)
    if wrong:
        return f"after {hits}: {wrong}"
    calls = plant.calls(run)
    asked = sum(max(1, call.text.count('"segment": ')) for call in calls)
    if asked - SEGMENTS > len(hits) * plant.concurrency:
        return f"{asked - SEGMENTS} segments were asked about too often after {hits}"
    most = SEGMENTS / 2 + len(hits) * plant.concurrency
    return f"{len(calls)} calls for {SEGMENTS} segments are no batches" if len(calls) > most else None
