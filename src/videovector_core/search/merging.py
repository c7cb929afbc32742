"""One list out of the hits of several runs (semantics 8.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from attrs import evolve

from videovector_core.search.fusion import Part
from videovector_core.search.model import Hit

DECAY: Final = 0.9
"""What a score keeps for each run that is newer."""
OVERLAP: Final = 0.5
"""Share of the shorter stretch from which two segments are the same moment."""


class Aggregation(StrEnum):
    """How hits of several runs become one list."""

    BEST = "best"
    ALL = "all"
    WEIGHTED = "weighted"


def merge(hits: Sequence[Hit], how: Aggregation, ages: Mapping[str, int]) -> list[Hit]:
    """Sort the hits of all runs by score; `best` keeps one per moment, `weighted` lowers those of older runs.

    `ages` counts, by run id, how many of the runs that were searched are newer.
    """
    if how is Aggregation.WEIGHTED:
        hits = [_aged(hit, ages[hit.run.run_id]) for hit in hits]
    ranked = sorted(hits, key=lambda hit: (-_score(hit, how), -(hit.fused or 0.0), hit.start, hit.result_id))
    return _moments(ranked) if how is Aggregation.BEST else ranked


def _score(hit: Hit, how: Aggregation) -> float:
    return (hit.fused if how is Aggregation.WEIGHTED else hit.similarity) or 0.0


def _aged(hit: Hit, age: int) -> Hit:
    """Multiply a score by 0.9 for every newer run, and say so in the explanation."""
    weight = DECAY**age
    score = round((hit.similarity or 0.0) * weight, 6)
    return evolve(hit, fused=score, parts={**hit.parts, "recency": Part(age + 1, weight, score)})


def _moments(ranked: Sequence[Hit]) -> list[Hit]:
    kept: dict[str, list[Hit]] = {}
    for hit in ranked:
        others = kept.setdefault(hit.item.video_id, [])
        if not any(same_moment(hit, other) for other in others):
            others.append(hit)
    taken = {hit.result_id for others in kept.values() for hit in others}
    return [hit for hit in ranked if hit.result_id in taken]


def same_moment(one: Hit, other: Hit) -> bool:
    """Say whether two hits of a media item are one moment: the same segment, or, in runs that cut otherwise, an overlap."""
    if one.result is None or other.result is None:
        return one.result is other.result
    if one.result.segment_id == other.result.segment_id:
        return True
    if one.run.run_id == other.run.run_id:
        return False
    shared = min(one.end, other.end) - max(one.start, other.start)
    return shared >= OVERLAP * min(one.end - one.start, other.end - other.start)
