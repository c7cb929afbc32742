"""Walking over what an export holds, in an order that never changes, from any place on.

    Begun, then for each run: RunBegun, for each of its media: MediumBegun, Rows ..., MediumEnded, and RunEnded; then Ended

Each page is a transaction of its own, so nothing is held however long it takes. Runs come by time of execution, media
in the order of their run, segments by time. Media that were deleted are left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, TypeAlias

from attrs import evolve, field, frozen

from videovector_core.exports.model import Export, ExportType, Place, ResultScope
from videovector_core.exports.ports import ExportsTx
from videovector_core.indexes.model import Index
from videovector_core.markers import Marks
from videovector_core.media.model import MediaItem
from videovector_core.ports import Begin
from videovector_core.runs.model import Outcome, Run, RunMedium, SegmentResult, VideoResult

PAGE: Final = 500
"""Rows that one transaction reads."""
MEDIA_PAGE: Final = 100


@frozen
class Begun:
    """The export begins; `index` is what it is of, `None` for a run."""

    index: Index | None


@frozen
class RunBegun:
    """A run begins."""

    run: Run


@frozen
class MediumBegun:
    """A media item of a run begins."""

    run: Run
    item: MediaItem
    level: VideoResult | None


@frozen
class Rows:
    """Some segments of a media item."""

    run: Run
    item: MediaItem
    rows: tuple[SegmentResult, ...]
    marks: Marks = field(factory=Marks)


@frozen
class MediumEnded:
    """The media item ends."""


@frozen
class RunEnded:
    """The run ends."""


@frozen
class Ended:
    """The export ends."""


@frozen
class Passed:
    """A run that is gone was passed; nothing is written."""


Event: TypeAlias = Passed | Begun | RunBegun | MediumBegun | Rows | MediumEnded | RunEnded | Ended


@frozen
class Step:
    """What is met, the place before it, and the place to go on from."""

    event: Event
    before: Place
    after: Place


@frozen
class Walker:
    """Walks over the runs of an export."""

    begin: Begin[ExportsTx]

    async def walk(self, export: Export, place: Place) -> AsyncIterator[Step]:
        """Go on from a place to the end."""
        marked = await self._marked(export.user_id)
        if not place.begun:
            step = Step(Begun(await self._index(export)), place, evolve(place, begun=True))
            yield step
            place = step.after
        while place.run < len(export.run_ids):
            async for step in self._run(export, place, marked=marked):
                yield step
                place = step.after
        if not place.ended:
            yield Step(Ended(), place, evolve(place, ended=True))

    async def _run(self, export: Export, place: Place, *, marked: bool) -> AsyncIterator[Step]:
        async with self.begin() as tx:
            run = await tx.runs.get(export.user_id, export.run_ids[place.run])
        if run is None:
            async for step in _closed(place):
                yield step
            return
        if not place.opened:
            step = Step(RunBegun(run), place, evolve(place, opened=True, runs=place.runs + 1))
            yield step
            place = step.after
        if place.video_id is not None:
            async for step in self._rest(export, run, place, marked=marked):
                yield step
                place = step.after
        while media := await self._media(export, run, place.ordinal):
            for medium, item, level in media:
                if item is None:
                    place = evolve(place, ordinal=medium.ordinal)
                    continue
                opened = evolve(
                    place, ordinal=medium.ordinal, video_id=item.video_id, segment=-1, segments=0, media=place.media + 1
                )
                yield Step(MediumBegun(run, item, level), place, opened)
                async for step in self._rows(export, run, item, opened, marked=marked):
                    yield step
                    place = step.after
        yield Step(RunEnded(), place, _next(place))

    async def _rest(self, export: Export, run: Run, place: Place, *, marked: bool) -> AsyncIterator[Step]:
        """Go on inside the media item that was open."""
        async with self.begin() as tx:
            item = await tx.media.get(export.user_id, place.video_id or "")
        if item is None:
            yield Step(MediumEnded(), place, evolve(place, video_id=None))
            return
        async for step in self._rows(export, run, item, place, marked=marked):
            yield step

    async def _rows(
        self, export: Export, run: Run, item: MediaItem, place: Place, *, marked: bool
    ) -> AsyncIterator[Step]:
        full = True
        while full:
            async with self.begin() as tx:
                page = await tx.results.page(run.run_id, item.video_id, limit=PAGE, after=(place.segment,))
                marks = await _marks(tx, export.user_id, page) if marked else Marks()
            full = len(page) == PAGE
            rows = tuple(row for row in page if _wanted(row, export.result_scope))
            if page:
                after = evolve(place, segment=page[-1].ordinal, segments=place.segments + len(rows))
                if rows:
                    yield Step(Rows(run, item, rows, marks), place, after)
                place = after
        yield Step(MediumEnded(), place, evolve(place, video_id=None))

    async def _media(
        self, export: Export, run: Run, ordinal: int
    ) -> list[tuple[RunMedium, MediaItem | None, VideoResult | None]]:
        async with self.begin() as tx:
            media = await tx.runs.media(run.run_id, limit=MEDIA_PAGE, after=(ordinal,))
            ids = [one.video_id for one in media]
            items = {one.video_id: one for one in await tx.media.many(export.user_id, ids)} if ids else {}
            pairs = [(run.run_id, one) for one in items]
            levels = (
                {one.video_id: one for one in await tx.results.video_results(export.user_id, pairs)} if pairs else {}
            )
        of_index = export.target_id if export.export_type is ExportType.INDEX else None
        return [
            (one, item if item and of_index in {None, item.index_id} else None, levels.get(one.video_id))
            for one in media
            for item in [items.get(one.video_id)]
        ]

    async def _index(self, export: Export) -> Index | None:
        if export.export_type is not ExportType.INDEX:
            return None
        async with self.begin() as tx:
            return await tx.indexes.get(export.user_id, export.target_id)

    async def _marked(self, user_id: str) -> bool:
        """Say whether the tenant has any marker: most have none, and then nobody need be asked for each page."""
        async with self.begin() as tx:
            return bool(await tx.markers.page(user_id, target_type=None, target_id=None, limit=1, after=None))


def _next(place: Place) -> Place:
    return Place(run=place.run + 1, runs=place.runs, begun=True)


async def _closed(place: Place) -> AsyncIterator[Step]:
    """Close what is open of a run that is gone, and pass it."""
    if place.video_id is not None:
        step = Step(MediumEnded(), place, evolve(place, video_id=None))
        yield step
        place = step.after
    yield Step(RunEnded() if place.opened else Passed(), place, _next(place))


async def _marks(tx: ExportsTx, user_id: str, page: list[SegmentResult]) -> Marks:
    places = [("segment", row.segment_id) for row in page] + [("result", row.result_id) for row in page]
    return Marks(await tx.markers.on(user_id, places))


def _wanted(row: SegmentResult, scope: ResultScope) -> bool:
    if scope is ResultScope.ALL:
        return True
    return row.status is Outcome.SUCCESSFUL and any(_something(value) for value in (row.metadata or {}).values())


def _something(value: object) -> bool:
    return value is not None and value not in ("", [], {})
