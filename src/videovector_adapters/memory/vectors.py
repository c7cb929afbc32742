"""An exact vector engine in memory: the measure that the real engines are tested against."""

from __future__ import annotations

import math
import random
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from attrs import define, evolve, field

from videovector_core.errors import Invalid, Unavailable
from videovector_core.models.ports import Vector
from videovector_core.search.fusion import SCORE_DIGITS, rank_key
from videovector_core.vectors.lexical import corpus_level, inverse_document_frequency, sample_level
from videovector_core.vectors.ports import Indexing, Point, Scope, Scored

_FILTERS: Final = {
    "run_ids": "run_id",
    "index_ids": "index_id",
    "video_ids": "video_id",
    "segment_ids": "segment_id",
    "field_paths": "field_path",
    "kinds": "kind",
}


@define
class MemoryVectors:
    """Implements `VectorIndex` by looking at every point: for tests and small libraries inside one process.

    Inverse document frequency is taken over the points of the scope's user that have a sparse vector, whatever else
    the scope says, so that a term's weight neither changes with the filter nor tells of other users' texts. Above
    `lexical.CORPUS` of them a sample counts, as on every engine.

    It fails like the real engine: while `away` is true every call raises `Unavailable` and does nothing; each call
    fails so with probability `failure_rate` too, and half of the writes that fail so were carried out all the same,
    as when an answer is lost on its way.
    """

    away: bool = False
    failure_rate: float = 0.0
    random: random.Random = field(factory=lambda: random.Random(0))
    _points: dict[str, Point] = field(factory=dict, init=False)
    _sizes: dict[str, int] = field(factory=dict, init=False)

    async def upsert(self, points: Sequence[Point]) -> None:
        """Write whole points."""
        lost = self._fails(writing=True)
        for point in points:
            self._check(point)
        self._points |= {point.id: _stored(point) for point in points}
        self._answer(lost)

    async def delete(self, ids: Sequence[str]) -> None:
        """Remove points; ids that are not there are no error."""
        lost = self._fails(writing=True)
        for one in ids:
            self._points.pop(one, None)
        self._answer(lost)

    async def nearest(
        self, space: str, vector: Vector, *, within: Scope, top_k: int, exact: bool = False
    ) -> list[Scored]:
        """Return the points of `space` that are nearest by cosine; always exact."""
        del exact
        self._fails()
        if self._sizes.get(space, len(vector)) != len(vector):
            raise wrong_size(space, self._sizes[space], len(vector))
        wanted = _unit(vector)
        near = (
            (sum(map(float.__mul__, wanted, point.dense[space])), point)
            for point in self._within(within)
            if space in point.dense
        )
        return _best(near, top_k)

    async def lexical(self, terms: Mapping[int, float], *, within: Scope, top_k: int, least: int = 1) -> list[Scored]:
        """Return the points that share a term with `terms`, best first, less those that share fewer than `least`."""
        self._fails()
        corpus = self._corpus(within.user_id)
        weights = {
            term: weight * inverse_document_frequency(len(corpus), sum(term in text for text in corpus))
            for term, weight in terms.items()
        }
        matching = (
            (sum(weights[term] * weight for term, weight in point.sparse.items() if term in weights), point)
            for point in self._within(within)
            if point.sparse and weights.keys() & point.sparse.keys()
        )
        best = _best(matching, top_k)
        return [one for one in best if len(terms.keys() & (self._points[one.point.id].sparse or {})) >= least]

    async def versions(self, *, after: str | None = None, limit: int = 1000) -> list[tuple[str, int]]:
        """Return ids and versions in order of id."""
        self._fails()
        ids = sorted(self._points)
        start = bisect_right(ids, after) if after is not None else 0
        return [(one, self._points[one].version) for one in ids[start : start + limit]]

    async def count(self, *, within: Scope | None = None) -> int:
        """Count points, exactly."""
        self._fails()
        return len(self._points) if within is None else sum(1 for _ in self._within(within))

    async def indexing(self) -> dict[str, Indexing]:
        """Count the vectors of each space; every search is exact, so none needs an index."""
        self._fails()
        counts = Counter(space for point in self._points.values() for space in point.dense)
        return {space: Indexing(count, count) for space, count in counts.items()}

    def _corpus(self, user_id: str) -> list[Mapping[int, float]]:
        texts = [
            (sample_level(point.id), point.sparse)
            for point in self._points.values()
            if point.user_id == user_id and point.sparse
        ]
        least = corpus_level(lambda level: sum(one >= level for one, _ in texts))
        return [text for level, text in texts if level >= least]

    def _within(self, scope: Scope) -> Iterable[Point]:
        allowed: list[tuple[str, Collection[str | None]]] = [
            (name, frozenset(values)) for key, name in _FILTERS.items() if (values := getattr(scope, key)) is not None
        ]
        return (
            point
            for point in self._points.values()
            if point.user_id == scope.user_id and all(getattr(point, name) in values for name, values in allowed)
        )

    def _check(self, point: Point) -> None:
        if str(UUID(point.id)) != point.id:
            raise Invalid(f"A point's id is a UUID in its canonical form, not {point.id!r}.")
        for space, vector in point.dense.items():
            if self._sizes.setdefault(space, len(vector)) != len(vector):
                raise wrong_size(space, self._sizes[space], len(vector))
            if not math.isfinite(sum(vector)):
                raise Invalid(f"A vector of the space {space!r} holds a number that is not finite.")

    def _fails(self, *, writing: bool = False) -> bool:
        if self.away:
            raise Unavailable("The vector engine is away; try again.")
        fails = self.random.random() < self.failure_rate
        if fails and not (writing and self.random.random() < 0.5):
            raise Unavailable("The vector engine failed before it did anything; try again.")
        return fails

    @staticmethod
    def _answer(lost: bool) -> None:
        if lost:
            raise Unavailable("The vector engine's answer was lost; try again.")


def wrong_size(space: str, expected: int, given: int) -> Invalid:
    """Say that a vector does not belong to its space."""
    return Invalid(f"Vectors of the space {space!r} have {expected} dimensions, not {given}.")


def _stored(point: Point) -> Point:
    sparse = None if not point.sparse else dict(zip(point.sparse, array("f", point.sparse.values()), strict=True))
    return evolve(point, dense={space: _unit(vector) for space, vector in point.dense.items()}, sparse=sparse)


def _unit(vector: Vector) -> Vector:
    length = math.sqrt(sum(map(float.__mul__, vector, vector)))
    return array("f", (value / length for value in vector)) if length else array("f", vector)


def _best(scored: Iterable[tuple[float, Point]], top_k: int) -> list[Scored]:
    ranked = sorted(scored, key=lambda pair: rank_key(pair[0], pair[1].id))[:top_k]
    return [Scored(evolve(point, dense={}, sparse=None), round(score, SCORE_DIGITS)) for score, point in ranked]
