"""Comparing embedding rows with the points of the engine, both ways; also the oracle of the fault tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from videovector_core.ports import Begin
from videovector_core.vectors.ports import Indexing, VectorIndex
from videovector_core.vectors.rows import SearchTx

PAGE: Final = 1000


@frozen
class Report:
    """What was compared. Missing points are owed to the engine, strangers lie in the engine without a row."""

    rows: int = 0
    points: int = 0
    spaces: Mapping[str, tuple[int, Indexing]] = field(factory=dict)
    """By space, how many rows have a vector in it, and how many vectors the engine has and has indexed."""
    missing: list[str] = field(factory=list)
    stale: list[str] = field(factory=list)
    strangers: list[str] = field(factory=list)

    @property
    def clean(self) -> bool:
        """Whether rows and points are the same, in every space."""
        alike = all(rows == engine.vectors for rows, engine in self.spaces.values())
        return alike and not (self.missing or self.stale or self.strangers)

    @property
    def sentence(self) -> str:
        """The finding for people."""
        found = f"{self.rows} rows, {self.points} points"
        told = "".join(
            f"; {space}: {engine.vectors} vectors, {min(engine.vectors, engine.indexed)} indexed"
            + (f", but {rows} rows" if rows != engine.vectors else "")
            for space, (rows, engine) in sorted(self.spaces.items())
        )
        if self.clean:
            return f"check: ok: {found}, all equal{told}"
        counts = {"missing": self.missing, "stale": self.stale, "strangers": self.strangers}
        wrong = ", ".join(f"{len(ids)} {name} ({ids[0]} ...)" for name, ids in counts.items() if ids)
        wrong = wrong or "vectors differ"
        return f"check: differs: {found}; {wrong}{told}; mend it with: videovector reindex"


@frozen
class Checker:
    """Compares the truth with its copy, a page at a time, in the order of ids."""

    begin: Begin[SearchTx]
    engine: VectorIndex

    async def check(self) -> Report:
        """Walk rows and points side by side in bounded memory."""
        report = Report()
        row_at, point_at = None, None
        rows, points = await self._rows(row_at), await self._points(point_at)
        counted_rows, counted_points = 0, 0
        while rows or points:
            if not points or (rows and rows[0][0] < points[0][0]):
                report.missing.append(rows[0][0])
                row_at, counted_rows = rows.popleft()[0], counted_rows + 1
            elif not rows or points[0][0] < rows[0][0]:
                report.strangers.append(points[0][0])
                point_at, counted_points = points.popleft()[0], counted_points + 1
            else:
                if rows[0][1] != points[0][1]:
                    report.stale.append(rows[0][0])
                row_at, counted_rows = rows.popleft()[0], counted_rows + 1
                point_at, counted_points = points.popleft()[0], counted_points + 1
            rows = rows or await self._rows(row_at)
            points = points or await self._points(point_at)
        spaces = await self._spaces()
        return Report(counted_rows, counted_points, spaces, report.missing, report.stale, report.strangers)

    async def reindex(self) -> int:
        """Owe the engine every row anew and delete strangers; the relay pays, and no model is called."""
        report = await self.check()
        for at in range(0, len(report.strangers), PAGE):
            await self.engine.delete(report.strangers[at : at + PAGE])
        owed = 0
        after: str | None = None
        while True:
            async with self.begin() as tx:
                page = await tx.embeddings.owe(after=after, limit=PAGE)
            if not page:
                return owed
            owed, after = owed + len(page), page[-1]

    async def _spaces(self) -> dict[str, tuple[int, Indexing]]:
        async with self.begin() as tx:
            rows = await tx.embeddings.spaces()
        engine = await self.engine.indexing()
        none = Indexing(0, 0)
        return {space: (rows.get(space, 0), engine.get(space, none)) for space in rows.keys() | engine.keys()}

    async def _rows(self, after: str | None) -> deque[tuple[str, int]]:
        async with self.begin() as tx:
            return deque((one, version) for one, version, _ in await tx.embeddings.scan(after=after, limit=PAGE))

    async def _points(self, after: str | None) -> deque[tuple[str, int]]:
        return deque(await self.engine.versions(after=after, limit=PAGE))
