"""A segment that kills its worker each time."""

from __future__ import annotations

import random
import threading

from tests.faults.plant import Plant, scripted, start_of
from tests.faults.plants import tried
from tests.faults.processes import hit
from tests.stub_model import Reply

PROMISE = "a segment that kills its worker is tried max_attempts times, and all the others finish"
SEGMENTS = 60
ATTEMPTS = 3


async def trial(seed: int) -> str | None:
    """Let one segment kill the worker whenever it is sent to the model; return what is wrong, or nothing."""
    return tried("quick", seed, _trial)


def _trial(plant: Plant, chance: random.Random) -> str | None:
    poison = float(chance.randrange(SEGMENTS))

    def decide(call: object) -> Reply | None:
        if start_of(call) != poison:  # type: ignore[arg-type]  # the stub gives its calls
            return None
        worker = plant.worker_pid
        threading.Timer(chance.uniform(0, 0.2), hit, [worker]).start()
        return Reply(seconds=5)

    plant.stub.script = scripted(decide)
    run = plant.execute(seconds=SEGMENTS)
    plant.wait(run, seconds=180)
    plant.stub.script = None
    tried_it = sum(start_of(call) == poison for call in plant.calls(run))
    if tried_it != ATTEMPTS:
        return f"the poison was tried {tried_it} times: {plant.standing(run)}"
    return plant.wrong_with(run, segments=SEGMENTS, failed=1)
