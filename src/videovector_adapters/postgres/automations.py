"""Standing orders in PostgreSQL."""

from __future__ import annotations

from typing import Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape, before, locking
from videovector_core.automations.model import Cycle, Order, OrderKind
from videovector_core.page import After

ORDERS: Final = Shape("automations", Order, ("index_id", "kind"), ("settings",))
CYCLES: Final = Shape("automation_cycles", Cycle, ("cycle_id",))


@define
class PgOrders:
    """`OrderStore` in PostgreSQL."""

    db: Session

    async def get(self, index_id: str, kind: OrderKind, *, lock: bool = False) -> Order | None:
        rest = f"WHERE index_id = %s AND kind = %s {locking(lock)}"
        return await self.db.one(ORDERS, rest, [index_id, kind.value])

    async def put(self, order: Order) -> None:
        await self.db.run(ORDERS.insert(ORDERS.overwrite()), ORDERS.values(order))

    async def remove(self, index_id: str, kind: OrderKind) -> None:
        await self.db.run("DELETE FROM automations WHERE index_id = %s AND kind = %s", [index_id, kind.value])

    async def all(self, user_id: str, kind: OrderKind) -> list[Order]:
        return await self.db.many(ORDERS, "WHERE user_id = %s AND kind = %s ORDER BY index_id", [user_id, kind.value])

    async def hold(self, user_id: str) -> None:
        await self.db.run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 79))", [user_id])

    async def using(self, user_id: str, connector_id: str) -> list[Order]:
        rest = "WHERE user_id = %s AND connector_id = %s AND enabled ORDER BY index_id, kind"
        return await self.db.many(ORDERS, rest, [user_id, connector_id])

    async def put_cycle(self, cycle: Cycle) -> None:
        await self.db.run(CYCLES.insert(CYCLES.overwrite()), CYCLES.values(cycle))

    async def cycle(self, cycle_id: str) -> Cycle | None:
        return await self.db.one(CYCLES, "WHERE cycle_id = %s", [cycle_id])

    async def cycle_of(self, export_id: str) -> Cycle | None:
        return await self.db.one(CYCLES, "WHERE export_id = %s", [export_id])

    async def cycles(self, index_id: str, kind: OrderKind, *, limit: int, after: After | None) -> list[Cycle]:
        on, place = before(after, "started_at, cycle_id")
        rest = f"WHERE index_id = %s AND kind = %s {on} ORDER BY started_at DESC, cycle_id DESC LIMIT %s"
        return await self.db.many(CYCLES, rest, [index_id, kind.value, *place, limit])
