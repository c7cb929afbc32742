"""Segments of a media item."""

from __future__ import annotations

from typing import Any

from videovector_core.media.model import MediaItem
from videovector_core.runs.model import Outcome, SegmentResult
from videovector_core.segments.model import Segment
from videovector_http.render.outcomes import segment_status, succeeded
from videovector_http.render.reader import Reader, moves
from videovector_http.wire import segments as wire
from videovector_http.wire.convert import out


def segment(item: MediaItem, segment: Segment, row: SegmentResult | None, reader: Reader) -> wire.Segment:
    """Write a segment with what a run found in it."""
    return out(
        row or {},
        wire.Segment,
        **reader.links(item, segment.segment_id),
        **(_found(row, reader) if row is not None else {}),
        segment_id=segment.segment_id,
        video_id=segment.video_id,
        start_time=segment.start,
        end_time=segment.end,
        created_at=None,
        marker=reader.marker("segment", segment.segment_id),
        thumbnail_available=True,
        gif_available=moves(item),
    )


def _found(row: SegmentResult, reader: Reader) -> dict[str, Any]:
    return {
        "processed": row.status is Outcome.SUCCESSFUL,
        "processing_failed": row.status is Outcome.FAILED,
        "segment_status": segment_status(row.status),
        "metadata": row.document() if row.metadata is not None else None,
        "error_message": row.failure_message,
        "processing_warning": row.warning,
        "from_run_id": row.run_id,
        "status_source": "prompt_run",
        "metadata_markers": reader.field_markers(row.result_id),
        **succeeded(row),
    }
