"""Rankings: what a search found, frozen so that its pages fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import asdict, field, frozen

from videovector_core.search.fusion import Part
from videovector_core.search.model import Hit, MatchedField

WINDOW: Final = 100
"""Results that a ranking holds at the most."""
KEPT: Final = timedelta(hours=24)
"""How long the pages of a ranking can be read."""

_SCORES: Final = (
    "similarity",
    "fused",
    "reranked",
    "text_score",
    "image_score",
    "text_rank",
    "image_rank",
    "image_time",
)


@frozen
class Ranking:
    """The results of one search in their order, as ids and scores; what they show is read anew for every page.

    `scope` and `coverage` are the plain JSON of the answer. `entries` hold `result_id`, `run_id` and the scores.
    """

    ranking_id: str
    user_id: str
    created_at: datetime
    expires_at: datetime
    mode: str
    result_level: str
    page_size: int
    scope: dict[str, Any] = field(factory=dict)
    coverage: dict[str, Any] = field(factory=dict)
    warnings: list[str] = field(factory=list)
    entries: list[dict[str, Any]] = field(factory=list)
    truncated: bool = False


def entry(hit: Hit) -> dict[str, Any]:
    """Return what a ranking keeps of a hit."""
    scores = {name: getattr(hit, name) for name in _SCORES}
    return {
        "result_id": hit.result_id,
        "run_id": hit.run.run_id,
        "scores": {name: value for name, value in scores.items() if value is not None},
        "parts": {name: asdict(part) for name, part in hit.parts.items()},
        "fields": [asdict(one) for one in hit.fields],
    }


def scored(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that an entry gives back to its hit."""
    return {
        **kept["scores"],
        "parts": {name: Part(**part) for name, part in kept["parts"].items()},
        "fields": tuple(MatchedField(**one) for one in kept["fields"]),
    }


def coverage(runs: Iterable[str], searched: int) -> dict[str, Any]:
    """Say what a search looked at: the runs, and how many results are in its ranking."""
    named = list(runs)
    return {"run_ids": named[:100], "runs": len(named), "results": searched}
