"""What a limiter is held against: how much went through in any stretch of time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


def most(moments: Sequence[float], seconds: float) -> int:
    """Return the largest number of moments in any stretch (u - seconds, u]."""
    ordered = sorted(moments)
    return max((n + 1 - bisect_right(ordered, u - seconds) for n, u in enumerate(ordered)), default=0)
