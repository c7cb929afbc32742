"""API, worker, database and vector engine are killed at random instants of a run of 500 segments."""

from __future__ import annotations

import os
import random

from tests.faults.plant import Plant
from tests.faults.plants import tried

PROMISE = "kill -9 anywhere in a run of 500 segments: none missing, none twice, vectors == rows"
SEGMENTS = int(os.environ.get("FAULTS_SEGMENTS", "500"))
CHOICES = ("api", "worker", "database", "engine")


async def trial(seed: int) -> str | None:
    """Kill one to five times; return what is wrong at the end, or nothing."""
    return tried("quick", seed, _trial)


def _trial(plant: Plant, chance: random.Random) -> str | None:
    run = plant.execute(seconds=SEGMENTS)
    hits = []
    for at in sorted(chance.uniform(0, 0.95) for _ in range(chance.randint(1, 5))):
        plant.wait_for(run, at, SEGMENTS)
        hits.append(plant.hit_something(chance, CHOICES))
    plant.wait(run, seconds=240)
    owners = hits.count("api") + hits.count("worker")
    # an attempt counts when it is begun, so what was in hand at three deaths of the worker may be given up
    lost = plant.ask("SELECT count(*) FROM results WHERE run_id = %s AND failure_code = 'worker_lost'", run)[0][0]
    if lost and owners < 3:
        return f"{lost} segments were given up after {hits}"
    wrong = plant.wrong_with(run, segments=SEGMENTS, failed=lost)
    if wrong:
        return f"after {hits}: {wrong}"
    spare = len(plant.calls(run)) - (SEGMENTS - lost)
    return f"{spare} model calls too many after {hits}" if spare > len(hits) * plant.concurrency else None
