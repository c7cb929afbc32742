"""Conditions over results in memory: the evaluator itself."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from videovector_adapters.memory.catalogue import oldest
from videovector_adapters.memory.database import Table
from videovector_core.media.model import MediaItem
from videovector_core.page import After
from videovector_core.runs.model import Outcome, SegmentResult
from videovector_core.search.filters import Filter
from videovector_core.search.matching import filter_document, matches
from videovector_core.search.ports import FilterScope, Place, Unfiltered


@define
class MemoryFilters:
    """`FilterStore` in memory."""

    rows: Table[tuple[str, str], SegmentResult]
    media: Table[str, MediaItem]
    hiding: Table[str, bool]

    async def page(
        self, scope: FilterScope, wanted: Filter, *, limit: int, after: After | None = None
    ) -> Sequence[Place]:
        found = (
            Place(row.run_id, row.segment_id, self.media.rows[row.video_id].created_at, row.start)
            for row in self.rows.where(lambda row: self._within(scope, row))
            if matches(filter_document(row), wanted)
        )
        return oldest(found, lambda place: place.key, after=after, limit=limit)

    async def lacking(self, *, after: tuple[str, str], limit: int) -> Sequence[Unfiltered]:  # noqa: ARG002 - the port's
        return ()  # the evaluator looks at the results themselves

    async def add(self, results: Sequence[SegmentResult]) -> None:
        pass

    def _within(self, scope: FilterScope, row: SegmentResult) -> bool:
        item = self.media.get(row.video_id)
        if row.user_id != scope.user_id or row.status is not Outcome.SUCCESSFUL or row.run_id not in scope.run_ids:
            return False
        if item is None or row.video_id in self.hiding.rows:
            return False
        if scope.video_ids is not None and row.video_id not in scope.video_ids:
            return False
        if scope.playground:
            return item.index_id is None
        return scope.index_ids is None or item.index_id in scope.index_ids
