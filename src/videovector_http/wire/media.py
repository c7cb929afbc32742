"""Media items, their status, deletion and URLs."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    ConnectorId,
    DeletionStatus,
    IndexId,
    MediaStatus,
    MediaType,
    PromptId,
    RunId,
    RunStatus,
    Seconds,
    SegmentId,
    SegmentStatus,
    StorageUri,
    Time,
    Title,
    VideoId,
    VideoLevelStatus,
)
from videovector_http.wire.indexes import ACCEPTED, RetryAfter
from videovector_http.wire.markers import MarkerInfo


class SegmentRunProcessingStatus(Shape):
    """A segment inside a run's snapshot."""

    segment_id: SegmentId
    video_id: VideoId | None = None
    status: SegmentStatus
    start_time: Seconds | None = None
    end_time: Seconds | None = None
    started_at: Time | None = None
    completed_at: Time | None = None
    updated_at: Time | None = None
    error_message: str | None = None
    failure_stage: str | None = None
    attempt_id: str | None = None


class VideoLevelProcessingStatus(Shape):
    """The media-wide synthesis inside a run's snapshot."""

    status: VideoLevelStatus
    result_available: bool = False
    successful_segment_count: int = 0
    failed_segment_count: int = 0
    started_at: Time | None = None
    completed_at: Time | None = None
    updated_at: Time | None = None
    error_message: str | None = None
    attempt_id: str | None = None


class PromptRunProcessingStatus(Shape):
    """How far one run has come with one media item; lists leave `segments` empty."""

    run_id: RunId
    prompt_id: PromptId | None = None
    status: RunStatus
    total_segments: int
    pending_segments: int
    processing_segments: int
    successful_segments: int
    failed_segments: int
    created_at: Time | None = None
    updated_at: Time | None = None
    attempt_id: str | None = None
    video_level: VideoLevelProcessingStatus | None = None
    segments: list[SegmentRunProcessingStatus] = field(default_factory=list)


class Video(Shape):
    """A media item."""

    video_id: VideoId
    title: str
    video_uri: StorageUri
    status: MediaStatus
    processing_status: list[PromptRunProcessingStatus] | None = None
    created_at: Time
    updated_at: Time | None = None
    metadata_keys: list[str] | None = None
    media_type: MediaType = "video"
    marker: MarkerInfo = MarkerInfo()
    duration_seconds: Annotated[float, Meta(description="Measured duration in seconds.")] | None = None


class VideoWithDetails(Video):
    """A media item with inline previews."""

    gif_data: Annotated[str, Meta(description="GIF in base64.")] | None = None
    first_thumbnail: Annotated[str, Meta(description="First thumbnail: base64 or URL.")] | None = None


class VideoStatus(Shape):
    """How far a media item has come."""

    video_id: VideoId
    status: MediaStatus
    processing_status: list[PromptRunProcessingStatus] | None = None


class VideoDeletionResponse(Shape):
    """A durable deletion: the same `deletion_id` is answered until it is over, and after."""

    video_id: VideoId
    deletion_id: str
    status: DeletionStatus
    retry_after_seconds: RetryAfter | None = None
    message: str = ACCEPTED


class SignedUrl(Shape):
    """A short-lived URL in exchange for a storage URI."""

    signed_url: str
    expires_at: Time


class ProcessingStartedResponse(Shape):
    """Processing was started."""

    message: str


class RegisterVideo(Body):
    """Media that already lies in a storage."""

    title: Title
    video_uri: Annotated[
        str,
        Meta(
            min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["gs://bucket/path/episode-001.mp4"]
        ),
    ]
    index_id: IndexId
    source_connector_id: ConnectorId | None = None


class UploadFields(Body):
    """The text parts of an upload; `file` travels beside them. Without an index the media goes to the playground."""

    title: Title | None = None
    index_id: IndexId | None = None


class BatchVideos(Body):
    """Which media to fetch; unknown ids are left out of the answer."""

    video_ids: Annotated[list[VideoId], Meta(min_length=1, max_length=100)]


class BatchVideoSegmentsTarget(Body):
    """One media item, and the run to read; without a run, the segments as they are."""

    video_id: VideoId
    run_id: RunId | None = None


class BatchSegments(Body):
    """Exactly one of the two lists."""

    video_ids: Annotated[list[VideoId], Meta(min_length=1, max_length=50)] | None = None
    targets: Annotated[list[BatchVideoSegmentsTarget], Meta(min_length=1, max_length=50)] | None = None


class SignUrl(Body):
    """A storage URI to exchange."""

    gcs_uri: Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]+$")]
    force_refresh: Annotated[bool, Meta(description="Not needed: every URL lasts an hour or more.")] = False
