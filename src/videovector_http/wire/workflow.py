"""The short way: upload, define, process, search."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

from msgspec import UNSET, Meta, UnsetType, field

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    FieldPath,
    FilterOperator,
    FilterType,
    ImportJobId,
    IndexId,
    IndexName,
    Instruction,
    JsonObject,
    PromptId,
    ResultLevel,
    RunId,
    RunStatus,
    SearchMode,
    SegmentDuration,
    SegmentId,
    VideoId,
    VideoIds,
    VideoSegmentation,
)
from videovector_http.wire.envelopes import Page
from videovector_http.wire.media import UploadFields
from videovector_http.wire.parts import RunSettings
from videovector_http.wire.prompts import Prompt, PromptDefinition
from videovector_http.wire.runs import PromptRun
from videovector_http.wire.search import SearchResult

Row = TypeVar("Row")
"""`SegmentRunResult` or `PromptRunVideoResult`, by the level that was asked for."""
OneOrMoreVideos: TypeAlias = VideoIds | VideoId
OneOrMoreRuns: TypeAlias = Annotated[list[RunId], Meta(max_length=1000)] | RunId


class WorkflowUploadFields(UploadFields):
    """The text parts of an upload; an index that is named and missing is made."""

    index_name: IndexName | None = None


class DefinePrompt(Body):
    """What to extract, in plain words."""

    instruction: Instruction
    save: bool = True


class WorkflowPromptDefinition(PromptDefinition):
    """A drafted prompt."""


class WorkflowDefineResponse(Shape):
    """The draft, and the prompt when it was saved."""

    prompt_id: PromptId | None = None
    saved: bool
    definition: WorkflowPromptDefinition
    prompt: Prompt | None = None


class ProcessMedia(RunSettings):
    """Run a prompt: one that exists, or one drafted from an instruction. Without a target, the whole playground.

    Settings come in two vocabularies; where both are given, the one of `/prompt-runs/execute` wins.
    """

    prompt_id: PromptId | None = None
    prompt_instruction: Instruction | None = None
    import_job_id: ImportJobId | None = None
    video_ids: OneOrMoreVideos | None = None
    index_id: IndexId | None = None
    index_name: IndexName | None = None
    segmentation_mode: VideoSegmentation | None = None
    fixed_segment_duration_seconds: SegmentDuration | None = None
    advanced_transcription: bool | None = None
    create_image_embeddings: bool | None = None


class WorkflowProcessResponse(Shape):
    """The run that was started, and where to look."""

    prompt: Prompt
    run: PromptRun
    run_id: RunId
    status_url: Annotated[str, Meta(examples=["/api/v2/prompt-runs/run_123"])]
    results_url: Annotated[str, Meta(examples=["/api/v2/workflow/runs/run_123/results"])]
    prompt_created_inline: bool = False


class WorkflowFilter(Body, forbid_unknown_fields=True):
    """A condition; the type is read from the prompt's schema when it is absent."""

    field: FieldPath
    operator: FilterOperator = "equals"
    type: FilterType | None = None
    value: Annotated[Any, Meta(description="A scalar; absent for `is_empty` and `is_not_empty`.")] = UNSET


WorkflowQuery: TypeAlias = Annotated[
    str,
    Meta(
        max_length=2000,
        pattern=r"^[^\x00]*$",
        description="What to look for, in plain words.",
        examples=["reporter at station entrance"],
    ),
]


class WorkflowSearch(Body):
    """A query, conditions, or both; without a scope, the playground. An empty one of the two is none."""

    query: WorkflowQuery | None = None
    filters: Annotated[list[WorkflowFilter], Meta(max_length=4)] | None = None
    result_level: ResultLevel = "segment"
    limit: Annotated[int, Meta(ge=1, le=50)] = 10
    video_ids: OneOrMoreVideos | None = None
    prompt_run_ids: OneOrMoreRuns | None = None
    index_id: IndexId | None = None
    index_name: IndexName | None = None


class WorkflowPagination(Shape):
    """Where a page of a frozen ranking ends."""

    limit: int
    count: int = 0
    has_more: bool = False
    next_cursor: str | None = None
    result_window: Annotated[int, Meta(description="The ranking holds at most so many.")] = 100
    truncated: Annotated[bool, Meta(description="There was more than the ranking holds.")] = False


class WorkflowSearchResponse(Shape):
    """Page C: a page of a frozen ranking."""

    data: list[SearchResult] = field(default_factory=list)
    mode: SearchMode
    result_level: ResultLevel = "segment"
    scope: JsonObject = field(default_factory=dict)
    coverage: JsonObject = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    pagination: WorkflowPagination


class SelectionSummary(Shape):
    """What the prompt's selection picked."""

    status: Literal["none", "pending", "ready", "failed"]
    selected_media_count: int = 0
    selected_video_count: int = 0
    selected_segment_count: int = 0


class WorkflowRunResults(Shape, Generic[Row]):
    """Results of a run as two streams; one that was not asked for is absent, one that is not there yet is null."""

    run_id: RunId
    status: RunStatus
    result_level: ResultLevel
    selection_summary: SelectionSummary | None = None
    filtered: Page[Row] | UnsetType | None = UNSET
    unfiltered: Page[Row] | UnsetType | None = UNSET


class RequestMediaGrant(Body):
    """A file that somebody without a credential shall fetch."""

    video_id: VideoId
    intent: Literal["download"] = "download"
    run_id: RunId | None = None
    segment_id: SegmentId | None = None


class MediaGrant(Shape):
    """Where to fetch it."""

    url: Annotated[str, Meta(description="Absolute; needs no credential.")]
    filename: str
    mime_type: str
    video_id: VideoId
