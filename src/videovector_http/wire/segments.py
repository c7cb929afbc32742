"""Segments of a media item."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from videovector_http.wire.base import Shape
from videovector_http.wire.common import (
    FieldPath,
    JsonObject,
    RunId,
    Seconds,
    SegmentId,
    SegmentStatus,
    Time,
    VideoId,
)
from videovector_http.wire.markers import MarkerInfo
from videovector_http.wire.parts import Examined

Inline = Annotated[str, Meta(description="Preview in base64.")]


class Segment(Examined):
    """A stretch of a media item, with what a run found in it."""

    segment_id: SegmentId
    video_id: VideoId
    start_time: Seconds
    end_time: Seconds
    processed: bool = False
    processing_failed: bool = False
    segment_status: SegmentStatus = "pending"
    failure_stage: str | None = None
    failure_message: str | None = None
    attempt_id: str | None = None
    status_source: Annotated[str, Meta(description="Where the status was read.")] | None = None
    metadata: JsonObject | None = None
    metadata_text: str | None = None
    created_at: Time | None = None
    processed_at: Time | None = None
    error_message: str | None = None
    processing_warning: str | None = None
    thumbnail_data: Inline | None = None
    gif_data: Inline | None = None
    from_run_id: RunId | None = None
    marker: MarkerInfo = MarkerInfo()
    metadata_markers: dict[FieldPath, MarkerInfo] = field(default_factory=dict)


class VideoSegments(Shape):
    """The segments of one media item; `run_id` is the run that was read."""

    video_id: VideoId
    run_id: RunId | None = None
    segments: list[Segment]
