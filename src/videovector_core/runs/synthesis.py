"""The media-level result: what the segments' results say together.

Evidence that does not fit into one question goes in consecutive parts, each of which gets a result of its own; the results
of the parts are then the evidence of the whole. Each answer is kept by content, so a repaired segment costs its part and
the whole, and not the other parts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from attrs import evolve, frozen

from videovector_core.errors import ProcessingFailed, VideoVectorError
from videovector_core.events.model import NewEvent
from videovector_core.fields import FieldPath, values
from videovector_core.media.model import MediaItem
from videovector_core.models.ports import SynthesisRequest
from videovector_core.ports import Begin, Clock, Ids
from videovector_core.prompts.model import VideoLevel
from videovector_core.prompts.render import metadata_text
from videovector_core.runs.extraction import Asker, Document, Question
from videovector_core.runs.model import Outcome, Run, SegmentResult, VideoResult
from videovector_core.runs.pipeline import PipelineTx, settle, still_there
from videovector_core.runs.processing import MODEL_SECONDS, Stopped, going_on
from videovector_core.runs.vectors import Vectorizer
from videovector_core.work import Lease, WorkItem

MAX_EVIDENCE: Final = 200_000
"""Characters of evidence in one request."""
LEAST_EVIDENCE: Final = 4_000
MAX_PARTS: Final = 40
"""Beyond these, evenly spaced segments are left out."""
_ROOM_FOR_REST: Final = 4_000
"""Tokens of a model's context that instructions, schema and answer may take."""
_OF_A_PART: Final = "This is part {place} of {total} of a longer medium; answer for this part alone."
_OF_PARTS: Final = (
    "The evidence are the results of {total} consecutive parts of one medium; combine them into one result."
)
PAGE: Final = 500
WHOLE: Final = "video_synthesis"
PART: Final = "video_synthesis_part"


@frozen
class Synthesis:
    """Handler of the media-level result."""

    begin: Begin[PipelineTx]
    clock: Clock
    ids: Ids
    asker: Asker
    vectorizer: Vectorizer

    async def handle(self, work: WorkItem, lease: Lease[PipelineTx]) -> None:
        """Make, or make anew, the result of a media item; unchanged evidence calls no model."""
        run, item, known = await self._loaded(work)
        level = run.prompt.video_level
        if level is None:
            return
        rows = await self._rows(run, item)
        good = [row for row in rows if row.status is Outcome.SUCCESSFUL]
        room = self._room(run)
        evidence, omitted = fitted([included(row, level) for row in good], room * MAX_PARTS, most=room)
        mark = fingerprint(level, evidence)
        if known is not None and known.fingerprint == mark and known.status is not Outcome.FAILED:
            return
        result = VideoResult(
            run.run_id,
            item.video_id,
            run.user_id,
            fingerprint=mark,
            omitted_segment_ids=[good[place].segment_id for place in omitted],
            successful_segments=len(good),
            failed_segments=len(rows) - len(good),
            attempt_id=self.ids.new("attempt"),
            started_at=self.clock.now(),
        )
        result = await self._synthesised(run, item, level, evidence, result, lease)
        points = await self.vectorizer.video_points(run, item, result)
        async with lease.commit() as tx:
            await still_there(tx, item)
            await self._keep(tx, run, item, result)
            await tx.embeddings.replace(run.run_id, item.video_id, points)
            await tx.work.add([settle(run)])

    async def lost(self, tx: PipelineTx, work: WorkItem, error: VideoVectorError) -> None:
        """Mark a media-level result that was given up."""
        run = await tx.runs.lock(work.payload["run_id"])
        item = await tx.media.get(work.user_id, work.payload["video_id"])
        if run is None:
            return
        if item is not None:
            now = self.clock.now()
            failed = VideoResult(run.run_id, item.video_id, run.user_id, Outcome.FAILED, completed_at=now)
            await self._keep(tx, run, item, evolve(failed, error_message=error.message))
            # an earlier result is replaced by the failure, so nothing may be found by its text any more
            await tx.embeddings.replace(run.run_id, item.video_id, [])
        await tx.work.add([settle(run)])

    async def _synthesised(
        self,
        run: Run,
        item: MediaItem,
        level: VideoLevel,
        evidence: Sequence[dict[str, Any]],
        result: VideoResult,
        lease: Lease[PipelineTx],
    ) -> VideoResult:
        if not evidence:
            why = "No segment of this media item has a result to synthesise from."
            return evolve(result, status=Outcome.FAILED, error_message=why, completed_at=self.clock.now())
        try:
            document = await self._whole(run, item, level, evidence, lease)
        except ProcessingFailed as error:
            if error.transient or isinstance(error, Stopped):
                raise
            why = error.message
            failed = evolve(result, status=Outcome.FAILED, error_message=why, llm_attempted=True)
            return evolve(failed, completed_at=self.clock.now())
        disabled = run.prompt.semantic_indexing.disabled_video_level_fields
        return evolve(
            result,
            status=Outcome.PARTIAL if result.failed_segments else Outcome.SUCCESSFUL,
            metadata=document.value,
            metadata_text=metadata_text(document.value, level.json_schema, disabled),
            raw_response=document.text,
            warning=document.warning,
            llm_attempted=True,
            prompt_chars=len(level.instructions_text) + len(json.dumps(evidence)),
            completed_at=self.clock.now(),
        )

    async def _whole(
        self, run: Run, item: MediaItem, level: VideoLevel, evidence: Sequence[dict[str, Any]], lease: Lease[PipelineTx]
    ) -> Document:
        """Synthesise in one question what fits into one, and otherwise in parts and then from the parts."""
        found, told = list(evidence), level.instructions_text
        while len(parts := parted(found, self._room(run))) > 1:
            total, results = len(parts), []
            for place, part in enumerate(parts, 1):
                instructions = f"{level.instructions_text}\n\n{_OF_A_PART.format(place=place, total=total)}"
                document = await self._asked(run, item, level, instructions, part, lease, purpose=PART)
                results.append({"start": part[0]["start"], "end": part[-1]["end"], **document.value})
            if len(json.dumps(results)) >= len(json.dumps(found)):
                raise ProcessingFailed(
                    "The results of the parts are no shorter than the parts; ask for less in video_level.json_schema.",
                    code="invalid_output",
                )
            found, told = results, f"{level.instructions_text}\n\n{_OF_PARTS.format(total=total)}"
        return await self._asked(run, item, level, told, found, lease, purpose=WHOLE)

    async def _asked(
        self,
        run: Run,
        item: MediaItem,
        level: VideoLevel,
        instructions: str,
        evidence: Sequence[dict[str, Any]],
        lease: Lease[PipelineTx],
        *,
        purpose: str,
    ) -> Document:
        question = Question(
            run=run,
            video_id=item.video_id,
            sha256=item.sha256,
            purpose=purpose,
            prompt_text=instructions,
            schema=level.json_schema,
            about={"evidence": fingerprint(level, evidence)},
            start=0.0 if purpose == WHOLE else evidence[0]["start"],
            end=item.duration if purpose == WHOLE else evidence[-1]["end"],
        )
        about = {"title": item.title}
        request = SynthesisRequest(instructions, level.json_schema, evidence, run.effective_model, metadata=about)

        async def may_call() -> None:
            lease.progress(MODEL_SECONDS)
            await going_on(self.begin, run)

        send = self.vectorizer.models.synthesizer.synthesize
        return await self.asker.ask(question, request, send, may_call=may_call)

    def _room(self, run: Run) -> int:
        """Return how many characters of evidence one question may have."""
        context = self.asker.pacing.table.terms_of(run.effective_model).context
        if context is None:
            return MAX_EVIDENCE
        return min(MAX_EVIDENCE, max(LEAST_EVIDENCE, (context - _ROOM_FOR_REST) * 2))

    async def _keep(self, tx: PipelineTx, run: Run, item: MediaItem, result: VideoResult) -> None:
        await tx.results.save_video_result(result)
        failed = result.status is Outcome.FAILED
        about = {"run_id": run.run_id, "video_id": item.video_id, "status": result.status.value}
        kind = "video_level.failed" if failed else "video_level.completed"
        await tx.events.append(run.user_id, [NewEvent(kind, about, run.run_id, item.video_id, index_id=item.index_id)])

    async def _loaded(self, work: WorkItem) -> tuple[Run, MediaItem, VideoResult | None]:
        async with self.begin() as tx:
            run = await tx.runs.get(work.user_id, work.payload["run_id"])
            item = await tx.media.get(work.user_id, work.payload["video_id"])
            known = await tx.results.video_result(work.payload["run_id"], work.payload["video_id"])
        if run is None or item is None or (run.stopping and not run.terminal):
            raise Stopped("The run was stopped or its media were deleted meanwhile.")
        return run, item, known

    async def _rows(self, run: Run, item: MediaItem) -> list[SegmentResult]:
        rows: list[SegmentResult] = []
        after = None
        while True:
            async with self.begin() as tx:
                page = await tx.results.page(run.run_id, item.video_id, limit=PAGE, after=after)
            rows += page
            if len(page) < PAGE:
                return rows
            after = (page[-1].ordinal,)


def included(row: SegmentResult, level: VideoLevel) -> dict[str, Any]:
    """Return the chosen fields of one segment with its times; without a choice, all of them and what is said."""
    wanted = level.included_segment_fields
    evidence: dict[str, Any] = {"start": round(row.start, 3), "end": round(row.end, 3)}
    if not wanted:
        return {**evidence, **row.document()}
    for path in wanted:
        if path == "transcription":
            found: list[Any] = [row.spoken] if row.spoken else []
        elif path == "metadata_text":
            found = [row.metadata_text] if row.metadata_text else []
        else:
            found = [instance.value for instance in values(row.metadata or {}, FieldPath.parse(path))]
        if found:
            evidence[path] = found if "[]" in path else found[0]
    return evidence


def fitted(
    evidence: Sequence[dict[str, Any]], room: int = MAX_EVIDENCE, *, most: int | None = None
) -> tuple[list[dict[str, Any]], list[int]]:
    """Leave out evenly spaced segments until the rest fits; never cut one in the middle. Return the places left out.

    A segment that alone is longer than `most` is left out too, unless it is the only one.
    """
    sizes = [len(json.dumps(piece)) for piece in evidence]
    usable = [place for place, size in enumerate(sizes) if most is None or size <= most] or list(range(len(sizes)))[:1]
    total = sum(sizes[place] for place in usable)
    keep = len(usable) if total <= room else max(1, int(len(usable) * room / total))
    while True:
        places = (
            sorted({usable[round(i * (len(usable) - 1) / max(1, keep - 1))] for i in range(keep)}) if usable else []
        )
        if sum(sizes[place] for place in places) <= room or keep <= 1:
            left_out = [place for place in range(len(evidence)) if place not in set(places)]
            return [evidence[place] for place in places], left_out
        keep = max(1, int(keep * 0.9))


def parted(evidence: Sequence[dict[str, Any]], room: int) -> list[list[dict[str, Any]]]:
    """Split evidence into consecutive parts that fit, of about equal size; a piece that is too long is a part alone."""
    sizes = [len(json.dumps(piece)) + 2 for piece in evidence]
    count = max(1, -(-sum(sizes) // room))
    goal = sum(sizes) / count
    parts: list[list[dict[str, Any]]] = []
    filled = 0
    for piece, size in zip(evidence, sizes, strict=True):
        if not parts or filled + size > room or (filled >= goal and len(parts) < count):
            parts.append([])
            filled = 0
        parts[-1].append(piece)
        filled += size
    return parts


def fingerprint(level: VideoLevel, evidence: Sequence[dict[str, Any]]) -> str:
    """Hash the contract and the evidence: the same mark means the same question."""
    text = json.dumps([level.instructions_text, level.json_schema, list(evidence)])
    return hashlib.sha256(text.encode()).hexdigest()
