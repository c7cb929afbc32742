"""Kept model results, embedding rows and deletions in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from attrs import define, evolve, frozen

from videovector_adapters.memory.database import Table
from videovector_core.deletions import Deletion
from videovector_core.models.ports import Vector
from videovector_core.vectors.ports import Point, PointKind
from videovector_core.vectors.rows import pack, unpack


@frozen
class _Kept:
    value: Any
    sha256: str
    blobs: tuple[str, ...]


@define
class MemoryDeletions:
    """`DeletionStore` in memory."""

    rows: Table[tuple[str, str, str], Deletion]

    async def add(self, deletion: Deletion) -> bool:
        return self.rows.add((deletion.user_id, deletion.kind, deletion.owner_id), deletion)

    async def of(self, user_id: str, kind: str, owner_id: str) -> Deletion | None:
        return self.rows.get((user_id, kind, owner_id))

    async def save(self, deletion: Deletion) -> None:
        self.rows.replace((deletion.user_id, deletion.kind, deletion.owner_id), deletion)


@define
class MemoryCache:
    """`ResultCache` in memory."""

    rows: Table[tuple[str, str], _Kept]

    async def get(self, user_id: str, key: str) -> Any | None:
        kept = self.rows.get((user_id, key))
        return kept.value if kept else None

    async def put(self, user_id: str, key: str, *, sha256: str, value: Any, blobs: tuple[str, ...] = ()) -> None:
        self.rows.add((user_id, key), _Kept(value, sha256, blobs))

    async def forget(self, user_id: str, key: str) -> None:
        self.rows.pop((user_id, key))

    async def purge(self, user_id: str, sha256: str) -> list[str]:
        gone = [pair for pair, kept in self.rows.rows.items() if pair[0] == user_id and kept.sha256 == sha256]
        freed = {blob for pair in gone if (kept := self.rows.pop(pair)) for blob in kept.blobs}
        held = {blob for kept in self.rows.rows.values() for blob in kept.blobs}
        return sorted(freed - held)


@frozen
class _Row:
    point: Point
    owner: str
    known: int = 0
    """The version that the engine has; 0 for none."""
    doomed: bool = False


@define
class MemoryEmbeddings:
    """`EmbeddingStore` in memory."""

    rows: Table[str, _Row]
    versions: Table[str, int]

    async def replace(self, run_id: str, owner: str, points: Sequence[Point]) -> None:
        kept = {point.id for point in points}
        for row in list(self.rows.where(lambda row: row.point.run_id == run_id and row.owner == owner)):
            if row.point.id not in kept:
                self.rows.put(row.point.id, evolve(row, doomed=True))
        for point in points:
            version = (self.versions.get(point.id) or 0) + 1
            self.versions.put(point.id, version)
            known = self.rows.get(point.id)
            self.rows.put(point.id, _Row(evolve(point, version=version), owner, known.known if known else 0))

    async def owed(self, run_id: str, *, limit: int) -> list[Point]:
        return [row.point for row in self._owed(run_id)][:limit]

    async def learned(self, points: Sequence[Point]) -> None:
        for point in points:
            row = self.rows.get(point.id)
            if row is not None:
                self.rows.put(point.id, evolve(row, known=point.version))

    async def doomed(self, *, limit: int, run_id: str | None = None) -> list[str]:
        found = self.rows.where(lambda row: row.doomed and (run_id is None or row.point.run_id == run_id))
        return sorted(row.point.id for row in found)[:limit]

    async def forgotten(self, ids: Sequence[str]) -> None:
        for point in ids:
            row = self.rows.get(point)
            if row is not None and row.doomed:
                self.rows.pop(point)

    async def debt(self, run_id: str) -> int:
        doomed = sum(row.doomed and row.point.run_id == run_id for row in self.rows.rows.values())
        return doomed + len(self._owed(run_id))

    async def indebted(self, *, limit: int) -> list[tuple[str, str]]:
        found = {
            (row.point.user_id, row.point.run_id)
            for row in self.rows.rows.values()
            if row.doomed or row.known != row.point.version
        }
        return sorted(found)[:limit]

    async def doom(self, video_id: str) -> int:
        mine = list(self.rows.where(lambda row: row.point.video_id == video_id and not row.doomed))
        for row in mine:
            self.rows.put(row.point.id, evolve(row, doomed=True))
        return len(mine)

    async def scan(self, *, after: str | None, limit: int) -> list[tuple[str, int, bool]]:
        found = sorted(self.rows.where(lambda row: not row.doomed), key=lambda row: row.point.id)
        later = [row for row in found if after is None or row.point.id > after]
        return [(row.point.id, row.point.version, row.known == row.point.version) for row in later[:limit]]

    async def spaces(self) -> dict[str, int]:
        return Counter(space for row in self.rows.where(lambda row: not row.doomed) for space in row.point.dense)

    async def lacking(self, space: str, *, after: str | None, limit: int) -> list[Point]:
        def lacks(row: _Row) -> bool:
            text = row.point.kind is not PointKind.FRAME
            return text and not row.doomed and space not in row.point.dense and row.point.id > (after or "")

        found = sorted(self.rows.where(lacks), key=lambda row: row.point.id)
        return [evolve(row.point, dense={}, sparse=None) for row in found[:limit]]

    async def widen(self, space: str, vectors: Sequence[tuple[Point, Vector]]) -> int:
        widened = 0
        for point, vector in vectors:
            row = self.rows.get(point.id)
            if row and not row.doomed and row.point.version == point.version and space not in row.point.dense:
                self._changed(row, {**row.point.dense, **unpack(pack({space: vector}))})
                widened += 1
        return widened

    async def narrow(self, space: str, *, after: str | None, limit: int) -> list[str]:
        having = [row for row in self._living(after) if space in row.point.dense][:limit]
        for row in having:
            self._changed(row, {name: vector for name, vector in row.point.dense.items() if name != space})
        return [row.point.id for row in having]

    async def owe(self, *, after: str | None, limit: int) -> list[str]:
        live = self._living(after)[:limit]
        for row in live:
            self.rows.put(row.point.id, evolve(row, known=0))
        return [row.point.id for row in live]

    def _living(self, after: str | None) -> list[_Row]:
        found = self.rows.where(lambda row: not row.doomed and row.point.id > (after or ""))
        return sorted(found, key=lambda row: row.point.id)

    def _changed(self, row: _Row, dense: dict[str, Vector]) -> None:
        version = row.point.version + 1
        self.versions.put(row.point.id, version)
        self.rows.put(row.point.id, evolve(row, point=evolve(row.point, dense=dense, version=version)))

    def _owed(self, run_id: str) -> list[_Row]:
        return list(
            self.rows.where(
                lambda row: row.point.run_id == run_id and not row.doomed and row.known != row.point.version
            )
        )
