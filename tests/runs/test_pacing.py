"""Models are asked as fast as they bear it: fewer calls after a refusal, more after answers, never over a budget."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videovector_core.errors import ProcessingFailed
from videovector_core.models.ports import Usage
from videovector_core.models.table import ModelTable, Terms
from videovector_core.runs.pacing import FIRST_CALLS, Pacing, Window
from videovector_core.testing.buckets import MemoryBuckets

BUSY = ProcessingFailed("too often", code="rate_limited", transient=True, retry_after=0.05)


async def wanted() -> None:
    """Nobody minds waiting."""


def paced(**terms) -> Pacing:
    return Pacing(ModelTable(terms={"m": Terms(**terms)}), MemoryBuckets())


async def test_never_more_at_once_than_allowed():
    """Of many that want a turn at the same time, only so many have one."""
    pacing, now, most = paced(concurrency=3), 0, 0

    async def ask() -> None:
        nonlocal now, most
        async with pacing.turn("m", tokens=1, look=wanted):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(ask() for _ in range(40)))
    assert (now, most) == (0, 3)


@given(st.lists(st.booleans(), max_size=200), st.integers(1, 64))
def test_the_window_stays_within_its_bounds(answers: list[bool], most: int):
    """Whatever an endpoint answers, at least one call and at most the terms' number may be under way."""
    window, now = Window(float(most)), 0.0
    for good in answers:
        now += 1
        window.good() if good else window.refused(now, now, None)
        assert 1 <= window.room <= most


def test_calls_that_were_under_way_together_halve_once():
    """Ten refusals of one burst are one sign, not ten."""
    window = Window(64.0)
    for _ in range(10):
        window.refused(began=1.0, now=2.0, wait=0.0)
    assert window.room == FIRST_CALLS / 2
    window.refused(began=3.0, now=4.0, wait=0.0)
    assert window.room == FIRST_CALLS / 4


async def test_after_a_refusal_nobody_asks_until_the_wait_is_over():
    """A 429 with its wait shuts the door for all, and the next turn comes when it is over."""
    pacing = paced()
    with pytest.raises(ProcessingFailed):
        async with pacing.turn("m", tokens=1, look=wanted):
            raise BUSY
    window = pacing.window("m")
    assert not window.open(window.shut_until - 0.001)
    async with pacing.turn("m", tokens=1, look=wanted) as turn:
        turn.usage = Usage(1, 1)
        assert pacing.clock() >= window.shut_until


async def test_whoever_waits_and_is_not_wanted_any_more_leaves():
    """A cancelled run asks nothing when its turn comes, and holds no place."""
    pacing, looks = paced(concurrency=1), 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        if looks > 1:
            raise ProcessingFailed("stopped", code="cancelled")

    async with pacing.turn("m", tokens=1, look=wanted):
        with pytest.raises(ProcessingFailed, match="stopped"):
            async with pacing.turn("m", tokens=1, look=look):
                pass
    assert pacing.window("m").active == 0


async def test_budgets_are_shared_and_waited_for():
    """Two processes with one budget of two requests get two turns together; the third waits and is let go."""
    buckets = MemoryBuckets(clock=lambda: 1000.0)
    one, other = (Pacing(ModelTable(terms={"m": Terms(rpm=2)}), buckets) for _ in range(2))
    for pacing in (one, other):
        async with pacing.turn("m", tokens=1, look=wanted):
            pass
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), one.turn("m", tokens=1, look=wanted):
            pass
    assert one.window("m").active == 0


async def test_a_question_larger_than_the_budget_takes_all_of_it():
    """A question of more tokens than a minute has still gets its turn."""
    pacing = paced(tpm=10)
    async with asyncio.timeout(5), pacing.turn("m", tokens=10_000, look=wanted):
        pass
