"""What search asks of a vector engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from attrs import field, frozen

from videovector_core.models.ports import Vector


class PointKind(StrEnum):
    """What a point stands for."""

    SEGMENT = "segment"
    """The metadata text of a segment result: a dense and a sparse vector."""
    LEAF = "leaf"
    """One instance of one field of a segment result: a dense vector."""
    FRAME = "frame"
    """A sampled frame: an image vector, and one in the space shared with text where there is one."""
    VIDEO = "video"
    """The metadata text of a media-level result: a dense and a sparse vector."""


@frozen
class Point:
    """A copy of an embedding row. `dense` maps the name of a space to a unit vector of that space.

    `id` is a UUIDv5 of what the point stands for, so that writing it twice replaces it. `version` is the row's; the
    checker compares it.
    """

    id: str
    kind: PointKind
    user_id: str
    run_id: str
    video_id: str
    version: int = 1
    index_id: str | None = None
    segment_id: str | None = None
    field_path: str | None = None
    instance_key: str | None = None
    time: float | None = None
    dense: Mapping[str, Vector] = field(factory=dict)
    sparse: Mapping[int, float] | None = None
    """Term weights by term id; the engine multiplies by inverse document frequency."""


@frozen
class Scope:
    """Where a search may look; `None` means no restriction of that kind, an empty tuple means nothing at all."""

    user_id: str
    run_ids: tuple[str, ...] | None = None
    index_ids: tuple[str, ...] | None = None
    video_ids: tuple[str, ...] | None = None
    segment_ids: tuple[str, ...] | None = None
    field_paths: tuple[str, ...] | None = None
    kinds: tuple[PointKind, ...] = (PointKind.SEGMENT,)


@frozen
class Scored:
    """A point that was found. `score` is cosine similarity (-1 to 1) for dense vectors, the engine's sum for sparse."""

    point: Point
    score: float


@frozen
class Indexing:
    """How many vectors a space has, and how many of them can be found without looking at every one.

    The second number is the engine's own count: it may be a little off, and above the first while versions lie double.
    """

    vectors: int
    indexed: int


class VectorIndex(Protocol):
    """Holds copies of vectors and finds the nearest ones.

    Upserting an id replaces the whole point. What `upsert` and `delete` did is seen by every query that starts after
    they returned. A search never leaves its scope. Ties are broken by id, so results are the same on every engine.
    Points that are returned carry their fields but no vectors. When the engine is away every method raises
    `Unavailable`.
    """

    async def upsert(self, points: Sequence[Point]) -> None:
        """Write whole points."""
        ...

    async def delete(self, ids: Sequence[str]) -> None:
        """Remove points; ids that are not there are no error."""
        ...

    async def nearest(
        self, space: str, vector: Vector, *, within: Scope, top_k: int, exact: bool = False
    ) -> list[Scored]:
        """Return the points of `space` that are nearest by cosine, best first; `exact` forbids approximation."""
        ...

    async def lexical(self, terms: Mapping[int, float], *, within: Scope, top_k: int, least: int = 1) -> list[Scored]:
        """Return the points whose sparse vectors match `terms` best (inverse document frequency applied).

        Of these `top_k`, those that share fewer than `least` terms are left out. Where equals stand at the end of the `top_k`,
        an engine may stop telling them apart by id once none of those that it has seen shares enough.
        """
        ...

    async def versions(self, *, after: str | None = None, limit: int = 1000) -> list[tuple[str, int]]:
        """Return ids and versions in order of id, for the checker; the next page starts after the last id."""
        ...

    async def count(self, *, within: Scope | None = None) -> int:
        """Count points, exactly."""
        ...

    async def indexing(self) -> dict[str, Indexing]:
        """Count the vectors of each space, exactly, and how many of them an index knows; for the checker."""
        ...
