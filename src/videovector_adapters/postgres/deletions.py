"""Records of deletions in PostgreSQL."""

from __future__ import annotations

from typing import Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape
from videovector_core.deletions import Deletion

DELETIONS: Final = Shape("deletions", Deletion, ("user_id", "kind", "owner_id"))


@define
class PgDeletions:
    """`DeletionStore` in PostgreSQL."""

    db: Session

    async def add(self, deletion: Deletion) -> bool:
        return await self.db.add(DELETIONS, deletion)

    async def of(self, user_id: str, kind: str, owner_id: str) -> Deletion | None:
        mine = "WHERE user_id = %s AND kind = %s AND owner_id = %s"
        return await self.db.one(DELETIONS, mine, [user_id, kind, owner_id])

    async def save(self, deletion: Deletion) -> None:
        await self.db.replace(DELETIONS, deletion)
