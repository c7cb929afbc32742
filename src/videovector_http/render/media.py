"""Media items, and how far runs have come with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from videovector_core.media.model import MediaItem
from videovector_core.runs.model import Outcome, Run, RunMedium, SegmentResult, VideoResult
from videovector_http.render.outcomes import medium_status, segment_status, video_level_status
from videovector_http.render.reader import Reader
from videovector_http.wire import media as wire
from videovector_http.wire.convert import out

Snapshot: TypeAlias = tuple[Run, RunMedium, list[SegmentResult], VideoResult | None]


def video(item: MediaItem, reader: Reader, snapshots: Sequence[Snapshot] = (), *, segments: bool = False) -> wire.Video:
    """Write a media item; lists leave the segments of its runs out."""
    keys = {key for _, _, rows, _ in snapshots for row in rows[:50] for key in row.metadata or {}}
    return out(
        item,
        wire.Video,
        video_uri=item.uri,
        duration_seconds=item.duration,
        processing_status=[snapshot(one, segments=segments) for one in snapshots],
        metadata_keys=sorted(keys),
        marker=reader.marker("video", item.video_id),
    )


def snapshot(one: Snapshot, *, segments: bool) -> wire.PromptRunProcessingStatus:
    """Write how far a run has come with a media item."""
    run, medium, rows, level = one
    by_status = {status: sum(row.status is status for row in rows) for status in Outcome}
    return out(
        {},
        wire.PromptRunProcessingStatus,
        run_id=run.run_id,
        prompt_id=run.prompt_id,
        status=medium_status(medium.status),
        total_segments=max(medium.total_segments, len(rows)),
        pending_segments=by_status[Outcome.PENDING],
        processing_segments=by_status[Outcome.PROCESSING],
        successful_segments=by_status[Outcome.SUCCESSFUL],
        failed_segments=by_status[Outcome.FAILED] + by_status[Outcome.CANCELLED],
        created_at=run.executed_at,
        updated_at=medium.completed_at or medium.started_at,
        video_level=_level(level) if level is not None else None,
        segments=[_segment(row) for row in rows] if segments else [],
    )


def _level(level: VideoResult) -> wire.VideoLevelProcessingStatus:
    return out(
        level,
        wire.VideoLevelProcessingStatus,
        status=video_level_status(level.status),
        result_available=level.status.good,
        successful_segment_count=level.successful_segments,
        failed_segment_count=level.failed_segments,
        updated_at=level.completed_at,
    )


def _segment(row: SegmentResult) -> wire.SegmentRunProcessingStatus:
    return out(
        row,
        wire.SegmentRunProcessingStatus,
        status=segment_status(row.status),
        start_time=row.start,
        end_time=row.end,
        completed_at=row.processed_at,
        updated_at=row.processed_at,
        error_message=row.failure_message,
    )
