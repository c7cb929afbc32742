"""Limits, the setting that names them, and the bucket that keeps them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.access.windows import most
from videovector_core.access.ratelimit import (
    CATEGORIES,
    DEFAULTS,
    LEASE_SECONDS,
    Bucket,
    Limits,
    RateLimits,
    Returned,
    parse,
)
from videovector_core.errors import Invalid

START = 1_767_225_600.25
OPEN = 10**9


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("", {}),
        ("search=120/min,600/h", {"search": Limits(120, 600)}),
        (" read = 5/minute ; write=7/hour; ", {"read": Limits(5, 300), "write": Limits(7, 7)}),
        ("chat=off", {"chat": None}),
        ("execute=1/h,1/min", {"execute": Limits(1, 1)}),
    ],
)
def test_the_setting_changes_what_it_names(text: str, changed: dict[str, Limits | None]) -> None:
    """Categories that are named get new limits or none, the others keep theirs."""
    limits = parse(text)
    for category in CATEGORIES:
        assert limits.of(category) == changed.get(category, DEFAULTS.of(category))


def test_limits_can_be_lifted() -> None:
    """`off` lifts every limit."""
    assert parse(" off ") == RateLimits()
    assert parse("off").of("search") is None


@pytest.mark.parametrize(
    "text",
    ["on", "search", "search=", "search=120", "search=0/min", "search=-1/min", "search=1.5/min", "search=120/day", "find=1/min",
     "search=120/min;;read", "search=120/min,", "search=1e3/min", "search=off,1/min", "off;search=1/min", "search=9999999999/min",
     "search=\N{ARABIC-INDIC DIGIT ONE}/min"],
)  # fmt: skip
def test_a_wrong_setting_stops_the_start(text: str) -> None:
    """Anything else is refused with one sentence that names the setting."""
    with pytest.raises(Invalid, match=r"^VIDEOVECTOR_RATE_LIMITS: "):
        parse(text)


def test_a_bucket_grants_up_to_the_limit_at_once() -> None:
    """A caller who was away may use the whole limit in one go, and no more."""
    bucket, grant = Bucket().take(START, 100, Limits(20, OPEN))
    assert (grant.tokens, grant.retry_after, grant.standing.minute.remaining) == (20, 0.0, 0)
    _, refused = bucket.take(START + 30, 1, Limits(20, OPEN))
    assert refused.tokens == 0


def test_what_was_taken_comes_back_when_it_is_said_to() -> None:
    """At `retry_after` there is something again, and just before there is not; `reset_at` is that moment."""
    bucket, _ = Bucket().take(START, 20, Limits(20, OPEN))
    bucket, refused = bucket.take(START + 10, 1, Limits(20, OPEN))
    assert 50 < refused.retry_after <= 51
    assert bucket.take(START + 10 + refused.retry_after - 0.01, 1, Limits(20, OPEN))[1].tokens == 0
    assert bucket.take(START + 10 + refused.retry_after, 99, Limits(20, OPEN))[1].tokens == 20
    assert 0 <= refused.standing.minute.reset_at - (START + 10 + refused.retry_after) < 1


def test_the_hour_counts_too() -> None:
    """The hour refuses when the minute would still allow, and says how long it takes."""
    bucket, _ = Bucket().take(START, 10, Limits(OPEN, 10))
    _, refused = bucket.take(START + 120, 1, Limits(OPEN, 10))
    assert refused.tokens == 0
    assert 3480 < refused.retry_after <= 3511
    assert refused.standing.tightest.limit == 10
    assert (refused.standing.hour.used, refused.standing.minute.used) == (10, 0)


def test_lower_limits_count_at_once() -> None:
    """When the operator lowers a limit, what was taken before counts against the new one."""
    bucket, _ = Bucket().take(START, 50, Limits(100, OPEN))
    assert bucket.take(START + 1, 1, Limits(40, OPEN))[1].tokens == 0
    assert bucket.standing(START + 1, Limits(40, OPEN)).minute.remaining == 0
    assert bucket.take(START + 1, 60, Limits(100, OPEN))[1].tokens == 50


def test_returned_tokens_can_be_taken_again() -> None:
    """What comes back unspent is free again; what comes back too late, or was never taken, makes nothing."""
    bucket, first = Bucket().take(START, 20, Limits(20, OPEN))
    bucket, second = bucket.take(START + 1, 20, Limits(20, OPEN), [Returned(first.taken_at, 5)])
    assert second.tokens == 5
    _, third = bucket.take(START + 200, 99, Limits(20, OPEN), [Returned(first.taken_at, 20)])
    assert third.tokens == 20
    assert Bucket().take(START, 99, Limits(20, OPEN), [Returned(START - 1, 10)])[1].tokens == 20


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, int, list[tuple[float, int, float, int]]]:
    """Draw limits and takes: (pause before, wanted, how long the tokens wait, how many of them go back)."""
    pause = st.sampled_from([0.0, 0.01, 0.4, 0.5, 1.0, 7.3, 29.99, 59.4, 60.0, 61.0]) | st.floats(0, 70)
    take = st.tuples(pause, st.integers(1, 30), st.floats(0, LEASE_SECONDS, exclude_max=True), st.integers(0, 30))
    return draw(st.integers(1, 40)), draw(st.integers(1, 200)), draw(st.lists(take, max_size=60))


@settings(max_examples=400)
@given(histories())
def test_no_stretch_of_time_sees_more_than_the_limit(
    history: tuple[int, int, list[tuple[float, int, float, int]]],
) -> None:
    """Whenever tokens are taken, and however late they are spent or given back, no window anywhere exceeds its limit."""
    minute, hour, takes = history
    now, bucket = START, Bucket()
    spent: list[float] = []
    back: list[Returned] = []
    for pause, wanted, wait, unspent in takes:
        now += pause
        bucket, grant = bucket.take(now, wanted, Limits(minute, hour), back)
        assert grant.tokens <= wanted
        assert (grant.tokens == 0) == (grant.retry_after > 0)
        going_back = min(unspent, grant.tokens)
        spent += [now + wait] * (grant.tokens - going_back)
        back = [Returned(grant.taken_at, going_back)]
    assert most(spent, 60) <= minute
    assert most(spent, 3600) <= hour


@pytest.mark.parametrize(
    ("limits", "hours"),
    [(Limits(120, OPEN), 1), (Limits(7, OPEN), 1), (Limits(6000, OPEN), 1), (Limits(OPEN, 600), 30)],
)
def test_a_caller_without_pause_gets_nearly_the_limit(limits: Limits, hours: int) -> None:
    """Who asks all the time gets at most 2 % less than the limit allows over a long time."""
    now, bucket, granted = START, Bucket(), 0
    while now < START + hours * 3600:
        bucket, grant = bucket.take(now, OPEN, limits)
        granted += grant.tokens
        now += max(grant.retry_after, 0.5)
    allowed = min(limits.minute * 60, limits.hour) * hours
    assert 0.98 * allowed <= granted <= allowed + min(limits.minute, limits.hour)


@given(histories())
def test_a_bucket_survives_its_store(history: tuple[int, int, list[tuple[float, int, float, int]]]) -> None:
    """A bucket that was written as JSON and read again decides the same, and stays small."""
    _, hour, takes = history
    now, bucket = START, Bucket()
    for pause, wanted, _, _ in takes:
        now += pause
        kept = Bucket.from_json(json.loads(json.dumps(bucket.to_json())))
        assert kept.take(now, wanted, Limits(OPEN, hour)) == bucket.take(now, wanted, Limits(OPEN, hour))
        bucket, _ = bucket.take(now, wanted, Limits(OPEN, hour))
    assert all(len(pairs) <= 123 for pairs in bucket.to_json().values())
    assert Bucket.from_json({}) == Bucket()


def test_a_busy_bucket_stays_small() -> None:
    """Thousands of takes leave at most 123 pairs for each window."""
    now, bucket = START, Bucket()
    for _ in range(12_000):
        now += 0.37
        bucket, _ = bucket.take(now, 1, Limits(OPEN, OPEN))
    assert {name: len(pairs) <= 123 for name, pairs in bucket.to_json().items()} == {"minute": True, "hour": True}
