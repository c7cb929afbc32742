"""Lists that several routes answer with: read what belongs to the rows, then write them."""

from __future__ import annotations

from collections.abc import Sequence

from videovector_core.access.model import Caller
from videovector_core.media.model import MediaItem
from videovector_core.runs.service import RunView, SegmentsView
from videovector_http.context import Context
from videovector_http.render.media import video
from videovector_http.render.reader import marked
from videovector_http.render.runs import run
from videovector_http.render.segments import segment
from videovector_http.wire.media import Video
from videovector_http.wire.runs import PromptRun
from videovector_http.wire.segments import Segment


async def shown_videos(
    context: Context, caller: Caller, items: Sequence[MediaItem], *, segments: bool = False
) -> list[Video]:
    """Write media items with how far their runs have come."""
    ids = [item.video_id for item in items]
    runs = await context.vv.runs.of_media(caller, ids)
    reader = await marked(context, caller, [("video", one) for one in ids])
    return [video(item, reader, runs.get(item.video_id, ()), segments=segments) for item in items]


async def shown_runs(context: Context, caller: Caller, views: Sequence[RunView]) -> list[PromptRun]:
    """Write runs."""
    reader = await marked(context, caller, [("prompt_run", view.run.run_id) for view in views])
    return [run(view, reader) for view in views]


async def shown_segments(context: Context, caller: Caller, item: MediaItem, view: SegmentsView) -> list[Segment]:
    """Write segments of a media item as one run saw them."""
    pairs = view.pairs.items
    results = [("result", row.result_id) for _, row in pairs if row is not None]
    reader = await marked(context, caller, [("segment", one.segment_id) for one, _ in pairs] + results)
    return [segment(item, one, row, reader) for one, row in pairs]
