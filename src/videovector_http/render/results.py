"""What runs found in segments and in whole media items."""

from __future__ import annotations

import json
from typing import Any

from videovector_core.media.model import MediaItem
from videovector_core.runs.model import Run, SegmentResult, VideoResult
from videovector_http.render.outcomes import succeeded, video_level_status
from videovector_http.render.reader import Reader, moves
from videovector_http.wire import results as wire
from videovector_http.wire.convert import out


def segment_result(item: MediaItem, run: Run, row: SegmentResult, reader: Reader) -> wire.SegmentRunResult:
    """Write what a run found in a segment."""
    markers = reader.field_markers(row.result_id)
    outcomes = {**succeeded(row), "field_extraction_succeeded": row.field_extraction is not False}
    return out(
        row,
        wire.SegmentRunResult,
        **_origin(item, run),
        **outcomes,
        **reader.links(item, row.segment_id),
        start_time=row.start,
        end_time=row.end,
        metadata=row.document(),
        processing_warning=row.warning,
        schema_used=json.dumps(run.prompt.json_schema),
        thumbnail_available=True,
        marker=reader.marker("result", row.result_id),
        metadata_markers=markers,
        extracted_metadata_markers=markers,
    )


def video_result(item: MediaItem, run: Run, row: VideoResult, reader: Reader) -> wire.PromptRunVideoResult:
    """Write what a run says about a whole media item."""
    level = run.prompt.video_level
    link = reader.context.link
    return out(
        row,
        wire.PromptRunVideoResult,
        **_origin(item, run),
        status=video_level_status(row.status),
        raw_llm_response=row.raw_response,
        processing_warning=row.warning,
        schema_used=json.dumps(level.json_schema) if level else None,
        successful_segment_count=row.successful_segments,
        failed_segment_count=row.failed_segments,
        source_fingerprint=row.fingerprint,
        embedding_status="searchable" if run.searchable else "pending",
        rendered_prompt_char_count=row.prompt_chars,
        template_fields=level.included_segment_fields if level else [],
        segment_uri=link(item.user_id, "media", item.video_id),
        gcs_uri=item.uri,
        gif_uri=link(item.user_id, "gif", item.video_id) if moves(item) else None,
        marker=reader.marker("result", row.result_id),
    )


def _origin(item: MediaItem, run: Run) -> dict[str, Any]:
    """Say where a result comes from."""
    return {
        "prompt_id": run.prompt_id,
        "prompt_run_id": run.run_id,
        "video_name": item.title,
        "source_index_id": item.index_id,
        "executed_at": run.executed_at,
        "gif_available": moves(item),
    }
