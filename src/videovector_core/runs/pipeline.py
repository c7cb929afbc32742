"""How one media item of a run is worked through.

    medium      decode -> cut -> transcribe -> plan one work item for each segment
    segment     gather evidence -> extract -> check (`videovector_core.runs.processing`) -> embed -> keep
    retry       the failed operations of a segment once more, after the run has ended
    synthesis   read the segments' results -> synthesise -> check -> embed -> keep (`videovector_core.runs.synthesis`)

The first three are methods of `Pipeline`. Each commits its whole outcome in one transaction under its lease.
`videovector_core.runs.settling` ends the run.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from attrs import evolve, frozen

from videovector_core.errors import VideoVectorError
from videovector_core.events.model import NewEvent
from videovector_core.events.ports import EventsTx
from videovector_core.media.model import MediaItem, MediaStatus
from videovector_core.media.ports import MediaTx
from videovector_core.models.ports import Transcript
from videovector_core.ports import Begin, Clock, Ids
from videovector_core.runs.evidence import Gatherer
from videovector_core.runs.extraction import ExtractionTx
from videovector_core.runs.model import (
    Outcome,
    Retry,
    Run,
    RunMedium,
    SegmentResult,
    failed_result,
    medium_outcome,
    planned,
)
from videovector_core.runs.planning import cut
from videovector_core.runs.processing import Processing, Stopped
from videovector_core.runs.vectors import Vectorizer, VectorsTx
from videovector_core.segments.cuts import Cut
from videovector_core.segments.model import Segment, SegmentSet
from videovector_core.segments.ports import SegmentsTx
from videovector_core.signals import MediaType
from videovector_core.usage import PROCESSED, SEGMENTS, Count
from videovector_core.work import Lease, NewWork, WorkItem, WorkTx, as_failure

MEDIUM: Final = "run.medium"
SEGMENT: Final = "run.segment"
SYNTHESIS: Final = "run.synthesis"
SETTLE: Final = "run.settle"
VECTORS: Final = "run.vectors"
RETRY: Final = "run.retry"

CUT_VERSION: Final = "1"
"""Rises when the same media are cut otherwise, so that older segments are not taken for those of the new cut."""


class PipelineTx(ExtractionTx, VectorsTx, MediaTx, SegmentsTx, EventsTx, WorkTx, Protocol):
    """The slice of a transaction that runs touch while they are worked on."""


def settle(run: Run, *, delay: float = 0.0) -> NewWork:
    """Ask for a look at whether the run is done."""
    return NewWork(SETTLE, run.user_id, run.run_id, {"run_id": run.run_id}, delay=delay, max_attempts=1_000_000)


def segment_work(run: Run, segment_id: str, video_id: str, *, max_attempts: int = 3) -> NewWork:
    """Ask for one segment of a run."""
    payload = {"run_id": run.run_id, "video_id": video_id, "segment_id": segment_id}
    return NewWork(SEGMENT, run.user_id, f"{run.run_id}/{segment_id}", payload, max_attempts=max_attempts)


def synthesis_work(run: Run, video_id: str) -> NewWork:
    """Ask for the media-level result of one item."""
    payload = {"run_id": run.run_id, "video_id": video_id}
    return NewWork(SYNTHESIS, run.user_id, f"{run.run_id}/{video_id}", payload)


@frozen
class Pipeline:
    """Handlers of a run's work items."""

    begin: Begin[PipelineTx]
    clock: Clock
    ids: Ids
    gatherer: Gatherer
    processing: Processing
    vectorizer: Vectorizer

    async def medium(self, work: WorkItem, lease: Lease[PipelineTx]) -> None:
        """Cut a media item and plan its segments."""
        run, item, medium = await self._loaded(work)
        await self._started(run, item, medium, lease)

        def beat(_: float) -> None:
            lease.progress()

        derived = await self.gatherer.derived(item, beat)
        transcript, spoken_error = await self._transcript(run, item, beat)
        segment_set, segments = await self._segments(run, item, derived.cuts, derived.duration, transcript)
        async with lease.commit() as tx:
            await still_there(tx, item)
            fresh = await tx.segments.add_set(segment_set, segments)
            if fresh:
                await tx.usage.count(run.user_id, [Count(SEGMENTS, len(segments))])
            else:
                segment_set = await tx.segments.find_set(item.video_id, segment_set.fingerprint) or segment_set
                segments = await tx.segments.page(segment_set.set_id, limit=1_000_000, after=None)
            results = [
                planned(run, medium, s.segment_id, ordinal=s.ordinal, start=s.start, end=s.end) for s in segments
            ]
            await tx.results.plan([evolve(result, transcription_error=spoken_error) for result in results])
            await tx.work.add([segment_work(run, segment.segment_id, item.video_id) for segment in segments])
            known = await tx.runs.medium(run.run_id, item.video_id) or medium
            await tx.runs.save_medium(
                evolve(
                    known,
                    set_id=segment_set.set_id,
                    total_segments=len(segments),
                    created_new_segments=fresh,
                    warning=derived.warning,
                )
            )

    async def medium_lost(self, tx: PipelineTx, work: WorkItem, error: VideoVectorError) -> None:
        """Mark a media item that could not be cut."""
        run = await tx.runs.lock(work.payload["run_id"])
        medium = await tx.runs.medium(work.payload["run_id"], work.payload["video_id"])
        if run is None or medium is None or medium.status.final:
            return
        outcome = Outcome.CANCELLED if error.code == "cancelled" else Outcome.FAILED
        failed = evolve(
            medium,
            status=outcome,
            error_code=error.code,
            error_message=error.message,
            completed_at=self.clock.now(),
        )
        await tx.runs.save_medium(failed)
        await tx.work.add([settle(run)])
        await conclude_medium(tx, run, failed, self.clock)

    async def segment(self, work: WorkItem, lease: Lease[PipelineTx]) -> None:
        """Find out what is in a segment and keep it."""
        run, item, medium = await self._loaded(work)
        async with self.begin() as tx:
            row = await tx.results.get(run.run_id, work.payload["segment_id"])
        if row is None or row.status.final:
            return
        result, frames = await self.processing.segment(run, item, row, lease, redo=None)
        points = await self.vectorizer.segment_points(run, item, result, frames)
        async with lease.commit() as tx:
            if await tx.media.get(run.user_id, item.video_id) is None:
                return
            await tx.results.save(result)
            await tx.embeddings.replace(run.run_id, result.segment_id, points)
            await tx.events.append(run.user_id, [segment_event(result, item)])
        await self._look(run, medium)

    async def segment_lost(self, tx: PipelineTx, work: WorkItem, error: VideoVectorError) -> None:
        """Mark a segment that was given up."""
        run_id, segment_id = work.payload["run_id"], work.payload["segment_id"]
        row = await tx.results.get(run_id, segment_id)
        run = await tx.runs.lock(run_id)
        if row is None or run is None or row.status.final:
            return
        now = self.clock.now()
        await tx.calls.abandon(run_id, segment_id, now)
        if error.code == "cancelled":
            lost = evolve(row, status=Outcome.CANCELLED, failure_code="cancelled", processed_at=now)
        else:
            lost = failed_result(row, code=error.code, message=error.message, now=now)
        await tx.results.save(lost)
        await tx.work.add([settle(run)])
        item = await tx.media.get(run.user_id, row.video_id)
        if item is not None:
            await tx.events.append(run.user_id, [segment_event(lost, item)])

    async def retry(self, work: WorkItem, lease: Lease[PipelineTx]) -> None:
        """Redo the failed operations of a segment of a finished run."""
        run, item, _ = await self._loaded(work, finished=True)
        segment_id, retry_id = work.payload["segment_id"], work.payload["retry_id"]
        async with lease.step() as tx:
            row = await tx.results.get(run.run_id, segment_id)
            repair = await tx.calls.retry(run.run_id, segment_id, retry_id)
            if row is None or repair is None or not repair.active:
                return
            await tx.calls.save_retry(evolve(repair, status="processing", started_at=self.clock.now()))
        result, frames = await self.processing.segment(run, item, row, lease, redo=row.failed_operations)
        points = await self.vectorizer.segment_points(run, item, result, frames)
        error = None if result.whole else result.failure_message or "An operation failed again."
        async with lease.commit() as tx:
            current = await still_there(tx, item)
            await tx.results.save(result)
            await tx.embeddings.replace(run.run_id, result.segment_id, points)
            ended = evolve(
                repair,
                status="failed" if error else "completed",
                error=error,
                started_at=repair.started_at or self.clock.now(),
                completed_at=self.clock.now(),
            )
            await tx.calls.save_retry(ended)
            medium = await tx.runs.medium(run.run_id, item.video_id)
            if medium is not None:
                outcomes = await tx.results.outcomes(run.run_id, item.video_id)
                lifted = evolve(medium, status=medium_outcome(outcomes))
                await tx.runs.save_medium(lifted)
                if lifted.status.good and current.status is MediaStatus.FAILED:
                    await tx.media.set_status(item.video_id, MediaStatus.PROCESSED, self.clock.now())
            if run.prompt.video_level is not None and not error:
                await tx.work.add([synthesis_work(run, item.video_id)])
            await tx.work.add([settle(run)])
            kind = "segment.retry.failed" if error else "segment.retry.completed"
            await tx.events.append(run.user_id, [evolve(segment_event(result, item), event_type=kind)])

    async def retry_lost(self, tx: PipelineTx, work: WorkItem, error: VideoVectorError) -> None:
        """Mark a repair that was given up; the segment stays as it was."""
        repair = await tx.calls.retry(work.payload["run_id"], work.payload["segment_id"], work.payload["retry_id"])
        if repair is not None and repair.active:
            now = self.clock.now()
            await tx.calls.save_retry(evolve(repair, status="failed", error=error.message, completed_at=now))
            await self._tell_lost(tx, repair)

    async def _tell_lost(self, tx: PipelineTx, repair: Retry) -> None:
        """Tell whoever follows the stream that a repair brought nothing."""
        result = await tx.results.get(repair.run_id, repair.segment_id)
        item = await tx.media.get(repair.user_id, repair.video_id)
        if result is not None and item is not None:
            told = evolve(segment_event(result, item), event_type="segment.retry.failed")
            await tx.events.append(repair.user_id, [told])

    async def _loaded(self, work: WorkItem, *, finished: bool = False) -> tuple[Run, MediaItem, RunMedium]:
        async with self.begin() as tx:
            run = await tx.runs.get(work.user_id, work.payload["run_id"])
            item = await tx.media.get(work.user_id, work.payload["video_id"])
            medium = await tx.runs.medium(work.payload["run_id"], work.payload["video_id"])
        if run is None or item is None or medium is None:
            raise Stopped("The run or its media were deleted meanwhile.")
        if run.stopping and not finished:
            raise Stopped("The run was asked to stop before this was begun.")
        return run, item, medium

    async def _started(self, run: Run, item: MediaItem, medium: RunMedium, lease: Lease[PipelineTx]) -> None:
        if medium.status is not Outcome.PENDING:
            return
        now = self.clock.now()
        async with lease.step() as tx:
            await tx.runs.save_medium(evolve(medium, status=Outcome.PROCESSING, started_at=now))
            await tx.media.set_status(item.video_id, MediaStatus.PROCESSING, now)
            about = {"video_id": item.video_id, "run_id": run.run_id, "index_id": item.index_id}
            event = NewEvent("media.processing.started", about, run.run_id, item.video_id, index_id=item.index_id)
            await tx.events.append(run.user_id, [event])

    async def _transcript(self, run: Run, item: MediaItem, beat: Any) -> tuple[Transcript | None, str | None]:
        """Return what is said where the cuts or the results need it; a failure is told with each segment."""
        if item.media_type is MediaType.IMAGE or not item.has_audio:
            return None, None
        if not run.enable_transcription and not run.segmentation.listens(item.media_type.value):
            return None, None
        try:
            return await self.gatherer.transcript(item, beat), None
        except VideoVectorError as error:
            if as_failure(error).transient:
                raise
            return None, error.message

    async def _segments(
        self, run: Run, item: MediaItem, cuts: tuple[Cut, ...], duration: float, transcript: Transcript | None
    ) -> tuple[SegmentSet, list[Segment]]:
        version = f"{CUT_VERSION}/{self.gatherer.decoder.version}"
        fingerprint = run.segmentation.fingerprint(item.media_type.value, version)
        async with self.begin() as tx:
            known = await tx.segments.find_set(item.video_id, fingerprint)
            if known is not None:
                return known, []
        slices = cut(run.segmentation, item.media_type, duration, cuts, transcript or Transcript())
        set_id = self.ids.new("segment_set")
        segments = [
            Segment(self.ids.new("segment"), set_id, run.user_id, item.video_id, place, start, end)
            for place, (start, end) in enumerate(slices)
        ]
        return (
            SegmentSet(set_id, run.user_id, item.video_id, fingerprint, self.clock.now(), len(segments)),
            segments,
        )

    async def _look(self, run: Run, medium: RunMedium) -> None:
        """Ask for a look at the run when this was the last segment of its media item.

        The look comes after the commit, so of two that end together at least the later one sees both; should the
        process die in between, the run's own regular look finds out.
        """
        async with self.begin() as tx:
            if not await tx.results.unfinished(run.run_id, medium.video_id):
                await tx.work.add([settle(run)])


async def still_there(tx: PipelineTx, item: MediaItem) -> MediaItem:
    """Return a media item as it is now; `Stopped` when it was deleted while it was worked on: nothing of it is kept."""
    current = await tx.media.get(item.user_id, item.video_id)
    if current is None:
        raise Stopped("The media were deleted meanwhile.")
    return current


def segment_event(result: SegmentResult, item: MediaItem) -> NewEvent:
    """Tell how a segment ended."""
    failed = result.status is not Outcome.SUCCESSFUL
    about = {
        "run_id": result.run_id,
        "video_id": result.video_id,
        "segment_id": result.segment_id,
        "status": result.status.value,
        "failed_operations": [operation.value for operation in result.failed_operations],
    }
    kind = "segment.processing.failed" if failed else "segment.processing.completed"
    return NewEvent(kind, about, result.run_id, result.video_id, result.segment_id, item.index_id)


async def conclude_medium(tx: PipelineTx, run: Run, medium: RunMedium, clock: Clock) -> None:
    """Note on the media item, and tell, how one of its runs ended."""
    item = await tx.media.get(run.user_id, medium.video_id)
    if item is None:
        return
    good = medium.status.good
    status = MediaStatus.PROCESSED if good else await _without(tx, run, medium)
    await tx.media.set_status(item.video_id, status, clock.now())
    if good:
        await tx.usage.count(run.user_id, [Count(PROCESSED)])
    about: dict[str, Any] = {
        "video_id": item.video_id,
        "run_id": run.run_id,
        "index_id": item.index_id,
        "total_segments": medium.total_segments,
        "outcome": medium.status.value,
    }
    if medium.error_message:
        about["error"] = {"code": medium.error_code, "message": medium.error_message}
    kind = "media.processing.completed" if good else "media.processing.failed"
    await tx.events.append(run.user_id, [NewEvent(kind, about, run.run_id, item.video_id, index_id=item.index_id)])


async def _without(tx: PipelineTx, run: Run, medium: RunMedium) -> MediaStatus:
    """Return the status of an item whose latest run gave nothing: an earlier good run still counts."""
    others = [m for m in await tx.runs.of_media(run.user_id, [medium.video_id]) if m.run_id != run.run_id]
    if any(other.status.good for other in others):
        return MediaStatus.PROCESSED
    return MediaStatus.NOT_PROCESSED if medium.status is Outcome.CANCELLED else MediaStatus.FAILED
