"""What the event log asks of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from videovector_core.events.model import Event, EventFilter, NewEvent


class EventLog(Protocol):
    """Keeps events in one order for each tenant.

    Sequence numbers are given under a lock of the tenant that lasts until the commit, so a reader that saw number n has
    seen, or will never see, every number below it. Append last in a transaction: others of the tenant wait for it.
    """

    async def append(self, user_id: str, events: Sequence[NewEvent]) -> list[Event]:
        """Keep events at the end of the tenant's log and return them with their numbers."""
        ...

    async def after(self, user_id: str, sequence: int, *, wanted: EventFilter, limit: int) -> list[Event]:
        """Return wanted events with greater numbers, in order."""
        ...

    async def sequence_of(self, user_id: str, event_id: str) -> int | None:
        """Return the number of an event, `None` when it is unknown, foreign or no longer kept."""
        ...

    async def last(self, user_id: str) -> int:
        """Return the greatest number given so far, 0 before the first."""
        ...

    async def forget(self, before: datetime) -> int:
        """Remove events older than a moment; the numbers go on."""
        ...


class EventsTx(Protocol):
    """The slice of a transaction that the event log touches."""

    @property
    def events(self) -> EventLog: ...
