"""Results of a run in order: all of them, or those that the prompt's selection picks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol, TypeAlias

from attrs import field, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid, NotFound
from videovector_core.media.model import MediaItem
from videovector_core.media.ports import MediaTx
from videovector_core.media.service import find_media
from videovector_core.page import After, Page
from videovector_core.ports import Begin
from videovector_core.runs.model import Run, SegmentResult, VideoResult
from videovector_core.search.filters import Filter
from videovector_core.search.ports import FilterScope, FiltersTx, Place
from videovector_core.search.selection import selected_by
from videovector_core.search.service import SearchUseTx
from videovector_core.signals import MediaType
from videovector_core.workflow.levels import LevelsTx

Rows: TypeAlias = tuple[MediaItem, SegmentResult | VideoResult]
Status: TypeAlias = Literal["none", "pending", "ready", "failed"]
_BATCH: Final = 2000
_KEPT: Final = 64
_ALL: Final = Filter()


class SelectionTx(LevelsTx, SearchUseTx, FiltersTx, MediaTx, Protocol):
    """The slice of a transaction that reads the results of a run."""


@frozen
class Selected:
    """A run, one level of its results, and what picks among them; `video_id` narrows it to one media item."""

    run: Run
    level: str
    video_id: str | None
    wanted: Filter | None
    status: Status


@frozen
class Counts:
    """How much a selection picks: segments, and the media that they are of."""

    segments: int = 0
    media: int = 0
    videos: int = 0
    ids: frozenset[str] = frozenset()


@frozen
class Selection:
    """Read what a run found."""

    begin: Begin[SelectionTx]
    _counted: dict[tuple[str, str], Counts] = field(factory=dict, init=False, repr=False)

    async def of_run(self, caller: Caller, run_id: str, *, level: str, video_id: str | None = None) -> Selected:
        """Find a run and what its prompt selects."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            run = await tx.runs.get(caller.user_id, run_id)
            if run is None:
                raise NotFound.of("run", run_id)
            if video_id is not None:
                await find_media(tx, caller, video_id)
        try:
            wanted = selected_by(run.prompt)
        except Invalid:
            return Selected(run, level, video_id, None, "failed")
        status: Status = "none" if wanted is None else "ready" if run.terminal else "pending"
        return Selected(run, level, video_id, wanted, status)

    async def stream(
        self, caller: Caller, of: Selected, *, filtered: bool, limit: int, after: After | None = None
    ) -> Page[Rows] | None:
        """Return a page of one stream; `None` while it cannot be told: the run goes on, or nothing selects."""
        if not of.run.terminal or (filtered and of.status != "ready"):
            return None
        wanted = of.wanted if filtered and of.wanted is not None else _ALL
        if of.level == "video":
            ids = (await self.counts(caller, of)).ids if filtered else None
            return await self._media(caller, of, ids, limit, after)
        async with self.begin() as tx:
            places = await tx.filters.page(_scope(caller, of), wanted, limit=limit + 1, after=after)
            page = Page.cut(places, limit, lambda place: place.key)
            return Page(tuple(await _segments(tx, caller, page.items)), page.after)

    async def counts(self, caller: Caller, of: Selected) -> Counts:
        """Count what is selected of the whole run; counted once for each version of its results."""
        if of.status != "ready" or of.wanted is None:
            return Counts()
        run_id = of.run.run_id
        async with self.begin() as tx:
            state = (await tx.tables.states([run_id])).get(run_id)
        key = (run_id, state.version if state is not None else "")
        if key not in self._counted:
            if len(self._counted) >= _KEPT:
                self._counted.clear()
            self._counted[key] = await self._count(caller, of, of.wanted)
        return self._counted[key]

    async def _count(self, caller: Caller, of: Selected, wanted: Filter) -> Counts:
        scope = FilterScope(caller.user_id, (of.run.run_id,))
        segments, items, after = 0, dict[str, MediaItem](), None
        while True:
            async with self.begin() as tx:
                places = await tx.filters.page(scope, wanted, limit=_BATCH, after=after)
                rows = await _segments(tx, caller, places)
            segments += len(rows)
            items.update((item.video_id, item) for item, _ in rows)
            if len(places) < _BATCH:
                break
            after = places[-1].key
        videos = sum(item.media_type is MediaType.VIDEO for item in items.values())
        return Counts(segments, len(items), videos, frozenset(items))

    async def _media(
        self, caller: Caller, of: Selected, ids: frozenset[str] | None, limit: int, after: After | None
    ) -> Page[Rows]:
        """Return media-level results by media id; with `ids`, those alone."""
        run_id, found = of.run.run_id, list[VideoResult]()
        async with self.begin() as tx:
            while len(found) <= limit:
                rows = await tx.tables.video_results(run_id, limit=_BATCH, after=after)
                inside = (row for row in rows if of.video_id in {None, row.video_id})
                found += [row for row in inside if ids is None or row.video_id in ids]
                if len(rows) < _BATCH:
                    break
                after = (rows[-1].video_id,)
            page = Page.cut(found, limit, lambda row: (row.video_id,))
            items = {i.video_id: i for i in await tx.media.many(caller.user_id, [row.video_id for row in page.items])}
        return Page(tuple((items[row.video_id], row) for row in page.items if row.video_id in items), page.after)


def _scope(caller: Caller, of: Selected) -> FilterScope:
    return FilterScope(caller.user_id, (of.run.run_id,), video_ids=(of.video_id,) if of.video_id else None)


async def _segments(tx: SelectionTx, caller: Caller, places: Sequence[Place]) -> list[Rows]:
    pairs = [(one.run_id, one.segment_id) for one in places]
    rows = {row.segment_id: row for row in await tx.results.many(caller.user_id, pairs)}
    videos = list(dict.fromkeys(row.video_id for row in rows.values()))
    items = {item.video_id: item for item in await tx.media.many(caller.user_id, videos)}
    found = (rows[one.segment_id] for one in places if one.segment_id in rows)
    return [(items[row.video_id], row) for row in found if row.video_id in items]
