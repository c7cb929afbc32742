"""Runs: their states, their media, their results, and how outcomes add up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from attrs import evolve, field, frozen

from videovector_core.errors import Conflict
from videovector_core.prompts.model import Prompt
from videovector_core.segments.model import Segmentation
from videovector_core.signals import MediaType


class RunStatus(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    COMPLETED_WITH_FAILURES = "completed_with_failures"
    FAILED = "failed"
    CANCELLED = "cancelled"


SEARCHABLE: Final = (RunStatus.COMPLETED, RunStatus.COMPLETED_WITH_FAILURES)

_ENDS: Final = {RunStatus.COMPLETED, RunStatus.COMPLETED_WITH_FAILURES, RunStatus.FAILED, RunStatus.CANCELLED}
_NEXT: Final = {
    RunStatus.PENDING: {RunStatus.PROCESSING, *_ENDS},
    RunStatus.PROCESSING: _ENDS,
    # A repaired segment lifts an outcome; nothing lowers one.
    RunStatus.FAILED: {RunStatus.COMPLETED_WITH_FAILURES, RunStatus.COMPLETED},
    RunStatus.COMPLETED_WITH_FAILURES: {RunStatus.COMPLETED},
}


def may_become(now: RunStatus, to: RunStatus) -> bool:
    """Say whether the table of states allows a change."""
    return to in _NEXT.get(now, set())


def advance(now: RunStatus, to: RunStatus) -> RunStatus:
    """The only place a run changes state; staying is no change."""
    if to is not now and not may_become(now, to):
        raise Conflict(f"A {now.value} run cannot become {to.value}.", code="conflict_run_terminal")
    return to


class Outcome(StrEnum):
    """Where one media item, or one segment, of a run stands."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESSFUL = "successful"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self not in {Outcome.PENDING, Outcome.PROCESSING}

    @property
    def good(self) -> bool:
        """Whether there is something to show for it."""
        return self in {Outcome.SUCCESSFUL, Outcome.PARTIAL}


class Operation(StrEnum):
    """What is done to a segment; each succeeds or fails by itself."""

    FIELD_EXTRACTION = "field_extraction"
    TRANSCRIPTION = "transcription"
    IMAGE_EMBEDDING = "image_embedding"
    PROCESSING = "processing"
    """Whatever comes before and around the three: decoding, cutting, storage."""


@frozen
class StopState:
    """The life of a wish to stop."""

    requested_at: datetime | None = None
    requested_by: str | None = None
    mode: str | None = None
    observed_at: datetime | None = None
    completed_at: datetime | None = None


def _segmentation(value: Segmentation | Mapping[str, Any]) -> Segmentation:
    return value if isinstance(value, Segmentation) else Segmentation(**value)


def _prompt(value: Prompt | Mapping[str, Any]) -> Prompt:
    return value if isinstance(value, Prompt) else Prompt(**value)


@frozen
class Run:
    """One prompt on one frozen target with explicit settings. `prompt` is the definition as it was at the start."""

    run_id: str
    user_id: str
    prompt_id: str
    prompt: Prompt = field(converter=_prompt)
    target: dict[str, Any]
    segmentation: Segmentation = field(converter=_segmentation)
    executed_at: datetime
    executed_by: str
    status: RunStatus = field(default=RunStatus.PENDING, converter=RunStatus)
    index_id: str | None = None
    processing_model: str | None = None
    effective_model: str = "local"
    enable_transcription: bool = True
    enable_image_embedding: bool = True
    total_seconds: float = 0.0
    max_calls: int | None = None
    """Calls of models that it may make at the most; `None` is no cap."""
    max_cost: float | None = None
    """What its calls may cost at the most, in the currency of the operator's prices."""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error_message: str | None = None
    stop_requested_at: datetime | None = None
    stop_requested_by: str | None = None
    stop_observed_at: datetime | None = None
    stop_completed_at: datetime | None = None
    deleted: bool = False

    @property
    def capped(self) -> bool:
        """Whether what it spends is counted against a cap."""
        return self.max_calls is not None or self.max_cost is not None

    @property
    def terminal(self) -> bool:
        """Whether it has ended."""
        return self.status in _ENDS

    @property
    def searchable(self) -> bool:
        """Whether its results take part in search."""
        return self.status in SEARCHABLE

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for it to stop."""
        return self.stop_requested_at is not None

    @property
    def stop_state(self) -> StopState:
        """The wish to stop, as the public surface shows it."""
        mode = "cooperative" if self.stopping else None
        return StopState(
            self.stop_requested_at, self.stop_requested_by, mode, self.stop_observed_at, self.stop_completed_at
        )


@frozen
class RunMedium:
    """One media item of a run. `set_id` names its segments once they are cut."""

    run_id: str
    video_id: str
    user_id: str
    media_type: MediaType = field(converter=MediaType)
    ordinal: int
    duration: float = 0.0
    status: Outcome = field(default=Outcome.PENDING, converter=Outcome)
    set_id: str | None = None
    total_segments: int = 0
    created_new_segments: bool = False
    error_code: str | None = None
    error_message: str | None = None
    warning: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


@frozen
class SegmentResult:
    """What one run found in one segment. Of the three outcomes, `None` means not asked for or not applicable."""

    run_id: str
    segment_id: str
    video_id: str
    user_id: str
    ordinal: int
    start: float
    end: float
    status: Outcome = field(default=Outcome.PENDING, converter=Outcome)
    field_extraction: bool | None = None
    transcription: bool | None = None
    image_embedding: bool | None = None
    field_extraction_error: str | None = None
    transcription_error: str | None = None
    image_embedding_error: str | None = None
    failure_code: str | None = None
    failure_stage: str | None = None
    failure_message: str | None = None
    retryable: bool | None = None
    metadata: dict[str, Any] | None = None
    metadata_text: str = ""
    spoken: str = ""
    """What is said in the segment."""
    warning: str | None = None
    attempt_id: str | None = None
    processed_at: datetime | None = None

    @property
    def result_id(self) -> str:
        """The id of this result in search and lists."""
        return f"segment:{self.segment_id}:{self.run_id}"

    @property
    def failed_operations(self) -> tuple[Operation, ...]:
        """Which operations failed; `processing` when it failed before any of the three was tried."""
        named = {
            Operation.FIELD_EXTRACTION: self.field_extraction,
            Operation.TRANSCRIPTION: self.transcription,
            Operation.IMAGE_EMBEDDING: self.image_embedding,
        }
        failed = tuple(operation for operation, outcome in named.items() if outcome is False)
        return failed or ((Operation.PROCESSING,) if self.status is Outcome.FAILED else ())

    @property
    def whole(self) -> bool:
        """Whether everything that was asked for succeeded."""
        return self.status is Outcome.SUCCESSFUL and not self.failed_operations

    def document(self) -> dict[str, Any]:
        """Return the extracted fields together with what is said."""
        spoken = {"transcription": self.spoken} if self.transcription is not None else {}
        return {**(self.metadata or {}), **spoken}


@frozen
class VideoResult:
    """What one run says about a whole media item."""

    run_id: str
    video_id: str
    user_id: str
    status: Outcome = field(default=Outcome.PENDING, converter=Outcome)
    metadata: dict[str, Any] = field(factory=dict)
    metadata_text: str = ""
    raw_response: str | None = None
    warning: str | None = None
    error_message: str | None = None
    fingerprint: str | None = None
    omitted_segment_ids: list[str] = field(factory=list)
    successful_segments: int = 0
    failed_segments: int = 0
    prompt_chars: int = 0
    llm_attempted: bool = False
    attempt_id: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def result_id(self) -> str:
        """The id of this result in search and lists."""
        return f"video:{self.video_id}:{self.run_id}"


@frozen
class LlmCall:
    """One call of a model, kept before it is made: a call whose worker died shows as `abandoned`."""

    llm_call_id: str
    user_id: str
    run_id: str
    prompt_id: str
    video_id: str
    segment_id: str | None
    model: str
    purpose: str
    invoked_at: datetime
    status: str = "started"
    input_tokens: int = 0
    output_tokens: int = 0
    media_seconds: float = 0.0
    segment_start: float | None = None
    segment_end: float | None = None
    prompt_text: str | None = None
    response_text: str | None = None
    schema_used: str | None = None
    completed_at: datetime | None = None
    error_message: str | None = None


@frozen
class Spent:
    """What a capped run has spent on calls of models so far."""

    run_id: str
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0

    def plus(self, other: Spent) -> Spent:
        """Add what one call came to."""
        return Spent(
            self.run_id,
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost + other.cost,
        )


@frozen
class Retry:
    """One repair of one failed segment of a finished run."""

    retry_id: str
    run_id: str
    video_id: str
    segment_id: str
    user_id: str
    created_at: datetime
    status: str = "pending"
    idempotency_key: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: str | None = None

    @property
    def active(self) -> bool:
        """Whether it is still under way."""
        return self.status in {"pending", "processing"}


@frozen
class RunCounts:
    """How a run stands, counted from its rows: media by kind and outcome, segments by outcome, failures by operation."""

    media: dict[tuple[MediaType, Outcome], int] = field(factory=dict)
    segments: dict[Outcome, int] = field(factory=dict)
    field_extraction_failures: int = 0
    transcription_failures: int = 0
    image_embedding_failures: int = 0
    incomplete_segments: int = 0
    """Segments in which something that was asked for failed."""
    video_level: dict[Outcome, int] = field(factory=dict)
    created_new_segments: bool = False

    @property
    def total_segments(self) -> int:
        """All segments known so far."""
        return sum(self.segments.values())

    @property
    def total_media(self) -> int:
        """All media of the run."""
        return sum(self.media.values())

    def of(self, media_type: MediaType, *outcomes: Outcome) -> int:
        """Count media of a kind with any of the outcomes; with none named, all."""
        return sum(
            count
            for (kind, outcome), count in self.media.items()
            if kind is media_type and (not outcomes or outcome in outcomes)
        )


def run_outcome(run: Run, counts: RunCounts) -> RunStatus:
    """Decide how a run ended (semantics 7.1).

    Everything that was asked for succeeded: completed. Some segment has its fields but anything failed: completed with
    failures. No segment has its fields: failed. Asked to stop: cancelled, whatever was finished.
    """
    if run.stopping:
        return RunStatus.CANCELLED
    cancelled = counts.segments.get(Outcome.CANCELLED, 0) + sum(
        count for (_, outcome), count in counts.media.items() if outcome is Outcome.CANCELLED
    )
    flawed = (
        counts.incomplete_segments
        or counts.segments.get(Outcome.FAILED, 0)
        or cancelled
        or sum(n for (_, outcome), n in counts.media.items() if outcome in {Outcome.FAILED, Outcome.PARTIAL})
        or sum(counts.video_level.get(outcome, 0) for outcome in (Outcome.FAILED, Outcome.PARTIAL))
    )
    if not flawed:
        return RunStatus.COMPLETED
    return RunStatus.COMPLETED_WITH_FAILURES if counts.segments.get(Outcome.SUCCESSFUL, 0) else RunStatus.FAILED


def medium_outcome(outcomes: Mapping[tuple[Outcome, bool], int]) -> Outcome:
    """Decide how a media item ended from how many of its segments ended how, and whether they are whole."""
    kinds = {outcome for outcome, _ in outcomes}
    if Outcome.CANCELLED in kinds:
        return Outcome.CANCELLED
    if Outcome.SUCCESSFUL not in kinds:
        return Outcome.FAILED
    return Outcome.SUCCESSFUL if set(outcomes) == {(Outcome.SUCCESSFUL, True)} else Outcome.PARTIAL


def planned(run: Run, medium: RunMedium, segment_id: str, *, ordinal: int, start: float, end: float) -> SegmentResult:
    """Make the row of a segment that waits for its turn."""
    return SegmentResult(run.run_id, segment_id, medium.video_id, run.user_id, ordinal, start, end)


def repairable(code: str) -> bool:
    """Whether doing a failed segment once more may help; what cannot be decoded stays so."""
    return code != "media_decode_error"


def failed_result(result: SegmentResult, *, code: str, message: str, now: datetime) -> SegmentResult:
    """Mark a segment that could not be processed at all; what an earlier attempt found stays."""
    return evolve(
        result,
        status=Outcome.FAILED,
        field_extraction=False,
        field_extraction_error=message,
        failure_code=code,
        failure_stage=Operation.FIELD_EXTRACTION.value,
        failure_message=message,
        retryable=repairable(code),
        processed_at=now,
    )
