"""What an event log that does more than keep events stands on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from videovector_core.events.model import Event, EventFilter, NewEvent
from videovector_core.events.ports import EventLog


@frozen
class Passing:
    """An `EventLog` that leaves everything to another one; who stands on it says what else follows from an event."""

    log: EventLog

    async def append(self, user_id: str, events: Sequence[NewEvent]) -> list[Event]:
        """Keep events as the log does."""
        return await self.log.append(user_id, events)

    async def after(self, user_id: str, sequence: int, *, wanted: EventFilter, limit: int) -> list[Event]:
        """Return events as the log does."""
        return await self.log.after(user_id, sequence, wanted=wanted, limit=limit)

    async def sequence_of(self, user_id: str, event_id: str) -> int | None:
        """Return a number as the log does."""
        return await self.log.sequence_of(user_id, event_id)

    async def last(self, user_id: str) -> int:
        """Return the last number as the log does."""
        return await self.log.last(user_id)

    async def forget(self, before: datetime) -> int:
        """Forget as the log does."""
        return await self.log.forget(before)
