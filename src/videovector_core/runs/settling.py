"""Ending a run: media that are done, media-level results, points that the engine has yet to learn, the outcome.

A run has one settling item for as long as it lives. It is poked when something may have ended, and looks by itself from
time to time, so a lost poke costs seconds. A run is called completed only when the engine knows all its points and its
results lie in the files that SQL reads.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from attrs import evolve, field, frozen

from videovector_core.errors import VideoVectorError
from videovector_core.events.model import NewEvent
from videovector_core.ports import Begin, Clock
from videovector_core.runs.model import (
    SEARCHABLE,
    Outcome,
    Run,
    RunCounts,
    RunMedium,
    RunStatus,
    advance,
    may_become,
    medium_outcome,
    run_outcome,
)
from videovector_core.runs.pipeline import (
    MEDIUM,
    SEGMENT,
    SYNTHESIS,
    VECTORS,
    PipelineTx,
    conclude_medium,
    settle,
    synthesis_work,
)
from videovector_core.runs.tables import TablesTx, is_written, tables_work
from videovector_core.runs.vectors import Relay
from videovector_core.work import Lease, NewWork, WorkItem

LOOK_SECONDS: Final = 5.0
RIPE: Final = 100
TELL_EVERY: Final = timedelta(seconds=10)
"""How long a run that goes on is quiet between two words of its progress."""

_EVENTS: Final = {
    RunStatus.COMPLETED: "prompt_run.completed",
    RunStatus.COMPLETED_WITH_FAILURES: "prompt_run.partial_completed",
    RunStatus.FAILED: "prompt_run.failed",
    RunStatus.CANCELLED: "prompt_run.cancelled",
}


def vectors_work(user_id: str, run_id: str) -> NewWork:
    """Ask for the engine to be told what it is owed for a run; it is tried until it works."""
    return NewWork(VECTORS, user_id, run_id, {"run_id": run_id}, max_attempts=1_000_000)


class SettlingTx(PipelineTx, TablesTx, Protocol):
    """The slice of a transaction that the end of a run touches."""


@frozen
class Settling:
    """Handlers that bring a run to its end."""

    begin: Begin[SettlingTx]
    clock: Clock
    relay: Relay
    columnar: bool = False
    """Whether results are also written as files that SQL reads."""
    _told: dict[str, tuple[datetime, int]] = field(factory=dict, init=False, repr=False)
    """When this process last told how far a run is, and how many of its segments had ended then."""

    async def settle(self, work: WorkItem, lease: Lease[SettlingTx]) -> None:
        """Take the run one step further, and look again later unless it has ended."""
        async with self.begin() as tx:
            run = await tx.runs.get(work.user_id, work.payload["run_id"])
        if run is None:
            return
        await self._observe_stop(run, lease)
        while await self._ripe(run, lease):
            lease.progress()
        if not await self._ended(run, lease):
            await self._tell_progress(run, lease)
            await lease.postpone(LOOK_SECONDS)
        else:
            self._told.pop(run.run_id, None)

    async def _tell_progress(self, run: Run, lease: Lease[SettlingTx]) -> None:
        """Tell how far a run is, when it went on since that was told last."""
        now, (at, before) = self.clock.now(), self._told.get(run.run_id, (run.executed_at, 0))
        if run.terminal or run.stopping or now - at < TELL_EVERY:
            return
        async with lease.step() as tx:
            counts = (await tx.runs.counts([run.run_id]))[run.run_id]
            ended = sum(count for outcome, count in counts.segments.items() if outcome.final)
            if ended > before:
                await tx.events.append(run.user_id, [run_event("prompt_run.progress", run, counts)])
        self._told[run.run_id] = (now, ended)

    async def vectors(self, work: WorkItem, lease: Lease[SettlingTx]) -> None:
        """Tell the engine everything it is owed for a run."""
        run_id = work.payload["run_id"]
        while await self.relay.pay(run_id):
            lease.progress()
        async with lease.commit() as tx:
            run = await tx.runs.get(work.user_id, run_id)
            if run is not None:
                await tx.work.add([settle(run)])

    async def settle_lost(self, tx: SettlingTx, work: WorkItem, _: VideoVectorError) -> None:
        """A look that failed for good is asked for anew: a run must end."""
        run = await tx.runs.lock(work.payload["run_id"])
        if run is not None and not run.terminal:
            await tx.work.add([settle(run, delay=60)])

    async def _observe_stop(self, run: Run, lease: Lease[SettlingTx]) -> None:
        if not run.stopping or run.terminal:
            return
        now = self.clock.now()
        async with lease.step() as tx:
            current = await tx.runs.lock(run.run_id)
            if current is not None and current.stop_observed_at is None:
                await tx.runs.save(evolve(current, stop_observed_at=now))
            await tx.work.drop(MEDIUM, prefix=f"{run.run_id}/")
            await tx.work.drop(SEGMENT, prefix=f"{run.run_id}/")
            await tx.work.drop(SYNTHESIS, prefix=f"{run.run_id}/")
            in_hand = await tx.work.pending(SEGMENT, prefix=f"{run.run_id}/")
            in_hand += await tx.work.pending(MEDIUM, prefix=f"{run.run_id}/")
            if not in_hand:
                await tx.results.cancel_pending(run.run_id, now)
                await tx.runs.cancel_media(run.run_id, now)

    async def _ripe(self, run: Run, lease: Lease[SettlingTx]) -> bool:
        """Finish media whose segments are all done; say whether to look for more."""
        async with lease.step() as tx:
            ripe = await tx.runs.ripe(run.run_id, limit=RIPE)
            finished = 0
            for medium in ripe:
                finished += await self._finish(tx, run, medium)
        return finished == RIPE

    async def _finish(self, tx: SettlingTx, run: Run, medium: RunMedium) -> bool:
        if run.prompt.video_level is not None and not run.stopping:
            level = await tx.results.video_result(run.run_id, medium.video_id)
            if level is None:
                # asked for again while it is under way, it would be done once more, even after it was given up
                work = synthesis_work(run, medium.video_id)
                if not await tx.work.pending(work.kind, prefix=work.key):
                    await tx.work.add([work])
                return False
        outcomes = await tx.results.outcomes(run.run_id, medium.video_id)
        done = evolve(medium, status=medium_outcome(outcomes), completed_at=self.clock.now())
        await tx.runs.save_medium(done)
        await conclude_medium(tx, run, done, self.clock)
        return True

    async def written(self, tx: SettlingTx, work: WorkItem) -> None:
        """Call a run ended that waited for its files only."""
        run = await tx.runs.get(work.user_id, work.payload["run_id"])
        counts = await self._final_counts(tx, run) if run is not None else None
        if run is not None and counts is not None:
            await self._conclude(tx, run, counts)

    async def unwritten(self, tx: SettlingTx, work: WorkItem, _: VideoVectorError) -> None:
        """Call a run ended whose files were given up: the first query will have to write them."""
        await self.written(tx, work)

    async def _ended(self, run: Run, lease: Lease[SettlingTx]) -> bool:
        async with self.begin() as tx:
            counts = await self._final_counts(tx, run)
            if counts is None or await self._awaits_files(tx, run, counts):
                return False
        async with lease.commit() as tx:
            await self._conclude(tx, run, counts)
        return True

    async def _final_counts(self, tx: SettlingTx, run: Run) -> RunCounts | None:
        """Return how the media of a run ended, `None` while any is under way or the engine is owed something."""
        counts = (await tx.runs.counts([run.run_id]))[run.run_id]
        if _open(counts) or await tx.results.unfinished(run.run_id):
            return None
        if await tx.embeddings.debt(run.run_id):
            await tx.work.add([vectors_work(run.user_id, run.run_id)])
            return None
        return counts

    async def _awaits_files(self, tx: SettlingTx, run: Run, counts: RunCounts) -> bool:
        """Ask for files that queries will look for. A run waits for its first ones; a repaired one has ended before."""
        if not self.columnar or run_outcome(run, counts) not in SEARCHABLE or await is_written(tx.tables, run):
            return False
        work = tables_work(run)
        if run.searchable or not await tx.work.pending(work.kind, prefix=work.key):
            await tx.work.add([work])
        return not run.searchable

    async def _conclude(self, tx: SettlingTx, run: Run, counts: RunCounts) -> None:
        current = await tx.runs.lock(run.run_id)
        if current is None or current.status is RunStatus.CANCELLED:
            return
        outcome = run_outcome(current, counts)
        if outcome is current.status or not may_become(current.status, outcome):
            return
        now = self.clock.now()
        stopped = now if outcome is RunStatus.CANCELLED else current.stop_completed_at
        told = None if outcome is RunStatus.COMPLETED else current.error_message
        if outcome is RunStatus.FAILED and told is None:
            told = "No segment of the run has a result; see failed-segments."
        ended = evolve(
            current,
            status=advance(current.status, outcome),
            completed_at=now,
            stop_completed_at=stopped,
            error_message=told,
        )
        await tx.runs.save(ended)
        await tx.calls.abandon(run.run_id, None, now)
        await tx.events.append(run.user_id, [run_event(_EVENTS[outcome], ended, counts)])


def run_event(kind: str, run: Run, counts: RunCounts) -> NewEvent:
    """Tell how a run stands."""
    about: dict[str, Any] = {
        "run_id": run.run_id,
        "prompt_id": run.prompt_id,
        "index_id": run.index_id,
        "status": run.status.value,
        "counters": {
            "total_media": counts.total_media,
            "total_segments": counts.total_segments,
            "successful_segments": counts.segments.get(Outcome.SUCCESSFUL, 0),
            "failed_segments": counts.segments.get(Outcome.FAILED, 0),
            "cancelled_segments": counts.segments.get(Outcome.CANCELLED, 0),
        },
    }
    return NewEvent(kind, about, run.run_id, index_id=run.index_id)


def _open(counts: RunCounts) -> int:
    return sum(count for (_, outcome), count in counts.media.items() if not outcome.final)
