"""Import jobs: from a connector, an upload, a list of URLs or one URI."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    ConnectorId,
    GlobPattern,
    ImportExecutionStatus,
    ImportJobId,
    ImportJobStatus,
    ImportMode,
    IndexId,
    IndexName,
    JsonObject,
    MediaStatus,
    MediaType,
    PathPrefix,
    PlayUrl,
    RunId,
    SourceKind,
    StorageUri,
    Time,
    Title,
    VideoId,
)
from videovector_http.wire.envelopes import ItemsPage


class ImportJobProgress(Shape):
    """Counters; `imported + failed + skipped` is `total_files` at the end."""

    total_files: int = 0
    imported: int = 0
    failed: int = 0
    skipped: int = 0
    bytes_transferred: int = 0
    current_file: str | None = None
    parts_total: int = 0
    parts_completed: int = 0
    parts_failed: int = 0


class ImportOutput(Shape):
    """A media item that the job makes."""

    file_id: str
    file_name: str
    source_ordinal: int
    part_index: int
    part_count: int
    source_start_seconds: float
    source_end_seconds: float
    video_id: VideoId
    title: str
    status: Annotated[str, Meta(examples=["completed"])]


class ImportOutputsPage(ItemsPage[ImportOutput]):
    """Media that the job makes, by source and part."""


class ImportSourceFile(Shape):
    """A file that the job reads."""

    file_id: str
    file_name: str
    source_ordinal: int
    status: Annotated[str, Meta(examples=["completed"])]
    part_count: int | None = None
    parts_completed: int | None = None
    parts_failed: int | None = None
    failure: (
        Annotated[JsonObject, Meta(examples=[{"error_code": "download_failed", "refresh_required": False}])] | None
    ) = None
    skip_reason: str | None = None


class ImportFilesPage(ItemsPage[ImportSourceFile]):
    """Files that the job reads."""


class ImportExecution(Shape):
    """The run that was to follow the import."""

    status: ImportExecutionStatus = "not_requested"
    run_id: RunId | None = None
    error_code: str | None = None
    error: str | None = None


class FailedFile(Shape):
    """A file that could not be imported."""

    path: str
    error: str


class SkippedFile(Shape):
    """A file that was left out on purpose."""

    path: str
    reason: Annotated[str, Meta(examples=["unsupported_type", "already_imported"])]


class ImportJob(Shape):
    """An import and what has come of it."""

    job_id: ImportJobId
    status: ImportJobStatus
    phase: str | None = None
    source_kind: SourceKind = "connector"
    connector_id: ConnectorId | None = None
    target_index_id: IndexId | None = None
    source_prefix: str = ""
    file_pattern: str = "*"
    recursive: bool = True
    created_at: Time | None = None
    started_at: Time | None = None
    completed_at: Time | None = None
    error_message: str | None = None
    progress: ImportJobProgress
    outputs: ImportOutputsPage = field(default_factory=ImportOutputsPage)
    execution: ImportExecution = ImportExecution()
    video_ids: Annotated[list[VideoId], Meta(description="Media on the first page of outputs that are ready.")] = field(
        default_factory=list
    )
    failed_files: list[FailedFile] = field(default_factory=list)
    failed_files_next_cursor: str | None = None
    skipped_files: list[SkippedFile] = field(default_factory=list)


class UploadedVideo(Shape):
    """The media item of an upload, at once."""

    video_id: VideoId
    title: str
    video_uri: StorageUri
    status: MediaStatus
    message: str = "The upload was accepted."
    media_type: MediaType = "video"
    duration_seconds: float | None = None
    thumbnail_gcs_uri: StorageUri | None = None
    thumbnail_uri: PlayUrl | None = None
    thumbnail_available: bool = False
    created_at: Time | None = None


class UploadDestination(Shape):
    """Where an upload went."""

    type: Literal["index", "playground"]
    index_id: IndexId | None = None
    index_name: str | None = None
    index_created: bool = False


class UploadJob(ImportJob):
    """The import job of an upload or a registration; older clients find the media item in the flat fields."""

    created_at: Time
    video: UploadedVideo
    destination: UploadDestination
    video_id: VideoId
    title: str
    video_uri: StorageUri
    message: str = "The upload was accepted."
    media_type: MediaType = "video"
    duration_seconds: float | None = None
    thumbnail_gcs_uri: StorageUri | None = None
    thumbnail_uri: PlayUrl | None = None
    thumbnail_available: bool = False


class CreateImportJob(Body):
    """What to import, and where to."""

    connector_id: ConnectorId
    index_id: IndexId
    source_prefix: PathPrefix = ""
    file_pattern: GlobPattern = "*"
    recursive: bool = True
    import_mode_override: Annotated[ImportMode, Meta(description="Instead of the connector's mode.")] | None = None


class AttachmentFile(Body):
    """A file to fetch by URL."""

    download_url: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=8192,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            examples=["https://files.example.com/clip.mp4?signature=abc"],
        ),
    ]
    file_id: Annotated[str, Meta(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]+$")]
    file_name: Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$")] | None = None
    mime_type: (
        Annotated[
            str,
            Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="Not needed: a file says what it is."),
        ]
        | None
    ) = None


class ImportAttachments(Body):
    """Files to fetch; without an index they go to the playground."""

    files: Annotated[list[AttachmentFile], Meta(min_length=1, max_length=1000)]
    index_id: IndexId | None = None
    index_name: IndexName | None = None
    title: Title | None = None


class RetryImportJob(Body):
    """Fresh URLs for what is unfinished; absent where the old ones still work."""

    files: Annotated[list[AttachmentFile], Meta(max_length=1000)] | None = None
