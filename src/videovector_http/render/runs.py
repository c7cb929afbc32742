"""Runs and the model calls they made."""

from __future__ import annotations

from videovector_core.runs.model import LlmCall, Outcome, RunCounts
from videovector_core.runs.service import RunView
from videovector_core.signals import MediaType
from videovector_http.render.reader import Reader
from videovector_http.wire import runs as wire
from videovector_http.wire.convert import out

_PLURALS = {MediaType.VIDEO: "videos", MediaType.AUDIO: "audios", MediaType.IMAGE: "images"}
_OUTCOMES: dict[str, tuple[Outcome, ...]] = {
    "total": (),
    "completed": (Outcome.SUCCESSFUL,),
    "failed": (Outcome.FAILED,),
    "partial": (Outcome.PARTIAL,),
    "cancelled": (Outcome.CANCELLED,),
}


def run(view: RunView, reader: Reader) -> wire.PromptRun:
    """Write a run with its counters."""
    run, counts = view.run, view.counts
    level = counts.video_level
    return out(
        run,
        wire.PromptRun,
        prompt_name=run.prompt.name,
        prompt_type="default" if run.prompt.is_system else "custom",
        run_context=run.target,
        **_media_counters(counts),
        **_operations(view),
        total_segments=counts.total_segments,
        completed_segments=counts.segments.get(Outcome.SUCCESSFUL, 0),
        video_segmentation_type=run.segmentation.video.value,
        audio_segmentation_type=run.segmentation.audio.value,
        video_segment_duration=run.segmentation.video_seconds,
        audio_segment_duration=run.segmentation.audio_seconds,
        created_new_segments=counts.created_new_segments,
        processing_model=run.processing_model or run.effective_model,
        total_video_seconds=run.total_seconds,
        video_level_enabled=run.prompt.video_level is not None,
        video_level_total_items=counts.total_media if run.prompt.video_level is not None else 0,
        video_level_completed_items=level.get(Outcome.SUCCESSFUL, 0),
        video_level_failed_items=level.get(Outcome.FAILED, 0),
        video_level_partial_items=level.get(Outcome.PARTIAL, 0),
        marker=reader.marker("prompt_run", run.run_id),
    )


def _media_counters(counts: RunCounts) -> dict[str, int]:
    return {
        f"{word}_{plural}": counts.of(kind, *which)
        for word, which in _OUTCOMES.items()
        for kind, plural in _PLURALS.items()
    }


def _operations(view: RunView) -> dict[str, int | bool | None]:
    """Return how often each operation failed; once the run is over, also whether each that was asked for succeeded."""
    run, counts = view.run, view.counts
    asked = {
        "transcription": (run.enable_transcription, counts.transcription_failures),
        "image_embedding": (run.enable_image_embedding, counts.image_embedding_failures),
        "field_extraction": (True, counts.field_extraction_failures),
    }
    failures = {f"{name}_failures": failed for name, (_, failed) in asked.items()}
    flags = {
        f"{name}_succeeded": failed == 0 if run.terminal and wanted else None
        for name, (wanted, failed) in asked.items()
    }
    return {**failures, **flags}


def llm_call(call: LlmCall) -> wire.LlmCall:
    """Write a model call."""
    took = call.completed_at - call.invoked_at if call.completed_at else None
    return out(
        call,
        wire.LlmCall,
        prompt_run_id=call.run_id,
        total_tokens=call.input_tokens + call.output_tokens,
        video_seconds=call.media_seconds,
        segment_start_time=call.segment_start,
        segment_end_time=call.segment_end,
        created_at=call.invoked_at,
        duration_ms=round(took.total_seconds() * 1000) if took else None,
    )
