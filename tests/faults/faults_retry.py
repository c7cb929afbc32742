"""Twenty callers ask for the repair of one failed segment at the same time."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

from tests.faults.plant import Plant, scripted, start_of
from tests.faults.plants import tried
from tests.stub_model import Reply

PROMISE = "the manifest is exact, and 20 concurrent retries of one segment are one retry and one execution"
SEGMENTS = 20
CALLERS = 20


async def trial(seed: int) -> str | None:
    """Fail some segments for good, then repair one twenty times at once; return what is wrong, or nothing."""
    return tried("quick", seed, _trial)


def _trial(plant: Plant, chance: random.Random) -> str | None:
    broken = {float(start) for start in chance.sample(range(SEGMENTS), chance.randint(1, 4))}
    plant.stub.script = scripted(lambda call: Reply(400) if start_of(call) in broken else None)
    run = plant.execute(seconds=SEGMENTS)
    plant.wait(run, seconds=90)
    plant.stub.script = None
    with plant.server.http() as http:
        manifest = http.get(f"/prompt-runs/{run}/failed-segments").json()
    told = {(video["video_id"], one["segment_id"]) for video in manifest["videos"] for one in video["segments"]}
    rows = plant.ask(
        'SELECT video_id, segment_id, start FROM results WHERE run_id = %s AND "start" = ANY(%s)', run, list(broken)
    )
    if told != {(video, segment) for video, segment, _ in rows}:
        return f"the manifest names {len(told)} segments, {len(broken)} failed"
    video, segment, start = rows[0]
    before = sum(start_of(call) == start for call in plant.calls(run))

    def ask(_: int) -> tuple[int, str]:
        with plant.server.http() as http:
            answer = http.post(f"/prompt-runs/{run}/videos/{video}/segments/{segment}/retry")
        return answer.status_code, answer.json().get("retry_id", "")

    with ThreadPoolExecutor(CALLERS) as pool:
        answers = set(pool.map(ask, range(CALLERS)))
    made = plant.ask("SELECT retry_id FROM retries WHERE run_id = %s", run)
    if len(made) != 1 or answers - {(202, made[0][0]), (409, "")}:
        return f"{len(made)} retries were made, answers {answers}"
    _repaired(plant, run, segment)
    calls = sum(start_of(call) == start for call in plant.calls(run)) - before
    status = plant.ask("SELECT status FROM results WHERE run_id = %s AND segment_id = %s", run, segment)[0][0]
    if calls != 1 or status != "successful":
        return f"the segment is {status} after {calls} executions"
    return None


def _repaired(plant: Plant, run: str, segment: str) -> None:
    until = time.monotonic() + 60
    active = (
        "SELECT count(*) FROM retries WHERE run_id = %s AND segment_id = %s AND status IN ('pending', 'processing')"
    )
    while plant.ask(active, run, segment)[0][0] and time.monotonic() < until:
        time.sleep(0.1)
