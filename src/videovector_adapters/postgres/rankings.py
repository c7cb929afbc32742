"""Rankings in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape
from videovector_core.workflow.model import Ranking

RANKINGS: Final = Shape("rankings", Ranking, ("ranking_id",), ("scope", "coverage", "warnings", "entries"))
_FORGET: Final = """
DELETE FROM rankings WHERE ranking_id IN (
    SELECT ranking_id FROM rankings WHERE expires_at <= %s ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


@define
class PgRankings:
    """`RankingStore` in PostgreSQL."""

    db: Session

    async def add(self, ranking: Ranking) -> None:
        await self.db.add(RANKINGS, ranking)

    async def get(self, user_id: str, ranking_id: str, now: datetime) -> Ranking | None:
        alive = "WHERE ranking_id = %s AND user_id = %s AND expires_at > %s"
        return await self.db.one(RANKINGS, alive, [ranking_id, user_id, now])

    async def forget(self, now: datetime, *, limit: int) -> int:
        return await self.db.run(_FORGET, [now, limit])
