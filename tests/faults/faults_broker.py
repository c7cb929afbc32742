"""The broker is wiped, or killed and started empty, while a run is under way; Redis and RabbitMQ take turns."""

from __future__ import annotations

import random
import time

from tests.faults.plant import Plant
from tests.faults.plants import tried
from tests.faults.processes import below, hit

PROMISE = "a broker that is wiped, killed or replaced by an empty one mid-run: every run finishes"
SEGMENTS = 80


async def trial(seed: int) -> str | None:
    """Wipe or kill the broker, now and then a worker too; return what is wrong at the end, or nothing."""
    return tried("rabbitmq" if seed % 5 == 4 else "redis", seed, _trial)


def _trial(plant: Plant, chance: random.Random) -> str | None:
    broker = plant.broker
    assert broker is not None
    run = plant.execute(seconds=SEGMENTS)
    done = []
    for at in sorted(chance.uniform(0, 0.9) for _ in range(chance.randint(1, 3))):
        plant.wait_for(run, at, SEGMENTS)
        what = chance.choice(("wipe", "wipe", "restart", "worker"))
        done.append(what)
        if what == "wipe":
            broker.wipe()
        elif what == "restart":
            broker.kill()
            time.sleep(chance.uniform(0, 2))
            broker.start()
        else:
            hit(below(plant.worker_pid, "multiprocessing.spawn"))
    plant.wait(run, seconds=150)
    lost = plant.ask("SELECT count(*) FROM results WHERE run_id = %s AND failure_code = 'worker_lost'", run)[0][0]
    if lost and done.count("worker") < 3:
        return f"{lost} segments were given up after {done}"
    wrong = plant.wrong_with(run, segments=SEGMENTS, failed=lost)
    return f"after {done} of {broker.kind}: {wrong}" if wrong else None
