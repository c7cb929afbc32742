"""Groups of fields that several shapes have in common."""

from __future__ import annotations

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    Amount,
    AudioSegmentation,
    IndexIds,
    ModelName,
    PlayUrl,
    RunIds,
    Seconds,
    SegmentDuration,
    SegmentId,
    StorageUri,
    Succeeded,
    VideoIds,
    VideoSegmentation,
)


class Links(Shape):
    """Where a stretch of media can be seen."""

    segment_uri: PlayUrl | None = None
    gcs_uri: StorageUri | None = None
    thumbnail_uri: PlayUrl | None = None
    thumbnail_gcs_uri: StorageUri | None = None
    thumbnail_available: bool = False
    gif_uri: PlayUrl | None = None
    gif_gcs_uri: StorageUri | None = None
    gif_available: bool = False


class Previewed(Links):
    """Links of a media item, and a segment that stands for it."""

    preview_segment_id: SegmentId | None = None
    preview_start_time: Seconds | None = None
    preview_end_time: Seconds | None = None
    preview_segment_uri: PlayUrl | None = None
    preview_thumbnail_uri: PlayUrl | None = None
    preview_gif_uri: PlayUrl | None = None


class Examined(Links):
    """A segment and how each of the three operations on it ended."""

    field_extraction_succeeded: Succeeded | None = None
    transcription_succeeded: Succeeded | None = None
    image_embedding_succeeded: Succeeded | None = None
    field_extraction_error: str | None = None
    transcription_error: str | None = None
    image_embedding_error: str | None = None


class Billed(Shape):
    """What it cost; a server without billing leaves these as they are."""

    billing_estimated_mt: Amount = 0.0
    billing_actual_mt: Amount = 0.0
    billing_status: str | None = None
    billing_error: str | None = None


class RunSettings(Body):
    """How a run works; what is absent comes from the prompt, then from the server."""

    video_segmentation_type: VideoSegmentation | None = None
    audio_segmentation_type: AudioSegmentation | None = None
    video_segment_duration: SegmentDuration | None = None
    audio_segment_duration: SegmentDuration | None = None
    processing_model: ModelName | None = None
    enable_transcription: bool | None = None
    enable_image_embedding: bool | None = None


class Within(Body):
    """Where a search looks."""

    run_ids: RunIds | None = None
    index_ids: IndexIds | None = None
    video_ids: VideoIds | None = None
