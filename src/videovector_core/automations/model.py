"""Standing orders, the times that they were carried out, and how they stand after each."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from attrs import evolve, field, frozen

GIVE_UP_AFTER: Final = 5
"""Cycles in a row that fail before an order is paused."""

INTERVALS: Final = {
    "5m": timedelta(minutes=5),
    "10m": timedelta(minutes=10),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
"""How long nothing may change before what arrived is imported, by the name that the wire has for it."""


class OrderKind(StrEnum):
    """Which way things go."""

    IMPORT = "import"
    EXPORT = "export"


class CycleStatus(StrEnum):
    """How carrying out an order stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@frozen
class Window:
    """Something arrived: when the first of it was seen, when it last changed, and a mark that changes with it."""

    opened_at: datetime
    changed_at: datetime
    mark: str


@frozen
class Order:
    """A standing order; an index has at most one of each kind. `settings` are what was asked for beyond the connector."""

    index_id: str
    kind: OrderKind = field(converter=OrderKind)
    user_id: str
    connector_id: str
    settings: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    enabled: bool = True
    paused: bool = False
    opened_at: datetime | None = None
    changed_at: datetime | None = None
    mark: str | None = None
    last_check_at: datetime | None = None
    next_check_at: datetime | None = None
    last_run_at: datetime | None = None
    cycle_id: str | None = None
    """The cycle that is under way."""
    last_job_id: str | None = None
    last_prompt_run_id: str | None = None
    last_export_id: str | None = None
    consecutive_failures: int = 0
    last_error: str | None = None

    @property
    def active(self) -> bool:
        """Whether it is to be carried out."""
        return self.enabled and not self.paused

    @property
    def window(self) -> Window | None:
        """The window that is open, if any."""
        if self.opened_at is None or self.changed_at is None or self.mark is None:
            return None
        return Window(self.opened_at, self.changed_at, self.mark)

    @property
    def interval(self) -> timedelta:
        """How long nothing may change before what arrived is imported."""
        return INTERVALS[self.settings["debounce_interval"]]

    @property
    def prefix(self) -> str:
        """The prefix that an import watches."""
        return str(self.settings.get("source_prefix") or "")

    def with_window(self, window: Window | None) -> Order:
        """Return the order with another window."""
        if window is None:
            return evolve(self, opened_at=None, changed_at=None, mark=None)
        return evolve(self, opened_at=window.opened_at, changed_at=window.changed_at, mark=window.mark)

    def stopped(self, now: datetime) -> Order:
        """Return the order at rest; a cycle that is under way may end."""
        return evolve(self.with_window(None), paused=True, next_check_at=None, updated_at=now)

    def resumed(self, now: datetime) -> Order:
        """Return the order at work, with a clean record."""
        return evolve(self, paused=False, consecutive_failures=0, last_error=None, updated_at=now)

    def succeeded(self) -> Order:
        """Return the order after a cycle that went well."""
        return evolve(self, consecutive_failures=0, last_error=None)

    def failed(self, reason: str, now: datetime) -> Order:
        """Return the order after a cycle that failed; it is paused with the fifth in a row."""
        failures = self.consecutive_failures + 1
        after = evolve(self, consecutive_failures=failures, last_error=reason)
        return after.stopped(now) if failures >= GIVE_UP_AFTER else after


@frozen
class Cycle:
    """One time that an order was carried out: by an import job and what ran on it, or by an export."""

    cycle_id: str
    index_id: str
    kind: OrderKind = field(converter=OrderKind)
    user_id: str
    started_at: datetime
    status: CycleStatus = field(default=CycleStatus.RUNNING, converter=CycleStatus)
    completed_at: datetime | None = None
    job_id: str | None = None
    run_id: str | None = None
    export_id: str | None = None
    error: str | None = None

    def ended(self, now: datetime, *, error: str | None = None, run_id: str | None = None) -> Cycle:
        """Return the cycle as it ended."""
        status = CycleStatus.FAILED if error else CycleStatus.COMPLETED
        return evolve(self, status=status, completed_at=now, error=error, run_id=run_id or self.run_id)
