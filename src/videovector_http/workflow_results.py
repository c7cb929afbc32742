"""Results of a run as two streams: everything, and what the prompt's selection picks."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import UNSET

from videovector_core.access.model import Caller, Scope
from videovector_core.media.model import MediaItem
from videovector_core.page import After, Page
from videovector_core.runs.model import Run, SegmentResult, VideoResult
from videovector_core.workflow.selection import Rows, Selected
from videovector_http.context import Context
from videovector_http.render.reader import Reader, marked
from videovector_http.render.results import segment_result, video_result
from videovector_http.wire import envelopes
from videovector_http.wire import workflow as wire
from videovector_http.wire.common import ResultLevel
from videovector_http.wire.results import PromptRunVideoResult, SegmentRunResult

View: TypeAlias = Annotated[
    str, QueryParameter(pattern="^(filtered|unfiltered|both)$", description="`filtered`, `unfiltered` or `both`.")
]
Few: TypeAlias = Annotated[int, QueryParameter(ge=1, le=50, description="Rows of each stream.")]
Place: TypeAlias = Annotated[
    str | None, QueryParameter(min_length=1, max_length=4096, description="`next_cursor` of that stream.")
]
Row: TypeAlias = SegmentRunResult | PromptRunVideoResult


@get("/workflow/runs/{run_id:str}/results", opt={"scope": Scope.READ})
async def run_results(
    run_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    result_level: FromQuery[ResultLevel] = "segment",
    view: View = "both",
    limit: Few = 50,
    video_id: FromQuery[str | None] = None,
    filtered_cursor: Place = None,
    unfiltered_cursor: Place = None,
) -> wire.WorkflowRunResults[Row]:
    """Return what a run found; a stream that cannot be told yet is null."""
    found = await context.vv.selection.of_run(caller, run_id, level=result_level, video_id=video_id)
    bound = ("run-results", caller.user_id, run_id, result_level, video_id)
    streams: dict[str, Any] = {"filtered": UNSET, "unfiltered": UNSET}
    cursors = {"filtered": filtered_cursor, "unfiltered": unfiltered_cursor}
    for name, cursor in cursors.items():
        if view in {name, "both"}:
            after = context.signer.place(cursor, *bound, name)
            rows = await context.vv.selection.stream(
                caller, found, filtered=name == "filtered", limit=limit, after=after
            )
            page = await _written(context, caller, found.run, rows) if rows is not None else None
            streams[name] = _page(context, page, limit, (*bound, name)) if page is not None else None
    return wire.WorkflowRunResults(
        run_id=run_id,
        status=found.run.status.value,
        result_level=result_level,
        selection_summary=await _summary(context, caller, found),
        **streams,
    )


async def _summary(context: Context, caller: Caller, found: Selected) -> wire.SelectionSummary:
    counts = await context.vv.selection.counts(caller, found)
    return wire.SelectionSummary(
        status=found.status,
        selected_media_count=counts.media,
        selected_video_count=counts.videos,
        selected_segment_count=counts.segments,
    )


async def _written(context: Context, caller: Caller, run: Run, rows: Page[Rows]) -> Page[Row]:
    reader = await marked(context, caller, [("result", row.result_id) for _, row in rows.items])
    return rows.map(lambda pair: _row(*pair, run, reader))


def _row(item: MediaItem, row: SegmentResult | VideoResult, run: Run, reader: Reader) -> Row:
    if isinstance(row, SegmentResult):
        return segment_result(item, run, row, reader)
    return video_result(item, run, row, reader)


def _page(context: Context, page: Page[Row], limit: int, bound: tuple[Any, ...]) -> envelopes.Page[Row]:
    after: After | None = page.after
    return envelopes.Page.of(list(page.items), limit=limit, next_cursor=context.signer.cursor(after, *bound))
