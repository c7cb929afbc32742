"""Embedding rows: the truth of which the vector engine holds copies."""

from __future__ import annotations

import struct
import uuid
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from videovector_core.models.ports import Vector
from videovector_core.vectors.ports import Point, PointKind

_NAMESPACE: Final = uuid.UUID("5f1d5f6e-9c3a-5d38-9f6b-0e6d5f4b7a11")


def point_id(user_id: str, run_id: str, owner: str, kind: PointKind, instance: str = "") -> str:
    """Name a point by what it stands for (UUIDv5, RFC 9562): writing it twice replaces it."""
    return str(uuid.uuid5(_NAMESPACE, f"{user_id}\x1f{run_id}\x1f{owner}\x1f{kind.value}\x1f{instance}"))


def pack(vectors: Mapping[str, Vector]) -> dict[str, bytes]:
    """Turn vectors into half precision, little endian: what is kept, and what the engine gets back."""
    return {space: struct.pack(f"<{len(vector)}e", *vector) for space, vector in vectors.items()}


def unpack(packed: Mapping[str, bytes]) -> dict[str, Vector]:
    """Turn kept vectors back."""
    return {space: array("f", struct.unpack(f"<{len(data) // 2}e", data)) for space, data in packed.items()}


class EmbeddingStore(Protocol):
    """Keeps embedding rows and knows which of them the engine has yet to learn.

    Replacing or removing rows of an owner makes a debt: `owed` rows are to be written, `doomed` ids to be deleted.
    """

    async def replace(self, run_id: str, owner: str, points: Sequence[Point]) -> None:
        """Make `points` all there is for the segment or media item `owner` of a run; versions are the store's."""
        ...

    async def owed(self, run_id: str, *, limit: int) -> list[Point]:
        """Return rows that the engine has yet to learn, with their vectors."""
        ...

    async def learned(self, points: Sequence[Point]) -> None:
        """Note that the engine has these rows in these versions; a row that changed meanwhile stays owed."""
        ...

    async def doomed(self, *, limit: int, run_id: str | None = None) -> list[str]:
        """Return ids that the engine is to forget."""
        ...

    async def forgotten(self, ids: Sequence[str]) -> None:
        """Remove rows that the engine has forgotten."""
        ...

    async def debt(self, run_id: str) -> int:
        """Count the rows of a run that the engine has yet to learn or forget."""
        ...

    async def indebted(self, *, limit: int) -> list[tuple[str, str]]:
        """Return `(user_id, run_id)` of runs with a debt."""
        ...

    async def doom(self, video_id: str) -> int:
        """Mark all rows of a media item for deletion; say how many."""
        ...

    async def scan(self, *, after: str | None, limit: int) -> list[tuple[str, int, bool]]:
        """Return `(id, version, learned)` of rows that are not doomed, in order of id, for the checker."""
        ...

    async def spaces(self) -> dict[str, int]:
        """Count the vectors of each space over rows that are not doomed, for the checker; reads every row."""
        ...

    async def lacking(self, space: str, *, after: str | None, limit: int) -> list[Point]:
        """Return rows of texts that have no vector in a space and are not doomed, without vectors, in order of id."""
        ...

    async def widen(self, space: str, vectors: Sequence[tuple[Point, Vector]]) -> int:
        """Add a vector in a space to rows that still have the version of the point; they are owed. Say to how many."""
        ...

    async def narrow(self, space: str, *, after: str | None, limit: int) -> list[str]:
        """Take the vector of a space from up to `limit` rows, which are owed then; return their ids in order."""
        ...

    async def owe(self, *, after: str | None, limit: int) -> list[str]:
        """Mark up to `limit` rows as ones that the engine has yet to learn, for a rebuild; return their ids in order."""
        ...


class SearchTx(Protocol):
    """The slice of a transaction that embedding rows touch."""

    @property
    def embeddings(self) -> EmbeddingStore:
        """The embedding rows."""
        ...


def plain(point: Point) -> dict[str, Any]:
    """Return a point's fields without its vectors."""
    return {
        "id": point.id,
        "kind": point.kind.value,
        "user_id": point.user_id,
        "run_id": point.run_id,
        "video_id": point.video_id,
        "index_id": point.index_id,
        "segment_id": point.segment_id,
        "field_path": point.field_path,
        "instance_key": point.instance_key,
        "time": point.time,
    }
