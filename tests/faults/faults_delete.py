"""Media are deleted while the vector engine stands still or is dead."""

from __future__ import annotations

import random
import signal
import time

from tests.faults.plant import Plant
from tests.faults.plants import tried
from tests.faults.processes import hit

PROMISE = "what was deleted is hidden at once, also with the vector engine down, and removed within 30 s after"
SEGMENTS = 10


async def trial(seed: int) -> str | None:
    """Delete an item with the engine stopped or killed; return where it still shows, or nothing."""
    return tried("quick", seed, _trial)


def _trial(plant: Plant, chance: random.Random) -> str | None:
    media = index, video = plant.upload(SEGMENTS)
    run = plant.execute(seconds=SEGMENTS, media=media)
    if chance.random() < 0.7:
        plant.wait(run, seconds=60)
    engine, stopped = plant.engine_pid, chance.random() < 0.5
    hit(engine, signal.SIGSTOP if stopped else signal.SIGKILL)
    try:
        shown = _delete(plant, index, video)
    finally:
        hit(engine, signal.SIGCONT)
    return shown or _gone(plant, video)


def _delete(plant: Plant, index: str, video: str) -> str | None:
    with plant.server.http() as http:
        answer = http.delete(f"/videos/{video}")
        if answer.status_code not in {200, 202, 204}:
            return f"the deletion was answered with {answer.status_code}: {answer.text[:200]}"
        if http.get(f"/videos/{video}").status_code != 404:
            return "the item can still be read"
        listed = http.get(f"/indexes/{index}/videos")
        if video in listed.text:
            return "the item is still listed"
    return None


def _gone(plant: Plant, video: str) -> str | None:
    with plant.server.http() as http:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            left = [
                plant.ask(f"SELECT count(*) FROM {table} WHERE video_id = %s", video)[0][0]
                for table in ("media", "results", "segments", "embeddings")
            ]
            if not any(left):
                status = http.get(f"/videos/{video}/deletion").json().get("status")
                if status != "deleted":
                    return f"everything is gone and the deletion says {status}"
                return plant.unequal()
            time.sleep(0.3)
    return f"rows are left after 30 s: {left}"
