"""Several processes share one bucket: never above the limit, at most 5 % below it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from attrs import define, field

from tests.access.windows import most
from videovector_core.access.leases import Limiter
from videovector_core.access.ratelimit import Grant, Limits, RateLimits, Returned
from videovector_core.errors import Limited
from videovector_core.testing.buckets import MemoryBuckets

OPEN = 10**9


@define
class Hands:
    """A clock of seconds that is turned by hand."""

    moment: float = 1_767_225_600.25

    def __call__(self) -> float:
        return self.moment


@define
class Fleet:
    """Limiters of several processes over one store, each with a monotonic clock of its own."""

    limits: Limits
    processes: int = 4
    clock: Hands = field(factory=Hands)
    buckets: MemoryBuckets = field(init=False)
    limiters: list[Limiter] = field(init=False)
    admitted: list[float] = field(factory=list)
    refused: int = 0

    def __attrs_post_init__(self) -> None:
        self.buckets = MemoryBuckets(self.clock)
        rates = RateLimits({"search": self.limits})
        self.limiters = [
            Limiter(self.buckets, rates, self.processes, lambda offset=n: self.clock() - 1e9 + offset * 1000)  # type: ignore[misc]  # the default binds n
            for n in range(self.processes)
        ]

    async def ask(self, process: int, credential: str = "key_1") -> bool:
        try:
            await self.limiters[process].admit(credential, "search")
        except Limited as error:
            self.refused += error.retry_after >= 1
            return False
        self.admitted.append(self.clock())
        return True

    async def hammer(self, seconds: float, *, step: float, burst: int) -> None:
        """Let every process ask `burst` times at once, at every step."""
        end = self.clock() + seconds
        while self.clock() < end:
            await asyncio.gather(*(self.ask(process) for process in range(self.processes) for _ in range(burst)))
            self.clock.moment += step


@pytest.mark.parametrize("limit", [1, 7, 20, 120, 600, 3000])
async def test_four_processes_keep_one_limit(limit: int) -> None:
    """Four processes under steady overload admit, in any minute, never more than the limit, and over all 95 % of it at least."""
    fleet, minutes = Fleet(Limits(limit, OPEN)), 6
    step = 0.21
    await fleet.hammer(minutes * 60, step=step, burst=max(1, round(limit / 60 * step)))
    assert most(fleet.admitted, 60) <= limit
    assert len(fleet.admitted) >= 0.95 * limit * minutes
    assert fleet.refused > 0


async def test_the_hour_is_shared_too() -> None:
    """The limit of an hour is kept by four processes in the same way."""
    fleet = Fleet(Limits(OPEN, 1000))
    await fleet.hammer(3 * 3600, step=5.0, burst=1)
    assert most(fleet.admitted, 3600) <= 1000
    assert len(fleet.admitted) >= 0.95 * 3000


@pytest.mark.parametrize("seed", range(4))
async def test_uneven_load_keeps_the_limit(seed: int) -> None:
    """Random bursts, pauses and processes that come and go never exceed the limit, nor leave it unused while refusing."""
    fleet, chance = Fleet(Limits(5000, OPEN)), random.Random(seed)
    start = fleet.clock()
    for _ in range(600):
        who, burst = chance.randrange(4), chance.choice([1, 1, 2, 30, 300])
        await asyncio.gather(*(fleet.ask(who) for _ in range(burst)))
        fleet.clock.moment += chance.choice([0.0, 0.05, 0.3, 0.49, 0.51, 1.0])
    assert most(fleet.admitted, 60) <= 5000
    elapsed = fleet.clock() - start
    assert not fleet.refused or len(fleet.admitted) >= 0.95 * 5000 * max(1.0, elapsed / 61 - 1)


async def test_a_light_caller_is_never_refused() -> None:
    """A caller who stays just below the limit, spread over all processes, gets everything through."""
    for limit in (20, 600, 6000):
        fleet = Fleet(Limits(limit, OPEN))
        for number in range(limit * 3):
            assert await fleet.ask(number % 4), (limit, number)
            fleet.clock.moment += 60 / (limit * 0.95)


async def test_large_limits_spare_the_store() -> None:
    """At a large limit the store is asked once for many requests; at a small one it is asked for each."""
    fleet = Fleet(Limits(60_000, OPEN))
    await fleet.hammer(10, step=0.0625, burst=10)
    assert len(fleet.admitted) == 6400
    assert fleet.buckets.takes <= 120
    small = Fleet(Limits(20, OPEN))
    for _ in range(10):
        assert await small.ask(0)
        small.clock.moment += 4
    assert small.buckets.takes == 10


async def test_a_refused_caller_does_not_reach_the_store() -> None:
    """Hammering after a refusal asks the store twice a second and process, not each time."""
    fleet = Fleet(Limits(10, OPEN))
    await fleet.hammer(30, step=0.1, burst=20)
    assert len(fleet.admitted) == 10
    assert fleet.buckets.takes <= 10 + 4 * 2 * 31


async def test_a_thousand_at_once_share_one_take() -> None:
    """Requests that arrive together are counted together, and exactly."""
    fleet = Fleet(Limits(600, OPEN), processes=1)
    await asyncio.gather(*(fleet.ask(0) for _ in range(1000)))
    assert (len(fleet.admitted), fleet.refused) == (600, 400)
    assert fleet.buckets.takes <= 3


async def test_credentials_and_categories_are_apart() -> None:
    """One caller's flood takes nothing from another caller, and one category nothing from another."""
    clock = Hands()
    limiter = Limiter(
        MemoryBuckets(clock), RateLimits({"search": Limits(2, OPEN), "read": Limits(2, OPEN)}), clock=clock
    )
    for credential in ("key_1", "key_2"):
        for category in ("search", "read"):
            for _ in range(2):
                standing = await limiter.admit(credential, category)
            assert standing
            assert standing.minute.remaining == 0
            with pytest.raises(Limited) as caught:
                await limiter.admit(credential, category)
            assert 60 <= caught.value.retry_after <= 62
    assert await limiter.admit("key_1", "chat") is None
    assert await limiter.standing("key_1", "chat") is None
    status = await limiter.standing("key_1", "search")
    assert status
    assert (status.minute.used, status.minute.limit, status.hour.used) == (2, 2, 2)


@define
class Slow:
    """A store that takes its time, or fails."""

    buckets: MemoryBuckets
    clock: Hands
    seconds: float = 0.0
    failing: bool = False

    async def take(self, key: str, wanted: int, limits: Limits, returned: Sequence[Returned] = ()) -> Grant:
        if self.failing:
            raise ConnectionError("the store is away")
        grant = await self.buckets.take(key, wanted, limits, returned)
        self.clock.moment += self.seconds
        return grant

    standing = None


async def test_a_slow_store_neither_loses_nor_adds_requests() -> None:
    """A store slower than a lease lasts admits exactly the limit all the same."""
    clock = Hands()
    limiter = Limiter(Slow(MemoryBuckets(clock), clock, 0.8), RateLimits({"search": Limits(30, OPEN)}), clock=clock)  # type: ignore[arg-type]  # no standing
    results = await asyncio.gather(*(limiter.admit("key_1", "search") for _ in range(60)), return_exceptions=True)
    assert sum(not isinstance(result, Exception) for result in results) == 30
    assert sum(isinstance(result, Limited) for result in results) == 30


async def test_a_failing_store_is_the_stores_failure() -> None:
    """When the store fails, so does the request, and the next one asks again."""
    clock = Hands()
    store = Slow(MemoryBuckets(clock), clock, failing=True)
    limiter = Limiter(store, RateLimits({"search": Limits(1, OPEN)}), clock=clock)  # type: ignore[arg-type]  # no standing
    with pytest.raises(ConnectionError):
        await limiter.admit("key_1", "search")
    store.failing = False
    assert await limiter.admit("key_1", "search")


async def test_idle_credentials_are_forgotten() -> None:
    """A flood of credentials does not stay in memory."""
    clock = Hands()
    limiter = Limiter(MemoryBuckets(clock), RateLimits({"search": Limits(5, OPEN)}), clock=clock)
    for number in range(10_500):
        if number == 10_000:
            clock.moment += 1
        await limiter.admit(f"key_{number}", "search")
    assert len(limiter._leases) == 500
