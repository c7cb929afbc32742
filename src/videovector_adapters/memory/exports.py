"""Exports in memory."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from videovector_adapters.memory.database import Table
from videovector_core.exports.model import Export, Part


@define
class MemoryExports:
    """`ExportStore` in memory."""

    rows: Table[str, Export]
    pieces: Table[tuple[str, int], Part]

    async def add(self, export: Export) -> bool:
        return self.rows.add(export.export_id, export)

    async def get(self, user_id: str, export_id: str) -> Export | None:
        found = self.rows.get(export_id)
        return found if found is not None and found.user_id == user_id else None

    async def save(self, export: Export) -> None:
        self.rows.replace(export.export_id, export)

    async def page(self, user_id: str, *, limit: int) -> list[Export]:
        mine = self.rows.where(lambda one: one.user_id == user_id)
        return sorted(mine, key=lambda one: (one.created_at, one.export_id), reverse=True)[:limit]

    async def refers(self, sha256: str) -> bool:
        return any(one.sha256 == sha256 for one in self.rows.rows.values())

    async def using(self, connector_id: str) -> list[str]:
        found = self.rows.where(lambda one: one.destination_connector_id == connector_id and not one.over)
        return [one.export_id for one in sorted(found, key=lambda one: (one.created_at, one.export_id))][:100]

    async def add_part(self, part: Part) -> None:
        self.pieces.put((part.export_id, part.ordinal), part)

    async def parts(self, export_id: str) -> Sequence[Part]:
        return sorted(self.pieces.where(lambda one: one.export_id == export_id), key=lambda one: one.ordinal)

    async def drop_parts(self, export_id: str) -> None:
        for part in await self.parts(export_id):
            self.pieces.pop((part.export_id, part.ordinal))
