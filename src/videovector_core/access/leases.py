"""Sharing one bucket among processes: each takes a few tokens ahead and spends them within half a second.

Large limits are where asking the store for every request would hurt, and where a few tokens ahead do not: a process
holds at most 2.4 % of the limit divided by the number of processes, so small limits are taken one by one. What was not
spent in time goes back with the next take. Together with the slots of the bucket and the pause after a refusal this
keeps the whole at most 5 % below the limit under steady load, and never above it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Final, NoReturn, Protocol

from attrs import define, field

from videovector_core.access.ratelimit import LEASE_SECONDS, Grant, Limits, RateLimits, Returned, Standing
from videovector_core.errors import Limited

_AHEAD: Final = 0.024
_MANY: Final = 10_000


class Buckets(Protocol):
    """Keeps one `Bucket` for each key, shared by every process.

    Takes of one key happen one after another, each as `Bucket.take` with the store's own time; a key that was never
    taken from has a full bucket.
    """

    async def take(self, key: str, wanted: int, limits: Limits, returned: Sequence[Returned] = ()) -> Grant:
        """Take up to `wanted` tokens and give back what was `returned`, in one step."""
        ...

    async def standing(self, key: str, limits: Limits) -> Standing:
        """Say how the bucket stands, and take nothing."""
        ...


@define
class _Lease:
    """What this process holds of one bucket."""

    tokens: int = 0
    taken_at: float = 0.0
    until: float = 0.0
    shut_until: float = 0.0
    reopens: float = 0.0
    waiting: int = 0
    standing: Standing | None = None
    turn: asyncio.Lock = field(factory=asyncio.Lock)

    def spend(self, now: float) -> bool:
        """Spend a token that is held, if it is not too late."""
        if self.tokens <= 0 or now >= self.until:
            return False
        self.tokens -= 1
        return True

    def idle(self, now: float) -> bool:
        """Say whether it may be forgotten: nobody waits, and what it has is too old to be spent and stays counted."""
        return not self.waiting and now >= max(self.until, self.shut_until)

    def unspent(self) -> list[Returned]:
        """Hand over what is left, to be given back."""
        left, self.tokens = self.tokens, 0
        return [Returned(self.taken_at, left)] if left else []


@define
class Limiter:
    """Admits requests of a credential up to the limits of their category; one for each process."""

    buckets: Buckets
    rates: RateLimits
    processes: int = 4
    clock: Callable[[], float] = time.monotonic
    _leases: dict[str, _Lease] = field(factory=dict, init=False)

    async def admit(self, credential: str, category: str) -> Standing | None:
        """Count one request.

        Args:
            credential: the id of the API key or of the user; nothing that a client can choose.
            category: one of `ratelimit.CATEGORIES`.

        Returns:
            How the credential stood when the store was last asked, or `None` for a category without limits.

        Raises:
            Limited: with the seconds to wait, at least 1.
        """
        limits = self.rates.of(category)
        if limits is None:
            return None
        key = f"{credential}/{category}"
        lease = self._lease(key)
        if not lease.spend(self.clock()):
            lease.waiting += 1
            try:
                await self._queue(key, limits, lease)
            finally:
                lease.waiting -= 1
        return lease.standing

    async def standing(self, credential: str, category: str) -> Standing | None:
        """Say how a credential stands in a category, for the status route; counts nothing."""
        limits = self.rates.of(category)
        return None if limits is None else await self.buckets.standing(f"{credential}/{category}", limits)

    async def _queue(self, key: str, limits: Limits, lease: _Lease) -> None:
        self._refuse_if_shut(lease)
        async with lease.turn:
            if lease.spend(self.clock()):
                return
            self._refuse_if_shut(lease)
            await self._refill(key, limits, lease)
            if lease.tokens <= 0:
                self._refuse(lease)
            lease.tokens -= 1  # granted to a request that was there already, however long the store took to say so

    async def _refill(self, key: str, limits: Limits, lease: _Lease) -> None:
        asked = self.clock()
        wanted = max(lease.waiting, self._ahead(limits))
        grant = await self.buckets.take(key, wanted, limits, lease.unspent())
        lease.tokens, lease.taken_at, lease.standing = grant.tokens, grant.taken_at, grant.standing
        lease.until = asked + LEASE_SECONDS
        if not grant.tokens:
            lease.reopens = asked + grant.retry_after
            lease.shut_until = asked + min(grant.retry_after, LEASE_SECONDS)

    def _ahead(self, limits: Limits) -> int:
        return max(1, math.floor(_AHEAD * min(limits.minute, limits.hour) / self.processes))

    def _refuse_if_shut(self, lease: _Lease) -> None:
        if self.clock() < lease.shut_until:
            self._refuse(lease)

    def _refuse(self, lease: _Lease) -> NoReturn:
        wait = max(1, math.ceil(lease.reopens - self.clock()))
        raise Limited(f"Too many requests; try again in {wait} s.", retry_after=wait)

    def _lease(self, key: str) -> _Lease:
        if key not in self._leases and len(self._leases) >= _MANY:
            now = self.clock()
            self._leases = {name: lease for name, lease in self._leases.items() if not lease.idle(now)}
        return self._leases.setdefault(key, _Lease())
