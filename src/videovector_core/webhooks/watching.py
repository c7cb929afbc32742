"""The event log as tenants with webhooks see it: whoever appends also asks, in the same transaction, for handing over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from videovector_core.events.model import Event, EventFilter, NewEvent
from videovector_core.events.ports import EventLog
from videovector_core.webhooks.ports import WebhookStore
from videovector_core.work import NewWork, WorkStore

FANOUT: Final = "webhook.fanout"


def fan_out(user_id: str, delay: float = 0.0) -> NewWork:
    """Return the work of handing a tenant's new events to webhooks; there is one item for each tenant."""
    return NewWork(FANOUT, user_id, user_id, delay=delay, max_attempts=10)


@frozen
class Watched:
    """An `EventLog` that leaves a work item behind for a tenant that has webhooks; both commit, or neither does."""

    log: EventLog
    work: WorkStore
    webhooks: WebhookStore

    async def append(self, user_id: str, events: Sequence[NewEvent]) -> list[Event]:
        """Keep events, and ask for handing them over when somebody watches."""
        kept = await self.log.append(user_id, events)
        if kept and await self.webhooks.position(user_id) is not None:
            await self.work.add([fan_out(user_id)])
        return kept

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
