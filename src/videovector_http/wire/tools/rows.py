"""Rows in results of tools: what the routes answer, with sums, groups and words for an agent."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from videovector_http.wire.base import Shape
from videovector_http.wire.common import (
    AudioSegmentation,
    JsonObject,
    Succeeded,
    Time,
    VideoSegmentation,
)
from videovector_http.wire.connectors import CloudFile, Connector
from videovector_http.wire.exports import Export
from videovector_http.wire.imports import ImportJob, ImportJobProgress
from videovector_http.wire.media import PromptRunProcessingStatus, Video, VideoStatus
from videovector_http.wire.prompts import Prompt
from videovector_http.wire.results import PromptRunVideoResult, SegmentRunResult
from videovector_http.wire.runs import PromptRun
from videovector_http.wire.search import ImageSearchResult, MultimodalSearchResult, SearchResult
from videovector_http.wire.segments import Segment

Percent = Annotated[int, Meta(ge=0, le=100)]


class Operation(Shape):
    """How one operation on a segment went."""

    succeeded: Succeeded | None = None
    error: str | None = None


class Operations(Shape):
    """How the operations on a segment went."""

    field_extraction: Operation
    transcription: Operation
    image_embedding: Operation


class SegmentRow(Segment):
    """A segment."""

    time_range: Annotated[str, Meta(examples=["0:10 - 0:20 (10.0s)"])]
    duration: float
    operations: Operations


class SearchRow(SearchResult):
    """A hit; `segment` is the whole segment of a hit in one."""

    duration: float | None = None
    score: Annotated[float, Meta(description="The similarity, rounded.")] | None = None
    content: str = ""
    segment: SegmentRow | None = None


class ImageRow(ImageSearchResult):
    """A hit of a search by picture."""

    duration: float | None = None
    score: Annotated[float, Meta(description="The similarity, rounded.")] | None = None
    content: str = ""
    segment: SegmentRow | None = None


class MultimodalRow(MultimodalSearchResult):
    """A hit of a search by words and picture."""

    duration: float | None = None
    score: Annotated[float, Meta(description="The similarity, rounded.")] | None = None
    content: str = ""
    segment: SegmentRow | None = None


class PromptRow(Prompt):
    """A prompt."""

    schema_fields: list[str]


class SegmentCounts(Shape):
    """Segments of a media item in a run, by status."""

    total: int = 0
    pending: int = 0
    processing: int = 0
    successful: int = 0
    failed: int = 0


class StatusTotals(Shape):
    """Segments by status, over several runs."""

    pending: int = 0
    processing: int = 0
    successful: int = 0
    failed: int = 0


class RunOnMedium(PromptRunProcessingStatus):
    """How far a run has come with a media item."""

    segment_counts: SegmentCounts
    failed_segment_ids: list[str] = field(default_factory=list)


class ProcessingSummary(Shape):
    """How far all runs have come with a media item."""

    total_runs: int = 0
    latest_run_id: str | None = None
    latest_run_status: str | None = None
    runs_with_failures: list[str] = field(default_factory=list)
    by_run_status: dict[str, int] = field(default_factory=dict)
    segment_status_totals: StatusTotals = StatusTotals()


class VideoRow(Video):
    """A media item."""

    processing_summary: ProcessingSummary
    processing_status: list[RunOnMedium] = field(default_factory=list)  # type: ignore[assignment]  # the same and more


class VideoStatusRow(VideoStatus):
    """The status of a media item."""

    processing_summary: ProcessingSummary
    processing_status: list[RunOnMedium] = field(default_factory=list)  # type: ignore[assignment]  # the same and more


class RunProgress(Shape):
    """How far a run has come."""

    total_media: int
    completed: int
    failed: int
    partial: int
    cancelled: int
    percent: Percent
    total_segments: int
    completed_segments: int


class MediaCounts(Shape):
    """Media of one type in a run."""

    total: int
    completed: int
    failed: int
    partial: int
    cancelled: int


class MediaBreakdown(Shape):
    """Media of a run by type."""

    videos: MediaCounts
    audios: MediaCounts
    images: MediaCounts


class RunOperation(Shape):
    """How one operation went in a run."""

    enabled: bool = True
    succeeded: Succeeded | None = None
    failures: int = 0


class RunOperations(Shape):
    """How the operations went in a run."""

    field_extraction: RunOperation
    transcription: RunOperation
    image_embedding: RunOperation


class RunConfiguration(Shape):
    """What a run was started with."""

    run_context: JsonObject
    video_segmentation_type: VideoSegmentation
    audio_segmentation_type: AudioSegmentation
    video_segment_duration: int | None = None
    audio_segment_duration: int | None = None
    processing_model: str | None = None


class RunLevels(Shape):
    """Media-level results of a run."""

    enabled: bool
    total_items: int
    completed_items: int
    failed_items: int
    partial_items: int


class Billing(Shape):
    """What a run cost."""

    estimated_mt: float
    actual_mt: float
    status: str | None = None
    error: str | None = None


class RunRow(PromptRun):
    """A run."""

    progress: RunProgress
    media_breakdown: MediaBreakdown
    operations: RunOperations
    configuration: RunConfiguration
    video_level: RunLevels
    billing: Billing


class ResultRow(SegmentRunResult):
    """What a run found in a segment."""

    extracted_metadata: JsonObject
    text_content: str
    content_preview: str
    operations: Operations


class LevelRow(PromptRunVideoResult):
    """What a run says about a whole media item."""

    extracted_metadata: JsonObject
    text_content: str
    content_preview: str


class LastTest(Shape):
    """When a connector was tried last."""

    tested_at: Time
    result: str | None = None
    error: str | None = None


class ConnectorRow(Connector):
    """A connector."""

    last_test: LastTest | None = None


class FileRow(CloudFile):
    """A file behind a connector."""

    size_human: str


class JobSource(Shape):
    """Where a job reads."""

    prefix: str
    pattern: str
    recursive: bool


class JobTimes(Shape):
    """When a job did what."""

    created_at: Time | None = None
    started_at: Time | None = None
    completed_at: Time | None = None


class JobProgress(ImportJobProgress):
    """How far a job has come."""

    percent: Percent
    bytes_transferred_human: str


class JobRow(ImportJob):
    """An import job."""

    source: JobSource
    progress: JobProgress
    timestamps: JobTimes
    failed_files_count: int
    skipped_files_count: int


class ExportRow(Export):
    """An export."""

    file_size_human: str | None = None
    tip: str | None = None
