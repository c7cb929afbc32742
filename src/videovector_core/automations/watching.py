"""The event log as orders see it: what they wait for leaves work behind, in the transaction that it happened in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from videovector_core.automations.model import Order, OrderKind
from videovector_core.automations.ports import OrderStore
from videovector_core.events.model import Event, NewEvent
from videovector_core.events.passing import Passing
from videovector_core.work import NewWork, WorkStore

TICK: Final = "automation.tick"
EXPORT: Final = "automation.export"
EXPORTED: Final = "automation.exported"

ATTEMPTS: Final = 8
"""Times that work is tried at growing distances; then it begins anew, so that it never waits for days."""

_RUN_ENDED: Final = frozenset({"prompt_run.completed", "prompt_run.partial_completed"})
_EXPORT_ENDED: Final = frozenset({"export.ready", "export.failed"})
_JOB_ENDED: Final = frozenset({"import_job.completed", "import_job.partial_completed", "import_job.failed"})
_Which = tuple[str, OrderKind]
"""An index, and which of its orders."""


def tick(order: Order, delay: float = 0.0) -> NewWork:
    """Return the work of looking after an import order; there is one item for each, which always comes back."""
    return NewWork(TICK, order.user_id, order.index_id, delay=delay, max_attempts=ATTEMPTS)


@frozen
class Heeded(Passing):
    """An `EventLog` that leaves work for the orders that an event concerns; both commit, or neither does."""

    work: WorkStore
    orders: OrderStore

    async def append(self, user_id: str, events: Sequence[NewEvent]) -> list[Event]:
        """Keep events, and ask for what orders do about them."""
        kept = await self.log.append(user_id, events)
        orders = await self._orders(kept)
        work = [one for event in kept if (one := await self._concerned(event, orders)) is not None]
        if work:
            await self.work.add(work)
        return kept

    async def _orders(self, events: Sequence[Event]) -> dict[_Which, Order | None]:
        """Look up once each order that some of the events may concern."""
        wanted = dict.fromkeys(which for event in events if (which := _which(event)) is not None)
        return {which: await self.orders.get(*which) for which in wanted}

    async def _concerned(self, event: Event, orders: Mapping[_Which, Order | None]) -> NewWork | None:
        which = _which(event)
        order = orders[which] if which is not None else None
        if order is not None and order.user_id == event.user_id:
            return _work(event, order)
        if event.event_type in _EXPORT_ENDED and event.index_id is not None:
            export_id = str(event.payload.get("export_id"))
            if await self.orders.cycle_of(export_id) is not None:
                return NewWork(EXPORTED, event.user_id, export_id, max_attempts=ATTEMPTS)
        return None


def _which(event: Event) -> _Which | None:
    """Say which order, if there is one, waits for such an event."""
    if event.index_id is None:
        return None
    if event.event_type in _RUN_ENDED and event.run_id is not None:
        return event.index_id, OrderKind.EXPORT
    return (event.index_id, OrderKind.IMPORT) if event.event_type in _JOB_ENDED else None


def _work(event: Event, order: Order) -> NewWork | None:
    if order.kind is OrderKind.IMPORT:
        return tick(order) if order.cycle_id is not None else None
    if not order.active or event.run_id is None:
        return None
    about = {"index_id": order.index_id, "run_id": event.run_id}
    return NewWork(EXPORT, event.user_id, event.run_id, about, max_attempts=ATTEMPTS)
