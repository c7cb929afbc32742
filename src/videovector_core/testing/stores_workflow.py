"""What a store of rankings promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from attrs import evolve

from videovector_core.testing.stores_room import Room
from videovector_core.workflow.model import Ranking

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _ranking(name: str, *, seconds: float = 60, user: str = "user_1") -> Ranking:
    entries = [{"result_id": "segment:s:r", "run_id": "r", "scores": {"fused": 0.25}, "parts": {}, "fields": []}]
    return Ranking(
        f"rank_{name}", user, NOW, NOW + timedelta(seconds=seconds), "vector", "segment", 10, {"type": "playground"},
        {"runs": 1}, ["a warning"], entries, truncated=True,
    )  # fmt: skip


class RankingContract:
    """Rankings stay as they were kept, for their tenant, until they expire."""

    async def test_a_ranking_is_its_tenants_until_it_expires(self, room: Room) -> None:
        """A ranking comes back as it was kept, to its tenant alone, and not from its last moment on."""
        one = _ranking("a")
        async with room.begin() as tx:
            await tx.rankings.add(one)
        async with room.begin() as tx:
            assert await tx.rankings.get("user_1", "rank_a", NOW) == one
            assert await tx.rankings.get("user_2", "rank_a", NOW) is None
            assert await tx.rankings.get("user_1", "rank_b", NOW) is None
            assert await tx.rankings.get("user_1", "rank_a", one.expires_at) is None

    async def test_expired_rankings_are_forgotten(self, room: Room) -> None:
        """Only what has expired is forgotten, and no more at once than asked for."""
        made = [_ranking(str(n), seconds=n, user=f"user_{n}") for n in (1, 2, 3)]
        later = evolve(_ranking("later"), expires_at=NOW + timedelta(days=1))
        async with room.begin() as tx:
            for one in [*made, later]:
                await tx.rankings.add(one)
        now = NOW + timedelta(seconds=10)
        async with room.begin() as tx:
            assert await tx.rankings.forget(now, limit=2) == 2
        async with room.begin() as tx:
            assert await tx.rankings.forget(now, limit=2) == 1
            assert await tx.rankings.forget(now, limit=2) == 0
            assert await tx.rankings.get("user_1", "rank_later", now) == later
