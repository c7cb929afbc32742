"""Finding out what is in one segment: its evidence, its fields, the vectors of its frames. Each fails by itself."""

from __future__ import annotations

from typing import Final, Protocol

from attrs import evolve, frozen

from videovector_core.errors import ProcessingFailed, VideoVectorError
from videovector_core.media.model import MediaItem
from videovector_core.models.ports import Evidence, ExtractionRequest
from videovector_core.ports import Begin, Clock, Ids
from videovector_core.prompts.render import metadata_text
from videovector_core.runs.batching import Place
from videovector_core.runs.evidence import FrameVectors, Gatherer, spoken
from videovector_core.runs.extraction import Document, ExtractionTx, Question
from videovector_core.runs.model import Operation, Outcome, Run, SegmentResult, repairable
from videovector_core.runs.together import SegmentAsker
from videovector_core.signals import MediaType
from videovector_core.work import Lease, WorkTx, as_failure

MODEL_SECONDS: Final = 300.0
"""How long a model call may take before its work item loses its lease.

The deadline of a model on this machine is shorter: it is killed when it hangs.
"""


class ProcessingTx(ExtractionTx, WorkTx, Protocol):
    """The slice of a transaction that work on a segment touches."""


class Stopped(ProcessingFailed):
    """The run was asked to stop, or is gone: what is left of it is not done."""

    default_code = "cancelled"


@frozen
class Processing:
    """Does the operations of a segment."""

    begin: Begin[ExtractionTx]
    clock: Clock
    ids: Ids
    gatherer: Gatherer
    asker: SegmentAsker

    async def segment(
        self,
        run: Run,
        item: MediaItem,
        row: SegmentResult,
        lease: Lease[ProcessingTx],
        *,
        redo: tuple[Operation, ...] | None,
    ) -> tuple[SegmentResult, FrameVectors]:
        """Do the operations of a segment. `redo` names those that an earlier try left undone."""
        attempt = self.ids.new("attempt")
        result = evolve(row, attempt_id=attempt, status=Outcome.PROCESSING, failure_code=None, failure_message=None)
        with self.asker.coming(run, item.video_id, row.end - row.start) as place:
            evidence, result = await self._gathered(run, item, result, lease)
            if redo is None or {Operation.FIELD_EXTRACTION, Operation.PROCESSING} & set(redo):
                result = await self._extracted(run, item, result, evidence, lease, place)
        frames, result = await self._seen(run, item, result, lease)
        disabled = run.prompt.semantic_indexing.disabled_segment_fields
        text = metadata_text(result.metadata or {}, run.prompt.json_schema, disabled, result.spoken)
        status = Outcome.SUCCESSFUL if result.field_extraction else Outcome.FAILED
        stage = next((operation.value for operation in result.failed_operations), None)
        return (
            evolve(result, metadata_text=text, status=status, failure_stage=stage, processed_at=self.clock.now()),
            frames,
        )

    async def _gathered(
        self, run: Run, item: MediaItem, result: SegmentResult, lease: Lease[ProcessingTx]
    ) -> tuple[Evidence, SegmentResult]:
        listens = run.enable_transcription and self.gatherer.models.transcriber is not None
        speech = listens and item.media_type is not MediaType.IMAGE and item.has_audio
        error = None
        lease.progress(MODEL_SECONDS)
        try:
            evidence = await self.gatherer.evidence(item, result.start, result.end, speech=speech)
        except VideoVectorError as failure:
            if not speech or isinstance(failure, Stopped) or as_failure(failure).transient:
                raise
            evidence = await self.gatherer.evidence(item, result.start, result.end, speech=False)
            error = failure.message
        if not speech:
            return evidence, evolve(result, transcription=None, transcription_error=None)
        said = spoken(evidence.transcript)
        return evidence, evolve(result, transcription=error is None, transcription_error=error, spoken=said)

    async def _extracted(
        self,
        run: Run,
        item: MediaItem,
        result: SegmentResult,
        evidence: Evidence,
        lease: Lease[ProcessingTx],
        place: Place | None,
    ) -> SegmentResult:
        question = _question(run, item, result, evidence)
        request = ExtractionRequest(run.prompt.prompt_text, run.prompt.json_schema, evidence, run.effective_model)
        try:
            document = await self._asked(question, request, lease, place)
        except ProcessingFailed as error:
            if error.transient or isinstance(error, Stopped):
                raise
            return _unfilled(result, error)
        return _filled(result, document)

    async def _asked(
        self, question: Question, request: ExtractionRequest, lease: Lease[ProcessingTx], place: Place | None
    ) -> Document:
        async def may_call() -> None:
            lease.progress(MODEL_SECONDS)
            await going_on(self.begin, question.run)

        send = self.gatherer.models.extractor.extract
        return await self.asker.ask(question, request, send, may_call=may_call, place=place)

    async def _seen(
        self, run: Run, item: MediaItem, result: SegmentResult, lease: Lease[ProcessingTx]
    ) -> tuple[FrameVectors, SegmentResult]:
        wanted = run.enable_image_embedding and item.media_type is not MediaType.AUDIO
        if not wanted or self.gatherer.models.images is None:
            return FrameVectors(), evolve(result, image_embedding=None, image_embedding_error=None)
        lease.progress(MODEL_SECONDS)
        try:
            frames = await self.gatherer.frame_vectors(item, result.start, result.end)
        except VideoVectorError as error:
            if as_failure(error).transient:
                raise
            return FrameVectors(), evolve(result, image_embedding=False, image_embedding_error=error.message)
        return frames, evolve(result, image_embedding=True, image_embedding_error=None)


async def going_on(begin: Begin[ExtractionTx], run: Run) -> None:
    """Raise `Stopped` when the run is gone or was asked to stop: nothing more of it is sent to a model."""
    async with begin() as tx:
        now = await tx.runs.get(run.user_id, run.run_id)
    if now is None or (now.stopping and not now.terminal):
        raise Stopped("The run was asked to stop before this was sent to a model.")


def _question(run: Run, item: MediaItem, result: SegmentResult, evidence: Evidence) -> Question:
    return Question(
        run=run,
        video_id=item.video_id,
        sha256=item.sha256,
        purpose="metadata_extraction",
        prompt_text=run.prompt.prompt_text,
        schema=run.prompt.json_schema,
        about={
            "speech": result.transcription,
            "pictures": [picture.time for picture in evidence.pictures],
            "title": item.title,
        },
        segment_id=result.segment_id,
        start=result.start,
        end=result.end,
    )


def _filled(result: SegmentResult, document: Document) -> SegmentResult:
    return evolve(
        result,
        field_extraction=True,
        field_extraction_error=None,
        metadata=document.value,
        warning=document.warning,
        retryable=None,
    )


def _unfilled(result: SegmentResult, error: ProcessingFailed) -> SegmentResult:
    return evolve(
        result,
        field_extraction=False,
        field_extraction_error=error.message,
        failure_code=error.code,
        failure_message=error.message,
        retryable=repairable(error.code),
    )
