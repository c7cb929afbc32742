"""A run is cancelled at a random instant."""

from __future__ import annotations

import random
import time

from tests.faults.plant import ENDS, Plant
from tests.faults.plants import tried

SEGMENTS = 80
LATENCY = 0.5
WITHIN = LATENCY + 15
"""Seconds: the call that is under way, and what a loaded machine may add."""
PROMISE = f"cancel: no model call starts later than 2 s after, the run ends within {WITHIN:g} s, told once"


async def trial(seed: int) -> str | None:
    """Cancel a run somewhere between its start and its end; return what is wrong, or nothing."""
    return tried("quick", seed, _trial)


def _trial(plant: Plant, chance: random.Random) -> str | None:
    plant.stub.latency = LATENCY
    run = plant.execute(seconds=SEGMENTS)
    plant.wait_for(run, chance.uniform(0, 0.8), SEGMENTS)
    time.sleep(chance.uniform(0, 0.5))
    with plant.server.http() as http:
        answer = http.post(f"/prompt-runs/{run}/cancel")
    cancelled = time.monotonic()
    if answer.status_code not in {200, 409}:
        return f"cancel was answered with {answer.status_code}"
    took = plant.wait(run, seconds=60)
    time.sleep(2)
    late = [call.at - cancelled for call in plant.calls(run) if call.at > cancelled + 2]
    if answer.status_code == 200 and late:
        return f"{len(late)} model calls started up to {max(late):.1f} s after the cancellation"
    if took > WITHIN:
        return f"the run ended {took:.1f} s after it was cancelled"
    ends = plant.ask(
        "SELECT event_type FROM events WHERE run_id = %s AND event_type LIKE 'prompt_run.%%' AND event_type <> %s",
        run,
        "prompt_run.started",
    )
    open_rows = plant.ask("SELECT count(*) FROM results WHERE run_id = %s AND status IN ('pending', 'processing')", run)
    if len(ends) != 1 or plant.status(run) not in ENDS or open_rows[0][0]:
        return f"ended as {ends}, {open_rows[0][0]} segments open: {plant.standing(run)}"
    return plant.unequal()
