"""The event log as tenants with webhooks see it: whoever appends also asks, in the same transaction, for handing over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from videovector_core.events.model import Event, NewEvent
from videovector_core.events.passing import Passing
from videovector_core.webhooks.ports import WebhookStore
from videovector_core.work import NewWork, WorkStore

FANOUT: Final = "webhook.fanout"


def fan_out(user_id: str, delay: float = 0.0) -> NewWork:
    """Return the work of handing a tenant's new events to webhooks; there is one item for each tenant."""
    return NewWork(FANOUT, user_id, user_id, delay=delay, max_attempts=10)


@frozen
class Watched(Passing):
    """An `EventLog` that leaves a work item behind for a tenant that has webhooks; both commit, or neither does."""

    work: WorkStore
    webhooks: WebhookStore

    async def append(self, user_id: str, events: Sequence[NewEvent]) -> list[Event]:
        """Keep events, and ask for handing them over when somebody watches."""
        kept = await self.log.append(user_id, events)
        if kept and await self.webhooks.position(user_id) is not None:
            await self.work.add([fan_out(user_id)])
        return kept
