"""Prompt runs: execute, follow, cancel, and what they cost."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    Amount,
    AudioSegmentation,
    IndexId,
    JsonObject,
    PromptId,
    RunId,
    RunStatus,
    SegmentId,
    Succeeded,
    Time,
    UserId,
    VideoId,
    VideoSegmentation,
)
from videovector_http.wire.markers import MarkerInfo
from videovector_http.wire.parts import Billed, RunSettings


class IndexTarget(Body, tag_field="type", tag="index"):
    """All eligible media of an index."""

    index_id: IndexId


class VideosTarget(Body, tag_field="type", tag="videos"):
    """Named media; with an index, all of them must lie in it."""

    video_ids: Annotated[list[VideoId], Meta(min_length=1, max_length=1000)]
    index_id: IndexId | None = None


class PlaygroundTarget(Body, tag_field="type", tag="playground"):
    """All media of the caller that lie in no index."""


Target: TypeAlias = IndexTarget | VideosTarget | PlaygroundTarget


class ExecutePrompt(RunSettings):
    """Start a run, or estimate one; what is absent comes from the prompt, then from the server."""

    prompt_id: PromptId
    target: Target
    max_model_calls: Annotated[int, Meta(ge=0, le=2**53, description="Cap on calls of models.")] | None = None
    max_cost: (
        Annotated[float, Meta(ge=0, description="Cap on their cost, in the currency of the server's prices.")] | None
    ) = None


class PromptRunStopState(Shape):
    """How far a cancellation has come; all null when none was asked for."""

    requested_at: Time | None = None
    requested_by: str | None = None
    mode: str | None = None
    observed_at: Annotated[Time, Meta(description="When the work noticed it.")] | None = None
    completed_at: Time | None = None


class PromptRun(Billed):
    """A run of a prompt over media."""

    run_id: RunId
    prompt_id: PromptId
    prompt_name: str
    prompt_type: Annotated[str, Meta(examples=["custom"])]
    executed_at: Time
    executed_by: UserId
    status: RunStatus
    run_context: Annotated[
        JsonObject, Meta(description="The target.", examples=[{"type": "index", "index_id": "idx_1"}])
    ]
    total_videos: int = 0
    completed_videos: int = 0
    failed_videos: int = 0
    partial_videos: int = 0
    cancelled_videos: int = 0
    total_audios: int = 0
    completed_audios: int = 0
    failed_audios: int = 0
    partial_audios: int = 0
    cancelled_audios: int = 0
    total_images: int = 0
    completed_images: int = 0
    failed_images: int = 0
    partial_images: int = 0
    cancelled_images: int = 0
    total_segments: int = 0
    completed_segments: int = 0
    field_extraction_failures: int = 0
    transcription_failures: int = 0
    image_embedding_failures: int = 0
    field_extraction_succeeded: Succeeded | None = None
    transcription_succeeded: Succeeded | None = None
    image_embedding_succeeded: Succeeded | None = None
    error_message: str | None = None
    video_segmentation_type: VideoSegmentation = "smart"
    audio_segmentation_type: AudioSegmentation = "content_aware"
    image_segmentation_type: str = "image"
    video_segment_duration: int | None = None
    audio_segment_duration: int | None = None
    created_new_segments: bool = False
    processing_model: str | None = None
    total_video_seconds: float = 0.0
    enable_transcription: bool = True
    enable_image_embedding: bool = True
    video_level_enabled: bool = False
    video_level_total_items: int = 0
    video_level_completed_items: int = 0
    video_level_failed_items: int = 0
    video_level_partial_items: int = 0
    stop_state: PromptRunStopState = PromptRunStopState()
    marker: MarkerInfo = MarkerInfo()


class PromptRunCostEstimate(Shape):
    """What a run would come to; nothing was started."""

    estimated_mt: Amount
    breakdown: JsonObject
    sufficient_balance: bool
    current_balance_mt: Amount


class LlmCall(Shape):
    """One call of a model, for debugging."""

    llm_call_id: str
    prompt_run_id: RunId | None = None
    prompt_id: PromptId | None = None
    video_id: VideoId | None = None
    segment_id: SegmentId | None = None
    user_id: UserId
    model: str
    purpose: Annotated[str, Meta(examples=["metadata_extraction"])]
    status: Annotated[str, Meta(examples=["success"])]
    input_tokens: int
    output_tokens: int
    total_tokens: int
    video_seconds: float
    segment_start_time: float | None = None
    segment_end_time: float | None = None
    prompt_text: str | None = None
    response_text: str | None = None
    schema_used: Annotated[str, Meta(description="The JSON Schema, as text.")] | None = None
    invoked_at: Time
    completed_at: Time | None = None
    created_at: Time | None = None
    duration_ms: int | None = None
    error_message: str | None = None
