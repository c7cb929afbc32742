"""The rows of finished runs as tables, in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import define

from videovector_adapters.memory.catalogue import oldest
from videovector_adapters.memory.database import Table
from videovector_core.page import After
from videovector_core.ports import Blob
from videovector_core.runs.model import Outcome, Retry, SegmentResult, VideoResult
from videovector_core.runs.tables import TableState

Pair = tuple[str, str]


@define
class MemoryTables:
    """`TableStore` in memory."""

    changes: Table[str, int]
    files: Table[Pair, tuple[str, Blob]]
    result_rows: Table[Pair, SegmentResult]
    video_rows: Table[Pair, VideoResult]
    repairs: Table[str, Retry]
    hiding: Table[str, bool]
    places: Table[str, frozenset[str | None]]

    async def states(self, run_ids: Sequence[str]) -> dict[str, TableState]:
        return {run_id: TableState(self._version(run_id), self._places(run_id)) for run_id in run_ids}

    async def counts(self, run_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        return {
            run_id: (sum(1 for _ in self._results(run_id)), sum(1 for _ in self._video_results(run_id)))
            for run_id in run_ids
        }

    async def results(self, run_id: str, *, limit: int, after: After | None = None) -> list[SegmentResult]:
        return oldest(self._results(run_id), lambda row: (row.video_id, row.ordinal), after=after, limit=limit)

    async def video_results(self, run_id: str, *, limit: int, after: After | None = None) -> list[VideoResult]:
        return oldest(self._video_results(run_id), lambda row: (row.video_id,), after=after, limit=limit)

    async def changed(self, run_ids: Sequence[str]) -> list[str]:
        gone = []
        for run_id in run_ids:
            self.changes.put(run_id, (self.changes.get(run_id) or 0) + 1)
            mine = [pair for pair in self.files.rows if pair[0] == run_id]
            gone += [kept[1].sha256 for pair in mine if (kept := self.files.pop(pair))]
        return self._unused(gone)

    async def file(self, run_id: str, level: str, version: str) -> Blob | None:
        kept = self.files.get((run_id, level))
        return kept[1] if kept and kept[0] == version else None

    async def keep(self, run_id: str, level: str, version: str, blob: Blob) -> list[str]:
        if version != self._version(run_id):
            return self._unused([blob.sha256])
        older = self.files.get((run_id, level))
        self.files.put((run_id, level), (version, blob))
        return self._unused([older[1].sha256] if older else [])

    async def forget(self, run_id: str, level: str) -> None:
        self.files.pop((run_id, level))

    async def refers(self, sha256: str) -> bool:
        return any(blob.sha256 == sha256 for _, blob in self.files.rows.values())

    def _unused(self, gone: Sequence[str]) -> list[str]:
        return sorted(set(gone) - {blob.sha256 for _, blob in self.files.rows.values()})

    def _version(self, run_id: str) -> str:
        repaired = sum(1 for _ in self.repairs.where(lambda one: one.run_id == run_id and not one.active))
        ended = sum(
            one.completed_at.timestamp()
            for one in self.video_rows.where(lambda one: one.run_id == run_id)
            if one.completed_at
        )
        return f"{self.changes.get(run_id) or 0}-{repaired}-{ended:.6f}"

    def _places(self, run_id: str) -> tuple[str | None, ...]:
        return tuple(sorted(self.places.get(run_id) or (), key=lambda index_id: index_id or ""))

    def _results(self, run_id: str) -> Iterator[SegmentResult]:
        return self.result_rows.where(
            lambda row: (
                row.run_id == run_id and row.status is Outcome.SUCCESSFUL and row.video_id not in self.hiding.rows
            )
        )

    def _video_results(self, run_id: str) -> Iterator[VideoResult]:
        return self.video_rows.where(
            lambda row: row.run_id == run_id and row.status.good and row.video_id not in self.hiding.rows
        )
