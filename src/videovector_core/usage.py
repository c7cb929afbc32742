"""Usage: what was counted for a tenant, by month, metric, model and credential.

Use cases count in the transaction of what they do, so what was undone was not counted and what was done was, once. Searches, which
leave nothing else behind, are counted without a wait for the disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from attrs import field, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid
from videovector_core.ports import Begin, Clock

MAX_PERIODS: Final = 120
_INSTANT: Final = timedelta(microseconds=1)


@frozen
class Metric:
    """Something that is counted."""

    type: str
    description: str
    unit: str


SEARCHES: Final = "search_queries"
UPLOADS: Final = "videos_uploaded"
STORAGE: Final = "storage_bytes"
PROCESSED: Final = "videos_processed"
SEGMENTS: Final = "segments_created"
CALLS: Final = "model_calls"
TOKENS_IN: Final = "input_tokens"
TOKENS_OUT: Final = "output_tokens"

METRICS: Final = (
    Metric(SEARCHES, "Searches.", "count"),
    Metric(UPLOADS, "Media items taken in.", "count"),
    Metric(STORAGE, "Bytes of media taken in.", "bytes"),
    Metric(PROCESSED, "Media items that a run finished.", "count"),
    Metric(SEGMENTS, "Segments cut.", "count"),
    Metric(CALLS, "Calls of extraction models.", "count"),
    Metric(TOKENS_IN, "Tokens that models read.", "tokens"),
    Metric(TOKENS_OUT, "Tokens that models wrote.", "tokens"),
)
UNITS: Final = {metric.type: metric.unit for metric in METRICS}


@frozen
class Count:
    """Something to be counted: `key_id` is the credential that caused it, `model` the model that did it."""

    metric_type: str
    value: float = 1.0
    key_id: str | None = None
    model: str | None = None
    about: Mapping[str, Any] = field(factory=dict)


@frozen
class UsageEvent:
    """Something that was counted."""

    event_id: str
    user_id: str
    metric_type: str
    value: float
    timestamp: datetime
    key_id: str | None = None
    model: str | None = None
    metadata: dict[str, Any] | None = None

    @property
    def unit(self) -> str:
        """What the value is in."""
        return UNITS.get(self.metric_type, "count")


@frozen
class Sum:
    """What a metric came to within a time, for one model and one credential."""

    metric_type: str
    model: str | None
    key_id: str | None
    value: float


@frozen
class Period:
    """A stretch of time and what was counted in it; `stored` is what is stored now, in bytes."""

    start: datetime
    end: datetime
    sums: tuple[Sum, ...] = field(default=(), converter=tuple[Sum, ...])
    stored: int = 0

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric with its sum; those that were not counted are 0."""
        return {metric.type: 0.0 for metric in METRICS} | _summed((one.metric_type, one.value) for one in self.sums)

    @property
    def by_model(self) -> dict[str, dict[str, float]]:
        """Model, metric, sum."""
        return self._by("model")

    @property
    def by_key(self) -> dict[str, dict[str, float]]:
        """Id of the API key, metric, sum."""
        return self._by("key_id")

    def _by(self, name: str) -> dict[str, dict[str, float]]:
        names = sorted({getattr(one, name) for one in self.sums} - {None})
        return {
            key: _summed((one.metric_type, one.value) for one in self.sums if getattr(one, name) == key)
            for key in names
        }


class UsageStore(Protocol):
    """Keeps what was counted."""

    async def count(self, user_id: str, counts: Iterable[Count], *, lasting: bool = True) -> None:
        """Keep counts, with the time of the store.

        A transaction that writes nothing but counts that need not be `lasting` does not wait for the disk at its end; when the
        store or its machine fails, those of the last second may be lost.
        """
        ...

    async def details(
        self, user_id: str, *, metric_type: str | None, start: datetime | None, end: datetime | None, limit: int
    ) -> list[UsageEvent]:
        """Return what was counted in [start, end), newest first."""
        ...

    async def sums(self, user_id: str, start: datetime, end: datetime) -> list[Sum]:
        """Return the sums of [start, end)."""
        ...

    async def stored(self, user_id: str) -> int:
        """Return the bytes of the media that the tenant has now."""
        ...


class UsageTx(Protocol):
    """The slice of a transaction that usage touches."""

    @property
    def usage(self) -> UsageStore:
        """What was counted."""
        ...


@frozen
class Usage:
    """Look at what was counted."""

    begin: Begin[UsageTx]
    clock: Clock

    async def current(self, caller: Caller) -> Period:
        """Return the month that runs."""
        return await self.of(caller, *month_of(self.clock.now()))

    async def of(self, caller: Caller, start: datetime | None, end: datetime | None) -> Period:
        """Return what was counted in a stretch of time; the month that runs where nothing is said."""
        caller.require(Scope.READ)
        first, last = month_of(self.clock.now())
        start, end = start or first, end or last
        if start >= end:
            raise Invalid("start_date must be before end_date.", code="validation_period")
        async with self.begin() as tx:
            sums = await tx.usage.sums(caller.user_id, start, end)
            return Period(start, end, sums, await tx.usage.stored(caller.user_id))

    async def history(
        self, caller: Caller, *, start: datetime | None = None, end: datetime | None = None, limit: int = 12
    ) -> list[Period]:
        """Return the months before this one in which anything was counted, newest first."""
        caller.require(Scope.READ)
        month, _ = month_of(end or self.clock.now())
        found: list[Period] = []
        async with self.begin() as tx:
            for _ in range(min(limit, MAX_PERIODS)):
                first, last = month_of(month - _INSTANT)
                if start is not None and last <= start:
                    break
                sums = await tx.usage.sums(caller.user_id, first, last)
                if sums:
                    found.append(Period(first, last, sums))
                month = first
        return found

    async def details(
        self,
        caller: Caller,
        *,
        metric_type: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 100,
    ) -> list[UsageEvent]:
        """Return what was counted, one by one, newest first."""
        caller.require(Scope.READ)
        if metric_type is not None and metric_type not in UNITS:
            raise Invalid(f"metric_type is one of {', '.join(UNITS)}.", code="validation_metric_type")
        async with self.begin() as tx:
            return await tx.usage.details(caller.user_id, metric_type=metric_type, start=start, end=end, limit=limit)


def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """Return the first moment of the calendar month (UTC) of `moment`, and that of the next."""
    moment = moment.astimezone(UTC)
    first = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    year, month = divmod(moment.year * 12 + moment.month, 12)
    return first, datetime(year, month + 1, 1, tzinfo=UTC)


def _summed(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for name, value in pairs:
        totals[name] = totals.get(name, 0.0) + value
    return totals
