"""Exports in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape
from videovector_core.exports.model import Export, Part

EXPORTS: Final = Shape("exports", Export, ("export_id",), ("place",))
PARTS: Final = Shape("export_parts", Part, ("export_id", "ordinal"))


@define
class PgExports:
    """`ExportStore` in PostgreSQL."""

    db: Session

    async def add(self, export: Export) -> bool:
        return await self.db.add(EXPORTS, export)

    async def get(self, user_id: str, export_id: str) -> Export | None:
        return await self.db.one(EXPORTS, "WHERE export_id = %s AND user_id = %s", [export_id, user_id])

    async def save(self, export: Export) -> None:
        await self.db.replace(EXPORTS, export)

    async def page(self, user_id: str, *, limit: int) -> list[Export]:
        rest = "WHERE user_id = %s ORDER BY created_at DESC, export_id DESC LIMIT %s"
        return await self.db.many(EXPORTS, rest, [user_id, limit])

    async def refers(self, sha256: str) -> bool:
        return bool(await self.db.value("SELECT EXISTS (SELECT FROM exports WHERE sha256 = %s)", [sha256]))

    async def using(self, connector_id: str) -> list[str]:
        named = """
        SELECT export_id FROM exports WHERE destination_connector_id = %s AND completed_at IS NULL
        ORDER BY created_at, export_id LIMIT 100
        """
        return [export_id for (export_id,) in await self.db.rows(named, [connector_id])]

    async def add_part(self, part: Part) -> None:
        await self.db.run(PARTS.insert(PARTS.overwrite()), PARTS.values(part))

    async def parts(self, export_id: str) -> Sequence[Part]:
        return await self.db.many(PARTS, "WHERE export_id = %s ORDER BY ordinal", [export_id])

    async def drop_parts(self, export_id: str) -> None:
        await self.db.run("DELETE FROM export_parts WHERE export_id = %s", [export_id])
