"""What failed in a run, and the repairs of it."""

from __future__ import annotations

from collections.abc import Sequence

from videovector_core.runs.model import Operation, Retry, RunMedium, SegmentResult
from videovector_core.runs.service import RunView
from videovector_http.render.outcomes import succeeded
from videovector_http.wire import results as wire
from videovector_http.wire.convert import out


def manifest(
    view: RunView, rows: Sequence[SegmentResult], media: Sequence[RunMedium]
) -> wire.PromptRunFailedSegmentsManifest:
    """Write what failed in a run; a media item without a failed segment failed as a whole."""
    by_video: dict[str, list[SegmentResult]] = {medium.video_id: [] for medium in media}
    for row in rows:
        by_video.setdefault(row.video_id, []).append(row)
    return wire.PromptRunFailedSegmentsManifest(
        run_id=view.run.run_id,
        status=view.run.status.value,
        videos_with_failures=len(by_video),
        failed_segments=len(rows),
        operation_counts=_operation_counts(rows),
        videos=[
            wire.PromptRunFailedVideo(
                video_id=video_id,
                failed_segments=len(failed),
                operation_counts=_operation_counts(failed, whole=not failed),
                segments=[_failed(row) for row in failed],
            )
            for video_id, failed in by_video.items()
        ],
    )


def _operation_counts(rows: Sequence[SegmentResult], *, whole: bool = False) -> wire.PromptRunFailureOperationCounts:
    counts = {operation.value: sum(operation in row.failed_operations for row in rows) for operation in Operation}
    counts["processing"] += int(whole)
    return wire.PromptRunFailureOperationCounts(**counts)


def _failed(row: SegmentResult) -> wire.PromptRunFailedSegment:
    return out(
        row,
        wire.PromptRunFailedSegment,
        failure_stage=row.failure_stage or row.failed_operations[0].value,
        retryable=row.retryable if row.retryable is not None else True,
        start_time=row.start,
        end_time=row.end,
    )


def retry(one: Retry) -> wire.PromptRunSegmentRetry:
    """Write a repair that was accepted."""
    message = "The retry was queued." if one.active else f"The retry {one.status}."
    return out(one, wire.PromptRunSegmentRetry, message=message)


def retry_status(one: Retry, row: SegmentResult) -> wire.PromptRunSegmentRetryStatus:
    """Write how far a repair of a segment has come."""
    return out(one, wire.PromptRunSegmentRetryStatus, **succeeded(row))
