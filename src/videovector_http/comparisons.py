"""Comparing runs; an addition to the published API."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from videovector_core.access.model import Caller, Scope
from videovector_core.runs.comparing import SegmentPair
from videovector_http.context import Context
from videovector_http.paging import Cursor, Limit
from videovector_http.wire import comparisons as wire
from videovector_http.wire.convert import out
from videovector_http.wire.envelopes import PaginationMeta


@get("/prompt-runs/{run_id:str}/compare/{other_run_id:str}", opt={"scope": Scope.READ})
async def compare_runs(
    run_id: FromPath[str],
    other_run_id: FromPath[str],
    video_id: FromQuery[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> wire.RunComparison:
    """Compare what two runs found in one media item, such as runs of two versions of a prompt."""
    bound = ("compare", caller.user_id, run_id, other_run_id, video_id)
    after = context.signer.place(cursor, *bound)
    found = await context.vv.comparing.compare(caller, run_id, other_run_id, video_id, limit=limit, after=after)
    following = context.signer.cursor(found.pairs.after, *bound)
    return wire.RunComparison(
        run_id=run_id,
        other_run_id=other_run_id,
        video_id=video_id,
        prompt_id=found.first.prompt_id,
        other_prompt_id=found.second.prompt_id,
        changed_settings=list(found.settings),
        fields_added=list(found.added),
        fields_removed=list(found.removed),
        fields_redefined=list(found.redefined),
        counts=out(found.counts, wire.ComparisonCounts) if found.counts else None,
        data=[_segment(pair) for pair in found.pairs.items],
        pagination=PaginationMeta(limit=limit, has_more=following is not None, next_cursor=following),
    )


def _segment(pair: SegmentPair) -> wire.SegmentComparison:
    return wire.SegmentComparison(
        start_time=pair.start,
        end_time=pair.end,
        segment_id=pair.first.segment_id if pair.first else None,
        other_segment_id=pair.second.segment_id if pair.second else None,
        equal=pair.equal,
        fields=[out(one, wire.FieldDifference) for one in pair.fields],
    )


ROUTES = [compare_runs]
