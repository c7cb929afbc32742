"""Ranking: how hits are ordered, and how several orders become one.

Reciprocal rank fusion: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
Learning Methods", SIGIR 2009. A result at rank r (from 1) of a ranking with weight w adds w / (60 + r); where it is
missing it adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

K: Final = 60
SCORE_DIGITS: Final = 5
"""Engines add in different orders and differ in the last bits; scores that agree to so many decimals are ties."""


def rank_key(score: float, point_id: str) -> tuple[float, str]:
    """Return the sort key that puts the best first and breaks ties by id."""
    return (-round(score, SCORE_DIGITS), point_id)


@frozen
class Part:
    """What one ranking added to a fused result: `weight / (K + rank)`, with ranks from 1."""

    rank: int
    weight: float
    contribution: float


@frozen
class Fused:
    """A result of several rankings. `parts` holds, by the name of the ranking, those that had it."""

    id: str
    score: float
    parts: Mapping[str, Part] = field(factory=dict)

    @property
    def best_rank(self) -> int:
        """The best rank that the result has anywhere."""
        return min(part.rank for part in self.parts.values())


def fuse(
    rankings: Mapping[str, Sequence[str]],
    *,
    weights: Mapping[str, float] | None = None,
    k: int = K,
    tie: Callable[[Fused], Any] | None = None,
) -> list[Fused]:
    """Merge rankings of ids, best first, by reciprocal rank fusion.

    Args:
        rankings: ids by the name of the ranking, best first; an id that repeats counts at its first place.
        weights: by the name of the ranking; 1 where there is none. A ranking of weight 0 takes no part.
        k: the constant that softens the first ranks.
        tie: sort key among equal scores, in front of the best rank and the id, which always decide.
    """
    parts: dict[str, dict[str, Part]] = {}
    for name, ids in rankings.items():
        weight = 1.0 if weights is None else weights.get(name, 1.0)
        if weight <= 0:
            continue
        for rank, one in enumerate(dict.fromkeys(ids), start=1):
            parts.setdefault(one, {})[name] = Part(rank, weight, weight / (k + rank))
    fused = [Fused(one, _total(found), found) for one, found in parts.items()]
    return sorted(fused, key=lambda hit: (-hit.score, tie(hit) if tie else 0, hit.best_rank, hit.id))


def _total(parts: Mapping[str, Part]) -> float:
    # sorted and rounded, so that the order in which rankings were given cannot decide between ties
    if len(parts) == 1:  # as most have
        (only,) = parts.values()
        return round(only.contribution, 12)
    return round(sum(sorted(part.contribution for part in parts.values())), 12)
