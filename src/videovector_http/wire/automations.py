"""Standing orders of an index: import what appears, export what is finished."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    AudioSegmentation,
    ConnectorId,
    DebounceInterval,
    ExportId,
    GlobPattern,
    ImportJobId,
    IndexId,
    PathPrefix,
    PromptId,
    RunId,
    SubPath,
    Time,
    VideoSegmentation,
)
from videovector_http.wire.parts import RunSettings


class PromptPresetBody(RunSettings):
    """The prompt to run on what was imported, and how."""

    prompt_id: PromptId


class PutImportAutomation(Body):
    """Watch a place and import what appears there."""

    enabled: bool = True
    paused: bool = False
    connector_id: ConnectorId
    source_prefix: PathPrefix = ""
    file_pattern: GlobPattern = "*"
    recursive: bool = True
    debounce_interval: DebounceInterval = "10m"
    prompt_preset: PromptPresetBody


class PutExportAutomation(Body):
    """Export every run that finishes."""

    enabled: bool = True
    paused: bool = False
    destination_connector_id: ConnectorId
    destination_subpath: SubPath | None = None


class PromptPreset(Shape):
    """The settings as they were saved; `stale` when the prompt has changed since."""

    prompt_id: PromptId
    prompt_name: str | None = None
    stale: bool = False
    video_segmentation_type: VideoSegmentation | None = None
    audio_segmentation_type: AudioSegmentation | None = None
    video_segment_duration: int | None = None
    audio_segment_duration: int | None = None
    processing_model: str | None = None
    enable_transcription: bool | None = None
    enable_image_embedding: bool | None = None


class ImportAutomation(Shape):
    """The import order of an index."""

    index_id: IndexId
    enabled: bool
    paused: bool
    connector_id: ConnectorId
    source_prefix: str = ""
    file_pattern: str = "*"
    recursive: bool = True
    debounce_interval: DebounceInterval
    prompt_preset: PromptPreset
    created_at: Time
    updated_at: Time
    last_run_at: Time | None = None
    last_check_at: Time | None = None
    next_check_at: Time | None = None
    last_job_id: ImportJobId | None = None
    last_prompt_run_id: RunId | None = None
    consecutive_failures: int = 0
    last_error: Annotated[str, Meta(description="Why the last round failed.")] | None = None


class ExportAutomation(Shape):
    """The export order of an index."""

    index_id: IndexId
    enabled: bool
    paused: bool
    destination_connector_id: ConnectorId
    destination_subpath: str | None = None
    created_at: Time
    updated_at: Time
    last_run_at: Time | None = None
    last_export_id: ExportId | None = None
    consecutive_failures: int = 0
    last_error: Annotated[str, Meta(description="Why the last round failed.")] | None = None


class AutomationCycle(Shape):
    """One time that an order was carried out."""

    cycle_id: Annotated[str, Meta(description="Id of the cycle.", examples=["cycle_12"])]
    index_id: IndexId
    kind: Annotated[Literal["import", "export"], Meta(description="Which order it was.")]
    status: Literal["running", "completed", "failed"]
    started_at: Time
    completed_at: Time | None = None
    job_id: ImportJobId | None = None
    run_id: RunId | None = None
    export_id: ExportId | None = None
    error: Annotated[str, Meta(description="Why it failed.")] | None = None
