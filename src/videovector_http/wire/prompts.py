"""Prompts: what is extracted from every segment, and from the whole."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    FieldPath,
    Instruction,
    JsonObject,
    JsonSchema,
    PromptId,
    Time,
    UserId,
)
from videovector_http.wire.markers import MarkerInfo
from videovector_http.wire.parts import RunSettings

PromptName: TypeAlias = Annotated[
    str, Meta(min_length=3, max_length=100, pattern=r"^[^\x00]*$", examples=["Scene extractor"])
]
PromptDescription: TypeAlias = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$")]
PromptText: TypeAlias = Annotated[
    str,
    Meta(
        min_length=10,
        max_length=5000,
        pattern=r"^[^\x00]*$",
        description="Instructions for every segment.",
        examples=["Extract the requested fields from this media segment."],
    ),
]
Paths: TypeAlias = Annotated[list[FieldPath], Meta(max_length=500)]
SelectionFilter: TypeAlias = Annotated[
    JsonObject | list[Any], Meta(description="Which results belong to the `filtered` stream; filter conditions.")
]


class PromptVideoLevelConfig(Shape):
    """The synthesis over all segments of a media item."""

    instructions_text: str
    json_schema: JsonSchema
    included_segment_fields: list[str] = field(default_factory=list)


class PromptSemanticIndexingConfig(Shape):
    """Field paths that are kept out of the vectors."""

    disabled_segment_fields: list[str] = field(default_factory=list)
    disabled_video_level_fields: list[str] = field(default_factory=list)


class Prompt(Shape):
    """A stored prompt."""

    prompt_id: PromptId
    user_id: UserId
    name: str
    description: str
    prompt_text: str
    json_schema: JsonSchema
    video_level: PromptVideoLevelConfig | None = None
    semantic_indexing: PromptSemanticIndexingConfig = field(default_factory=PromptSemanticIndexingConfig)
    is_active: bool = True
    created_at: Time
    execution_config: JsonObject | None = None
    selection_filter: SelectionFilter | None = None
    marker: MarkerInfo = MarkerInfo()


class PromptDefinition(Shape):
    """The fields of a new prompt."""

    name: str
    description: str
    prompt_text: str
    json_schema: JsonSchema
    video_level: PromptVideoLevelConfig | None = None
    semantic_indexing: PromptSemanticIndexingConfig = field(default_factory=PromptSemanticIndexingConfig)
    execution_config: JsonObject | None = None
    selection_filter: SelectionFilter | None = None


class PromptDraft(PromptDefinition):
    """The definition of a prompt that is not saved: the fields of a new prompt, and how they came about."""

    drafted_by: Annotated[str, Meta(description="The model, or `template` without one.", examples=["template"])]
    notes: Annotated[list[str], Meta(description="What was not understood, or not taken over.")]


class PromptListResponse(Shape):
    """All prompts that the caller may use."""

    prompts: list[Prompt]
    total_count: int
    active_count: int


class TestSchemaResponse(Shape):
    """Whether the sample fits the schema; a misfit is an answer, not an error."""

    valid: bool
    validated_data: JsonObject | None = None
    error: str | None = None
    message: str


class PromptUsageStats(Shape):
    """Whether a prompt can be deleted safely."""

    prompt_id: PromptId
    name: str
    is_active: bool
    is_in_use: Annotated[bool, Meta(description="A run refers to it.")]
    created_at: Time
    schema_properties_count: int


class VideoLevelBody(Body):
    """The synthesis over all segments, as sent; replaced as a whole."""

    instructions_text: Annotated[str, Meta(min_length=1, max_length=12000, pattern=r"^[^\x00]*$")]
    json_schema: JsonSchema
    included_segment_fields: Annotated[
        Paths, Meta(description="Segment paths to read; also `transcription` and `metadata_text`.")
    ] = field(default_factory=list)


class SemanticIndexingBody(Body):
    """What to keep out of the vectors, as sent; replaced as a whole."""

    disabled_segment_fields: Paths = field(default_factory=list)
    disabled_video_level_fields: Paths = field(default_factory=list)


class ExecutionConfig(RunSettings):
    """Processing settings that runs inherit where they name none."""


class NewPrompt(Body):
    """What to extract, and in which shape."""

    name: PromptName
    description: PromptDescription = ""
    prompt_text: PromptText
    json_schema: JsonSchema
    video_level: VideoLevelBody | None = None
    semantic_indexing: SemanticIndexingBody | None = None


class CreatePrompt(NewPrompt):
    """A new prompt."""

    execution_config: ExecutionConfig | None = None
    selection_filter: SelectionFilter | None = None


class ChangedPrompt(Body):
    """What to replace of what is extracted; what is absent stays, and the flag removes."""

    name: PromptName | UnsetType = UNSET
    description: PromptDescription | UnsetType = UNSET
    prompt_text: PromptText | UnsetType = UNSET
    json_schema: JsonSchema | UnsetType = UNSET
    video_level: VideoLevelBody | UnsetType = UNSET
    semantic_indexing: SemanticIndexingBody | UnsetType = UNSET
    clear_video_level: bool = False


class UpdatePrompt(ChangedPrompt):
    """The fields to replace; what is absent stays, and the two flags remove."""

    execution_config: ExecutionConfig | UnsetType = UNSET
    selection_filter: SelectionFilter | UnsetType = UNSET
    clear_selection_filter: bool = False


class TestSchema(Body):
    """A schema and a sample to try on it."""

    json_schema: JsonObject
    sample_data: Any


class GeneratePrompt(Body):
    """What to extract, in plain words; the draft is not saved."""

    instruction: Instruction
    existing_draft: Annotated[JsonObject, Meta(description="A draft to improve.")] | None = None
