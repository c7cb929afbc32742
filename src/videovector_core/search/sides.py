"""Sides of a question: what the engine found for words or for a picture, turned from points into ranked results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from attrs import field, frozen

from videovector_core.models.ports import Vector
from videovector_core.search.fusion import Fused, fuse
from videovector_core.vectors.ports import PointKind, Scored

PICTURE_WEIGHT: Final = 0.5
"""What a picture counts that was found by words, against the words themselves: the joint space is the weaker witness."""


@frozen
class Side:
    """One ranking of results, best first.

    `best` holds cosines by result, `fields` the fields that matched by themselves, `frames` the nearest frame.
    `exhausted` says that the engine has nothing further.
    """

    ranked: Sequence[Fused] = ()
    best: Mapping[str, float] = field(factory=dict)
    fields: Mapping[str, list[Scored]] = field(factory=dict)
    frames: Mapping[str, Scored] = field(factory=dict)
    exhausted: bool = True
    ranks: Mapping[str, int] = field(init=False)
    """The place of each result, from 1."""

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "ranks", {one.id: place for place, one in enumerate(self.ranked, start=1)})

    @property
    def order(self) -> list[str]:
        """The results, best first."""
        return [one.id for one in self.ranked]


@frozen
class Words:
    """A search by words: their vector, the fields that it is compared with (none for all), and what holds the words."""

    vector: Vector
    search_fields: Sequence[str] = ()
    literal: Sequence[Scored] = ()


def text_side(rankings: Mapping[str, Sequence[Scored]], literal: Sequence[Scored], depth: int) -> Side:
    """Rank results by what was found for words, to some depth: `text`, `fields` and `picture`, and by what holds them.

    A result is as near as its text or its best field, whichever is nearer; that ranking, the lexical one and, with half
    the weight, that of pictures are fused by reciprocal rank. The cosine that is shown stays that of words, so it
    means the same whether or not words matched literally.
    """
    best: dict[str, float] = {}
    fields: dict[str, list[Scored]] = {}
    for name in ("text", "fields"):
        for scored in rankings.get(name, ()):
            owner = result_id(scored)
            best[owner] = max(best.get(owner, -1.0), scored.score)
            if name == "fields":
                fields.setdefault(owner, []).append(scored)
    frames = nearest_frames(rankings.get("picture", ()))
    dense = sorted(best, key=lambda owner: (-best[owner], owner))
    lexical = list(dict.fromkeys(map(result_id, literal)))
    ranked = fuse(
        {"dense": dense, "lexical": lexical, "picture": list(frames)},
        weights={"picture": PICTURE_WEIGHT},
        tie=lambda hit: -best.get(hit.id, -1.0),
    )
    return Side(ranked, best, fields, frames, exhausted=all(len(found) < depth for found in rankings.values()))


def image_side(found: Sequence[Scored], depth: int) -> Side:
    """Rank segments by their frame that is nearest to a picture."""
    frames = nearest_frames(found)
    best = {owner: scored.score for owner, scored in frames.items()}
    return Side(fuse({"image": list(frames)}), best, frames=frames, exhausted=len(found) < depth)


def nearest_frames(found: Iterable[Scored]) -> dict[str, Scored]:
    """Keep the best frame of each segment, in the order of the ranking."""
    frames: dict[str, Scored] = {}
    for scored in found:
        frames.setdefault(result_id(scored), scored)
    return frames


def result_id(scored: Scored) -> str:
    """Name the result that a point belongs to."""
    point = scored.point
    if point.kind is PointKind.VIDEO:
        return f"video:{point.video_id}:{point.run_id}"
    return f"segment:{point.segment_id}:{point.run_id}"
