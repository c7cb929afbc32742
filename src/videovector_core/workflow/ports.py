"""What the workflow asks of a store."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from videovector_core.workflow.model import Ranking


class RankingStore(Protocol):
    """Keeps rankings until they expire."""

    async def add(self, ranking: Ranking) -> None:
        """Keep a ranking."""
        ...

    async def get(self, user_id: str, ranking_id: str, now: datetime) -> Ranking | None:
        """Return a tenant's ranking that has not expired."""
        ...

    async def forget(self, now: datetime, *, limit: int) -> int:
        """Remove at most `limit` rankings of any tenant that have expired; say how many."""
        ...


class RankingsTx(Protocol):
    """The slice of a transaction that rankings touch."""

    @property
    def rankings(self) -> RankingStore: ...
