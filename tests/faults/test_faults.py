"""A sample of the fault trials on every run of the tests; `make faults` runs many."""

from __future__ import annotations

import pytest

from tests.faults import faults_children, faults_kill, faults_retry, plants
from tests.faults.__main__ import Series


@pytest.mark.real
@pytest.mark.parametrize("seed", range(5))
async def test_a_child_that_is_killed_or_stopped_hangs_nobody(seed: int) -> None:
    """Whenever a child is hit, its caller hears of it, the next call works and no process stays."""
    assert await faults_children.trial(seed) is None


@pytest.mark.real
@pytest.mark.timeout(290)
async def test_a_run_survives_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at random instants, a run ends with nothing missing and nothing twice, and repairs are done once."""
    monkeypatch.setattr(faults_kill, "SEGMENTS", 60)
    try:
        assert await faults_kill.trial(1) is None
        assert await faults_retry.trial(1) is None
    finally:
        plants.close("quick")


def test_seeds_go_on_where_they_stopped() -> None:
    """New seeds are never repeated, and broken ones come first until they hold."""
    series = Series(next_seed=7, trials=7, broken=[3])
    seeds = series.seeds()
    assert [next(seeds), next(seeds), next(seeds)] == [3, 7, 8]
    series.note(3, None)
    series.note(8, "late")
    assert (series.next_seed, series.trials, series.broken) == (9, 9, [8])
