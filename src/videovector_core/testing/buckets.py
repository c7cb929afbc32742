"""Rate-limit buckets in memory: for one process, and for several limiters in one test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from attrs import define, field

from videovector_core.access.ratelimit import Bucket, Grant, Limits, Returned, Standing


@define
class MemoryBuckets:
    """Keeps buckets in a dictionary; lets others run where a real store would wait."""

    clock: Callable[[], float] = time.time
    takes: int = 0
    _buckets: dict[str, Bucket] = field(factory=dict, init=False)

    async def take(self, key: str, wanted: int, limits: Limits, returned: Sequence[Returned] = ()) -> Grant:
        """Take and give back in one step."""
        await asyncio.sleep(0)
        self.takes += 1
        self._buckets[key], grant = self._bucket(key).take(self.clock(), wanted, limits, returned)
        await asyncio.sleep(0)
        return grant

    async def standing(self, key: str, limits: Limits) -> Standing:
        """Say how the bucket stands."""
        return self._bucket(key).standing(self.clock(), limits)

    def _bucket(self, key: str) -> Bucket:
        return self._buckets.get(key, Bucket())
