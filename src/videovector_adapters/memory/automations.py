"""Standing orders in memory."""

from __future__ import annotations

from attrs import define

from videovector_adapters.memory.catalogue import newest
from videovector_adapters.memory.database import Table
from videovector_core.automations.model import Cycle, Order, OrderKind
from videovector_core.page import After


@define
class MemoryOrders:
    """`OrderStore` in memory."""

    rows: Table[tuple[str, OrderKind], Order]
    history: Table[str, Cycle]

    async def get(self, index_id: str, kind: OrderKind, *, lock: bool = False) -> Order | None:  # noqa: ARG002 - serial
        return self.rows.get((index_id, kind))

    async def put(self, order: Order) -> None:
        self.rows.put((order.index_id, order.kind), order)

    async def remove(self, index_id: str, kind: OrderKind) -> None:
        self.rows.pop((index_id, kind))

    async def all(self, user_id: str, kind: OrderKind) -> list[Order]:
        found = self.rows.where(lambda one: one.user_id == user_id and one.kind is kind)
        return sorted(found, key=lambda one: one.index_id)

    async def hold(self, user_id: str) -> None:
        """Transactions in memory take turns as they are."""

    async def using(self, user_id: str, connector_id: str) -> list[Order]:
        found = self.rows.where(lambda one: one.user_id == user_id and one.connector_id == connector_id and one.enabled)
        return sorted(found, key=lambda one: (one.index_id, one.kind))

    async def put_cycle(self, cycle: Cycle) -> None:
        self.history.put(cycle.cycle_id, cycle)

    async def cycle(self, cycle_id: str) -> Cycle | None:
        return self.history.get(cycle_id)

    async def cycle_of(self, export_id: str) -> Cycle | None:
        return next(self.history.where(lambda one: one.export_id == export_id), None)

    async def cycles(self, index_id: str, kind: OrderKind, *, limit: int, after: After | None) -> list[Cycle]:
        found = self.history.where(lambda one: one.index_id == index_id and one.kind is kind)
        return newest(found, lambda one: (one.started_at.isoformat(), one.cycle_id), after=after, limit=limit)
