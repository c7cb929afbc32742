"""Workers on a broker: a message only shortens the wait, and what the broker forgets is found anyway."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.brokers import Broker, broker
from tests.faults.plant import Plant
from tests.faults.processes import below, command_of, tree
from videovector_adapters.dramatiq import connected

__all__ = ["broker"]

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]


@pytest.fixture(scope="module")
def plant(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """A server and its workers on a broker, with a model outside."""
    with Plant(tmp_path_factory.mktemp("plant"), broker=broker, latency=0.05) as one:
        yield one


def test_serve_starts_no_worker_of_its_own(plant: Plant) -> None:
    """With a broker the workers are those of `videovector worker`, in spawned processes below dramatiq's manager."""
    assert not [pid for pid in tree(plant.server_pid) if "worker" in command_of(pid)]
    assert below(plant.worker_pid, "videovector_adapters.dramatiq.worker", seconds=120)
    assert below(plant.worker_pid, "multiprocessing.spawn", seconds=120)


def test_a_run_survives_a_broker_that_is_wiped(plant: Plant) -> None:
    """Whatever is removed from the broker while a run is under way, the run is finished and nothing is missing."""
    run = plant.execute(seconds=60)
    for _ in range(3):
        time.sleep(0.5)
        assert plant.broker is not None
        plant.broker.wipe()
    plant.wait(run)
    assert plant.wrong_with(run, segments=60) is None


def test_a_broker_that_is_gone_costs_time_only(plant: Plant) -> None:
    """Runs are finished while the broker is away, and after it came back empty."""
    assert plant.broker is not None
    plant.broker.kill()
    run = plant.execute(seconds=20)
    plant.wait(run)
    assert plant.wrong_with(run, segments=20) is None
    plant.broker.start()
    again = plant.execute(seconds=20)
    plant.wait(again)
    assert plant.wrong_with(again, segments=20) is None


def test_a_foreign_url_is_refused() -> None:
    """Only what names a broker is taken for one."""
    with pytest.raises(ValueError, match="amqp"):
        connected("http://127.0.0.1/")
