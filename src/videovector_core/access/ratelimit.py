"""How often a credential may ask: limits per category, and the bucket that counts what was taken.

A bucket counts takes in slots, 120 to a window, for a minute and for an hour. Before it grants anything it counts every
slot that the last window touches, lengthened by the time that a granted token may wait to be spent (`LEASE_SECONDS`).
So in no stretch of 60 s or 3600 s, wherever it begins, are more tokens spent than the limit, and a caller who asks
without a pause gets the limit once every 61 s or 3630 s: at most 1.7 % below.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NoReturn, Self

from attrs import field, frozen

from videovector_core.errors import Invalid

CATEGORIES: Final = ("search", "read", "write", "execute", "chat")
LEASE_SECONDS: Final = 0.5
_SLOTS: Final = 120
_UNITS: Final = {"min": "minute", "minute": "minute", "h": "hour", "hour": "hour"}
_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/([a-z]+)", re.ASCII)

Slots = tuple[tuple[int, int], ...]


@frozen
class Limits:
    """Tokens per minute and per hour, both at least 1."""

    minute: int
    hour: int

    @classmethod
    def of(cls, rates: Mapping[str, int]) -> Self:
        """Complete what was given: the window that was left out gets a limit that does not bind."""
        minute = rates.get("minute", rates.get("hour", 1))
        return cls(minute, rates.get("hour", minute * 60))


@frozen
class RateLimits:
    """The limits of every category; a category that is not listed has none."""

    categories: Mapping[str, Limits] = field(factory=dict)

    def of(self, category: str) -> Limits | None:
        """Return the limits of `category`, or `None` when it may be used without any."""
        return self.categories.get(category)


DEFAULTS: Final = RateLimits(
    {name: Limits(n, n * 60) for name, n in zip(CATEGORIES, (120, 600, 60, 20, 20), strict=True)}
)


def parse(text: str) -> RateLimits:
    """Read `VIDEOVECTOR_RATE_LIMITS`.

    `off` lifts all limits; otherwise `search=120/min,600/h;read=off` changes what it names, and the others keep their
    defaults.

    Raises:
        Invalid: code `settings_invalid`, with a sentence that names the setting and what is wrong.
    """
    if text.strip() == "off":
        return RateLimits()
    categories = dict(DEFAULTS.categories)
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, _, value = (part.strip() for part in entry.partition("="))
        if name not in CATEGORIES:
            _wrong(f"there is no category {name!r}; the categories are {', '.join(CATEGORIES)}")
        categories.pop(name, None)
        if value != "off":
            categories[name] = Limits.of(dict(_rate(part.strip()) for part in value.split(",")))
    return RateLimits(categories)


def _rate(text: str) -> tuple[str, int]:
    match = _RATE.fullmatch(text)
    if match is None or match[2] not in _UNITS:
        _wrong(f"{text!r} is no rate; write 120/min or 600/h, or off")
    return _UNITS[match[2]], int(match[1])


def _wrong(reason: str) -> NoReturn:
    raise Invalid(f"VIDEOVECTOR_RATE_LIMITS: {reason}.", code="settings_invalid")


@frozen
class Usage:
    """How one window stands; `reset_at` (seconds since 1970) is when the oldest of what was used comes back."""

    limit: int
    used: int
    reset_at: int

    @property
    def remaining(self) -> int:
        """What is left of the limit."""
        return max(0, self.limit - self.used)


@frozen
class Standing:
    """How a credential stands in one category."""

    minute: Usage
    hour: Usage

    @property
    def tightest(self) -> Usage:
        """The window that will refuse first."""
        return min(self.minute, self.hour, key=lambda usage: (usage.remaining / usage.limit, -usage.reset_at))


@frozen
class Returned:
    """Tokens of the grant of `taken_at` that were not spent, given back."""

    taken_at: float
    tokens: int


@frozen
class Grant:
    """The answer of a bucket: tokens, the moment they count from, and where that leaves the credential.

    `retry_after` is 0 when anything was granted, otherwise the seconds until something may be.
    """

    tokens: int
    taken_at: float
    retry_after: float
    standing: Standing


@frozen
class Window:
    """What was taken during the last `seconds`, as (slot, tokens) in the order of slots."""

    seconds: int
    slots: Slots = ()

    @property
    def used(self) -> int:
        """The tokens that count."""
        return sum(tokens for _, tokens in self.slots)

    def at(self, now: float) -> Window:
        """Forget what no longer counts at `now`."""
        first = bisect_left(self.slots, (self._slot(now - self.seconds - LEASE_SECONDS),))
        return Window(self.seconds, self.slots[first:]) if first else self

    def add(self, moment: float, tokens: int) -> Window:
        """Count `tokens` more; fewer than none are taken off a slot that still counts, never below nothing."""
        slot = self._slot(moment)
        place = bisect_left(self.slots, (slot,))
        there = self.slots[place : place + 1]
        known = bool(there) and there[0][0] == slot
        count = tokens + (there[0][1] if known else 0)
        kept = ((slot, count),) if count > 0 else ()
        return Window(self.seconds, self.slots[:place] + kept + self.slots[place + known :])

    def back(self, now: float) -> float:
        """Tell when the oldest of what counts comes back."""
        if not self.slots:
            return now
        return (self.slots[0][0] + 1) * self.seconds / _SLOTS + self.seconds + LEASE_SECONDS

    def usage(self, now: float, limit: int) -> Usage:
        """Say how this window stands."""
        return Usage(limit, self.used, math.ceil(self.back(now)))

    def _slot(self, moment: float) -> int:
        return math.floor(moment * _SLOTS / self.seconds)


@frozen
class Bucket:
    """What was taken lately under one key. A value: taking makes another one."""

    minute: Window = Window(60)
    hour: Window = Window(3600)

    def take(self, now: float, wanted: int, limits: Limits, returned: Iterable[Returned] = ()) -> tuple[Bucket, Grant]:
        """Grant up to `wanted` tokens at `now` (seconds since 1970), after what was `returned` is back."""
        minute, hour = self.minute.at(now), self.hour.at(now)
        for back in returned:
            minute, hour = (window.add(back.taken_at, -back.tokens) for window in (minute, hour))
        left = [(minute, limits.minute - minute.used), (hour, limits.hour - hour.used)]
        granted = max(0, min(wanted, *(tokens for _, tokens in left)))
        wait = 0.0 if granted else max((window.back(now) - now for window, n in left if n <= 0), default=0.0)
        minute, hour = minute.add(now, granted), hour.add(now, granted)
        return Bucket(minute, hour), Grant(
            granted, now, wait, Standing(minute.usage(now, limits.minute), hour.usage(now, limits.hour))
        )

    def standing(self, now: float, limits: Limits) -> Standing:
        """Say how the windows stand at `now`."""
        return Standing(self.minute.at(now).usage(now, limits.minute), self.hour.at(now).usage(now, limits.hour))

    def to_json(self) -> dict[str, list[list[int]]]:
        """Return what a store keeps: two lists of at most 123 pairs."""
        return {"minute": [list(pair) for pair in self.minute.slots], "hour": [list(pair) for pair in self.hour.slots]}

    @classmethod
    def from_json(cls, kept: Mapping[str, Sequence[Sequence[int]]]) -> Self:
        """Read what `to_json` made; nothing at all is a full bucket."""
        minute, hour = (tuple((slot, n) for slot, n in kept.get(name, ())) for name in ("minute", "hour"))
        return cls(Window(60, minute), Window(3600, hour))
