"""Where SQL search finds runs, rows and the places that rows come from: the stores of runs and media."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from attrs import define, evolve, field

from videovector_core.errors import Conflict, Invalid, NotFound
from videovector_core.indexes.ports import IndexesTx
from videovector_core.media.model import MediaItem
from videovector_core.media.ports import MediaTx
from videovector_core.page import After
from videovector_core.ports import Begin
from videovector_core.runs.model import Run, SegmentResult, VideoResult
from videovector_core.runs.ports import RunsTx
from videovector_core.runs.tables import TableState, TablesTx
from videovector_core.sqlsearch.model import Level, ResultRow, RowContext, RunTable

PAGE: Final = 1_000
"""Rows that one transaction reads."""
_COUNTED: Final = 10_000

Row = TypeVar("Row", SegmentResult, VideoResult)


class SourcesTx(TablesTx, RunsTx, MediaTx, IndexesTx, Protocol):
    """The slice of a transaction that SQL search reads."""


@define
class Sources:
    """The runs of a tenant as tables (the `RunTables` and the `RowContexts` port).

    Runs beyond the newest `most` are listed and nothing more is said of them, since no query may span them.
    """

    begin: Begin[SourcesTx]
    most: int = 50
    _counts: dict[tuple[str, str], tuple[int, int]] = field(factory=dict, init=False)
    """Rows of runs by id and version: counting reads every row, and a version has as many for good."""

    async def searchable(
        self, user_id: str, *, index_id: str, index_ids: Sequence[str] | None, run_ids: Sequence[str] | None
    ) -> Sequence[RunTable]:
        """Return the searchable runs in scope, newest first; `index_ids` takes the place of `index_id`.

        Raises:
            NotFound: an index or a run is unknown, or somebody else's.
            Conflict: a run that was named is not searchable yet.
            Invalid: a run that was named has no media in the indexes.
        """
        scope = list(dict.fromkeys(index_ids or [index_id]))
        async with self.begin() as tx:
            for one in dict.fromkeys([index_id, *scope]):
                if await tx.indexes.get(user_id, one) is None:
                    raise NotFound.of("index", one)
            for run_id in dict.fromkeys(run_ids or ()):
                _finished(run_id, await tx.runs.get(user_id, run_id))
            found = await tx.runs.searchable(user_id, run_ids=run_ids, index_ids=scope)
            _check_inside(run_ids or (), found)
            tables = await self._tables(tx, user_id, found[: self.most])
        return [_within(table, scope) for table in tables] + [_listed(run) for run in found[self.most :]]

    async def named(self, user_id: str, run_id: str) -> RunTable:
        """Return one run, all of its indexes in scope.

        Raises:
            NotFound: it is unknown, or somebody else's.
            Conflict: it is not searchable.
        """
        async with self.begin() as tx:
            run = _finished(run_id, await tx.runs.get(user_id, run_id))
            return (await self._tables(tx, user_id, [run]))[0]

    async def ended(self, user_id: str, run_id: str) -> RunTable | None:
        """Return a run whose rows are all there, though it may not be called ended yet; `None` when it is gone."""
        async with self.begin() as tx:
            run = await tx.runs.get(user_id, run_id)
            return (await self._tables(tx, user_id, [run]))[0] if run else None

    async def rows(self, run: RunTable, level: Level) -> AsyncIterator[ResultRow]:
        """Stream the rows of a run by media item and in order of time; each page is a transaction of its own."""
        after: After | None = None
        while True:
            async with self.begin() as tx:
                if level is Level.SEGMENT:
                    segments = await tx.tables.results(run.run_id, limit=PAGE, after=after)
                    page = [_segment(row, item) for row, item in await _with_media(tx, run.user_id, segments)]
                    after = (segments[-1].video_id, segments[-1].ordinal) if len(segments) == PAGE else None
                else:
                    videos = await tx.tables.video_results(run.run_id, limit=PAGE, after=after)
                    page = [_video(row, item) for row, item in await _with_media(tx, run.user_id, videos)]
                    after = (videos[-1].video_id,) if len(videos) == PAGE else None
            for one in page:
                yield one
            if after is None:
                return

    async def contexts(
        self, user_id: str, *, run_ids: Sequence[str], result_ids: Sequence[str], segment_ids: Sequence[str]
    ) -> Sequence[RowContext]:
        """Return where results of these runs come from; whoever shows result ids needs no guess by segment."""
        split = [one.split(":") for one in result_ids if _plain(one) and one.count(":") == 2]
        pairs = [(run, owner) for kind, owner, run in split if kind == "segment" and run in run_ids]
        videos = [(run, owner) for kind, owner, run in split if kind == "video" and run in run_ids]
        if not result_ids:
            pairs = [(run, owner) for run in run_ids for owner in segment_ids if _plain(owner)]
        found: list[RowContext] = []
        async with self.begin() as tx:
            for at in range(0, len(pairs), PAGE):
                rows = await tx.results.many(user_id, pairs[at : at + PAGE])
                found += [_place(row, item) for row, item in await _with_media(tx, user_id, rows)]
            levels = await tx.results.video_results(user_id, videos) if videos else []
            found += [_place(row, item) for row, item in await _with_media(tx, user_id, levels)]
        return found

    async def _tables(self, tx: SourcesTx, user_id: str, runs: Sequence[Run]) -> list[RunTable]:
        states = await tx.tables.states([run.run_id for run in runs])
        counts = await self._counted(tx, states)
        names = {}
        for index_id in {one for state in states.values() for one in state.index_ids if one}:
            index = await tx.indexes.get(user_id, index_id)
            names[index_id] = index.name if index else None
        return [_table(run, states[run.run_id], counts[run.run_id], names) for run in runs]

    async def _counted(self, tx: SourcesTx, states: Mapping[str, TableState]) -> dict[str, tuple[int, int]]:
        new = [run_id for run_id, state in states.items() if (run_id, state.version) not in self._counts]
        counted = await tx.tables.counts(new) if new else {}
        if len(self._counts) + len(counted) > _COUNTED:
            self._counts.clear()
        found = {run_id: counted.get(run_id) or self._counts[run_id, states[run_id].version] for run_id in states}
        self._counts.update({(run_id, states[run_id].version): count for run_id, count in found.items()})
        return found


def _plain(text: str) -> bool:
    """Say whether a text, which a query may have made up, can be an id."""
    return text.isascii() and text.isprintable()


def _finished(run_id: str, run: Run | None) -> Run:
    if run is None:
        raise NotFound.of("run", run_id)
    if not run.searchable:
        raise Conflict(
            f"The run {run_id!r} is {run.status.value}; only completed runs can be queried. Wait for its end.",
            code="conflict_run_not_searchable",
        )
    return run


def _check_inside(run_ids: Sequence[str], found: Sequence[Run]) -> None:
    inside = {run.run_id for run in found}
    outside = [run_id for run_id in dict.fromkeys(run_ids) if run_id not in inside]
    if outside:
        raise Invalid(
            f"The run {outside[0]!r} has no media in the scope of this query; leave it out or widen the scope.",
            code="validation_run_scope",
            details={"run_ids": outside},
        )


def _table(run: Run, state: TableState, counts: tuple[int, int], names: Mapping[str, str | None]) -> RunTable:
    places = tuple(one for one in state.index_ids if one)
    index_id = run.index_id or (places[0] if len(places) == 1 else None)
    level = run.prompt.video_level
    return evolve(
        _listed(run),
        version=state.version,
        video_schema=level.json_schema if level else None,
        index_id=index_id,
        index_name=names.get(index_id) if index_id else None,
        row_count=counts[0],
        video_row_count=counts[1],
        only_index_ids=places,
    )


def _within(table: RunTable, scope: Sequence[str]) -> RunTable:
    """Narrow a run to the indexes in scope, where its media lie in others too."""
    places = table.only_index_ids or ()
    inside = tuple(one for one in places if one in scope)
    return evolve(table, only_index_ids=None if inside == places else inside)


def _listed(run: Run) -> RunTable:
    return RunTable(
        run.run_id,
        run.user_id,
        "",
        run.prompt.json_schema,
        index_id=run.index_id,
        prompt_id=run.prompt_id,
        prompt_name=run.prompt.name,
        executed_at=run.executed_at,
    )


async def _with_media(tx: MediaTx, user_id: str, rows: Sequence[Row]) -> list[tuple[Row, MediaItem]]:
    """Put rows beside their media items; rows of hidden ones are left out."""
    wanted = list(dict.fromkeys(row.video_id for row in rows))
    items = {item.video_id: item for item in await tx.media.many(user_id, wanted)} if wanted else {}
    return [(row, items[row.video_id]) for row in rows if row.video_id in items]


def _segment(row: SegmentResult, item: MediaItem) -> ResultRow:
    return ResultRow(
        row.result_id,
        row.video_id,
        row.run_id,
        row.metadata or {},
        segment_id=row.segment_id,
        video_name=item.title,
        media_type=item.media_type.value,
        index_id=item.index_id,
        start_time=row.start,
        end_time=row.end,
        transcription=row.spoken if row.transcription is not None else None,
        metadata_text=row.metadata_text,
        executed_at=row.processed_at,
    )


def _video(row: VideoResult, item: MediaItem) -> ResultRow:
    return ResultRow(
        row.result_id,
        row.video_id,
        row.run_id,
        row.metadata,
        video_name=item.title,
        media_type=item.media_type.value,
        index_id=item.index_id,
        metadata_text=row.metadata_text,
        executed_at=row.completed_at,
    )


def _place(row: SegmentResult | VideoResult, item: MediaItem) -> RowContext:
    place = RowContext(row.result_id, row.video_id, row.run_id, index_id=item.index_id)
    if isinstance(row, VideoResult):
        return place
    return evolve(place, segment_id=row.segment_id, start_time=row.start, end_time=row.end)
