"""What a run yielded: results per segment and per media item, what failed, and single retries."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, field

from videovector_http.wire.base import Shape
from videovector_http.wire.common import (
    FieldPath,
    IndexId,
    JsonObject,
    Operation,
    PromptId,
    ResultId,
    RetryId,
    RetryStatus,
    RunId,
    RunStatus,
    Seconds,
    SegmentId,
    Succeeded,
    Time,
    VideoId,
    VideoLevelStatus,
)
from videovector_http.wire.markers import MarkerInfo
from videovector_http.wire.parts import Billed, Examined, Previewed

FieldMarkers: TypeAlias = dict[FieldPath, MarkerInfo]


class SegmentRunResult(Examined):
    """What a run found in one segment."""

    result_type: Literal["segment"] = "segment"
    result_id: ResultId | None = None
    segment_id: SegmentId
    video_id: VideoId | None = None
    run_id: RunId
    prompt_id: PromptId
    prompt_run_id: RunId | None = None
    video_name: str | None = None
    source_index_id: IndexId | None = None
    executed_at: Time
    start_time: Seconds | None = None
    end_time: Seconds | None = None
    metadata: JsonObject
    metadata_text: str
    processing_warning: str | None = None
    schema_used: str | None = None
    field_extraction_succeeded: bool = True
    marker: MarkerInfo = MarkerInfo()
    extracted_metadata_markers: FieldMarkers = field(default_factory=dict)
    metadata_markers: FieldMarkers = field(default_factory=dict)


class PromptRunVideoResult(Previewed):
    """What a run concluded about a whole media item."""

    result_type: Literal["video"] = "video"
    result_id: ResultId | None = None
    run_id: RunId
    prompt_id: PromptId
    prompt_run_id: RunId | None = None
    video_id: VideoId
    video_name: str | None = None
    source_index_id: IndexId | None = None
    executed_at: Time
    status: VideoLevelStatus
    metadata: JsonObject
    metadata_text: str
    raw_llm_response: str | None = None
    processing_warning: str | None = None
    schema_used: str | None = None
    successful_segment_count: int = 0
    failed_segment_count: int = 0
    source_fingerprint: Annotated[str, Meta(description="Hash of what was read.")] | None = None
    embedding_status: str | None = None
    embedding_error: str | None = None
    attempt_id: str | None = None
    error_message: str | None = None
    started_at: Time | None = None
    completed_at: Time | None = None
    marker: MarkerInfo = MarkerInfo()
    omitted_segment_ids: list[SegmentId] = field(default_factory=list)
    template_fields: list[str] = field(default_factory=list)
    rendered_prompt_char_count: int = 0
    llm_attempted: bool = False


class PromptRunFailureOperationCounts(Shape):
    """Failures by operation."""

    field_extraction: int = 0
    transcription: int = 0
    image_embedding: int = 0
    processing: int = 0


class PromptRunFailedSegment(Shape):
    """A segment on which something failed."""

    segment_id: SegmentId
    failed_operations: list[Operation] = field(default_factory=list)
    field_extraction_error: str | None = None
    transcription_error: str | None = None
    image_embedding_error: str | None = None
    failure_stage: str | None = None
    failure_message: str | None = None
    failure_code: Annotated[str, Meta(examples=["invalid_output"])] | None = None
    retryable: bool | None = None
    start_time: Seconds | None = None
    end_time: Seconds | None = None
    projection_only: Annotated[bool, Meta(description="The data is there; only its search entry is missing.")] = False


class PromptRunFailedVideo(Shape):
    """A media item with failed segments."""

    video_id: VideoId
    failed_segments: int = 0
    operation_counts: PromptRunFailureOperationCounts = PromptRunFailureOperationCounts()
    segments: list[PromptRunFailedSegment] = field(default_factory=list)


class PromptRunFailedSegmentsManifest(Shape):
    """Everything that failed in a run."""

    run_id: RunId
    status: RunStatus
    videos_with_failures: int = 0
    failed_segments: int = 0
    operation_counts: PromptRunFailureOperationCounts = PromptRunFailureOperationCounts()
    videos: list[PromptRunFailedVideo] = field(default_factory=list)


class Retried(Billed):
    """What every answer about a retry says."""

    run_id: RunId
    retry_id: RetryId
    status: RetryStatus
    video_id: VideoId
    segment_id: SegmentId
    created_at: Time
    started_at: Time | None = None
    completed_at: Time | None = None
    error: str | None = None


class PromptRunSegmentRetry(Retried):
    """A retry of one segment that was accepted."""

    message: str
    idempotency_key: str | None = None


class PromptRunSegmentRetryStatus(Retried):
    """How far a retry has come."""

    field_extraction_succeeded: Succeeded | None = None
    transcription_succeeded: Succeeded | None = None
    image_embedding_succeeded: Succeeded | None = None
