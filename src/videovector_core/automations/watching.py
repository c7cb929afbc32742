"""The event log as orders see it: what they wait for leaves work behind, in the transaction that it happened in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from videovector_core.automations.model import Order, OrderKind
from videovector_core.automations.ports import OrderStore
from videovector_core.events.model import Event, EventFilter, NewEvent
from videovector_core.events.ports import EventLog
from videovector_core.work import NewWork, WorkStore

TICK: Final = "automation.tick"
EXPORT: Final = "automation.export"
EXPORTED: Final = "automation.exported"

ATTEMPTS: Final = 8
"""Times that work is tried at growing distances; then it begins anew, so that it never waits for days."""

_RUN_ENDED: Final = frozenset({"prompt_run.completed", "prompt_run.partial_completed"})
_EXPORT_ENDED: Final = frozenset({"export.ready", "export.failed"})
_JOB_ENDED: Final = frozenset({"import_job.completed", "import_job.partial_completed", "import_job.failed"})


def tick(order: Order, delay: float = 0.0) -> NewWork:
    """Return the work of looking after an import order; there is one item for each, which always comes back."""
    return NewWork(TICK, order.user_id, order.index_id, delay=delay, max_attempts=ATTEMPTS)


@frozen
class Heeded:
    """An `EventLog` that leaves work for the orders that an event concerns; both commit, or neither does."""

    log: EventLog
    work: WorkStore
    orders: OrderStore

    async def append(self, user_id: str, events: Sequence[NewEvent]) -> list[Event]:
        """Keep events, and ask for what orders do about them."""
        kept = await self.log.append(user_id, events)
        for event in kept:
            work = await self._concerned(event)
            if work is not None:
                await self.work.add([work])
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

    async def _concerned(self, event: Event) -> NewWork | None:
        if event.index_id is None:
            return None
        if event.event_type in _RUN_ENDED and event.run_id is not None:
            order = await self.orders.get(event.index_id, OrderKind.EXPORT)
            if order is not None and order.active and order.user_id == event.user_id:
                about = {"index_id": event.index_id, "run_id": event.run_id}
                return NewWork(EXPORT, event.user_id, event.run_id, about, max_attempts=ATTEMPTS)
        elif event.event_type in _EXPORT_ENDED:
            export_id = str(event.payload.get("export_id"))
            if await self.orders.cycle_of(export_id) is not None:
                return NewWork(EXPORTED, event.user_id, export_id, max_attempts=ATTEMPTS)
        elif event.event_type in _JOB_ENDED:
            order = await self.orders.get(event.index_id, OrderKind.IMPORT)
            if order is not None and order.cycle_id is not None and order.user_id == event.user_id:
                return tick(order)
        return None
