"""Connectors in PostgreSQL."""

from __future__ import annotations

from typing import Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape, locking
from videovector_core.connectors.model import Connector

CONNECTORS: Final = Shape("connectors", Connector, ("connector_id",))


@define
class PgConnectors:
    """`ConnectorStore` in PostgreSQL."""

    db: Session

    async def add(self, connector: Connector) -> bool:
        return await self.db.add(CONNECTORS, connector)

    async def save(self, connector: Connector) -> None:
        await self.db.replace(CONNECTORS, connector)

    async def get(self, user_id: str, connector_id: str, *, lock: bool = False) -> Connector | None:
        mine = f"WHERE connector_id = %s AND user_id = %s {locking(lock)}"
        return await self.db.one(CONNECTORS, mine, [connector_id, user_id])

    async def all(self, user_id: str) -> list[Connector]:
        rest = "WHERE user_id = %s ORDER BY created_at DESC, connector_id DESC"
        return await self.db.many(CONNECTORS, rest, [user_id])

    async def remove(self, user_id: str, connector_id: str) -> bool:
        given = [connector_id, user_id]
        return await self.db.run("DELETE FROM connectors WHERE connector_id = %s AND user_id = %s", given) == 1
