"""The owner of leases, or a child of it, is stopped for three leases while somebody else goes on, then continued."""

from __future__ import annotations

import random
import signal
import subprocess
import time

from tests.faults.plant import Plant
from tests.faults.plants import tried
from tests.faults.processes import command_of, hit, tree

PROMISE = "a stopped worker, or child, commits nothing once its lease is over"
SEGMENTS = 60


async def trial(seed: int) -> str | None:
    """Stop the owner or a child for three leases; return what was kept twice, or nothing."""
    return tried("quick", seed, _trial)


def _trial(plant: Plant, chance: random.Random) -> str | None:
    plant.stub.latency = 0.5
    run = plant.execute(seconds=SEGMENTS)
    plant.wait_for(run, chance.uniform(0.0, 0.5), SEGMENTS)
    owner = plant.worker_pid
    children = [pid for pid in tree(owner) if pid != owner and "children" in command_of(pid)]
    victim = owner if chance.random() < 0.6 or not children else chance.choice(children)
    with _second(plant):
        hit(victim, signal.SIGSTOP)
        try:
            time.sleep(3 * plant.lease)
        finally:
            hit(victim, signal.SIGCONT)
        plant.wait(run, seconds=150)
    time.sleep(1)
    wrong = plant.wrong_with(run, segments=SEGMENTS)
    return f"{'owner' if victim == owner else 'child'} stopped: {wrong}" if wrong else None


class _second:  # noqa: N801 - used as a context, like a function
    """A second worker for as long as the first one stands still."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant

    def __enter__(self) -> None:
        with self.plant.server.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.plant.server.command("worker"), env=self.plant.server.settings(), stdout=log, stderr=log
            )

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(30)
