"""The wire's words for outcomes; there are three vocabularies, for segments, media items and runs."""

from __future__ import annotations

from typing import Any

from videovector_core.runs.model import Outcome, RunStatus, SegmentResult

_AS_RUN = {
    Outcome.PENDING: RunStatus.PENDING,
    Outcome.PROCESSING: RunStatus.PROCESSING,
    Outcome.SUCCESSFUL: RunStatus.COMPLETED,
    Outcome.PARTIAL: RunStatus.COMPLETED_WITH_FAILURES,
    Outcome.FAILED: RunStatus.FAILED,
    Outcome.CANCELLED: RunStatus.CANCELLED,
}


def segment_status(outcome: Outcome) -> str:
    """Return the word for a segment; what was cancelled was never done and shows as failed."""
    return "failed" if outcome in {Outcome.CANCELLED, Outcome.PARTIAL} else outcome.value


def video_level_status(outcome: Outcome) -> str:
    """Return the word for a result of a whole media item."""
    return "completed" if outcome is Outcome.SUCCESSFUL else outcome.value


def medium_status(outcome: Outcome) -> str:
    """Return the word for how far a run is with a media item."""
    return _AS_RUN[outcome].value


def succeeded(row: SegmentResult) -> dict[str, Any]:
    """Return which of the three operations succeeded; `None` when one was not asked for."""
    return {
        "field_extraction_succeeded": row.field_extraction,
        "transcription_succeeded": row.transcription,
        "image_embedding_succeeded": row.image_embedding,
    }
