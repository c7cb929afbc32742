"""Rankings in memory."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from attrs import define

from videovector_adapters.memory.database import Table
from videovector_core.workflow.model import Ranking


@define
class MemoryRankings:
    """`RankingStore` in memory."""

    rows: Table[str, Ranking]

    async def add(self, ranking: Ranking) -> None:
        self.rows.add(ranking.ranking_id, ranking)

    async def get(self, user_id: str, ranking_id: str, now: datetime) -> Ranking | None:
        found = self.rows.get(ranking_id)
        return found if found is not None and found.user_id == user_id and found.expires_at > now else None

    async def forget(self, now: datetime, *, limit: int) -> int:
        gone = list(islice(self.rows.where(lambda one: one.expires_at <= now), limit))
        for one in gone:
            self.rows.pop(one.ranking_id)
        return len(gone)
