"""What is told of a run while it goes on, and of a repair that nobody could carry out."""

from __future__ import annotations

import asyncio

from attrs import define, field

from tests.runs.test_outcomes import Room, Scripted
from videovector_core.errors import ProcessingFailed
from videovector_core.events.model import EventFilter
from videovector_core.runs.settling import TELL_EVERY


@define
class Holding(Scripted):
    """A model that answers the first segments and keeps the last one waiting."""

    let_go: asyncio.Event = field(factory=asyncio.Event)

    async def extract(self, request):
        """Wait for the last one."""
        if request.evidence.start >= 20:
            await self.let_go.wait()
        return await super().extract(request)


async def told(room, *names):
    """Return the events of these names."""
    wanted = EventFilter(event_types=frozenset(names))
    async with room.vv.begin() as tx:
        return await tx.events.after(room.caller.user_id, 0, wanted=wanted, limit=100)


async def test_progress_is_told_while_a_run_goes_on():
    """A run that takes longer than the pause tells how many of its segments have ended, once as long as nothing changes."""
    async with Room(Holding()) as room:
        run_id = await room.run()
        while len(await told(room, "segment.processing.completed")) < 2:
            await asyncio.sleep(0.01)
        assert not await told(room, "prompt_run.progress")
        while not (seen := await told(room, "prompt_run.progress")):
            room.vv.ports.clock.time.advance(TELL_EVERY.total_seconds())
            await asyncio.sleep(0.05)
        for _ in range(5):
            room.vv.ports.clock.time.advance(TELL_EVERY.total_seconds())
            await asyncio.sleep(0.05)
        assert await told(room, "prompt_run.progress") == seen
        payload = seen[0].payload
        assert (payload["run_id"], payload["status"]) == (run_id, "processing")
        assert (payload["counters"]["successful_segments"], payload["counters"]["total_segments"]) == (2, 3)
        room.model.let_go.set()
        await room.ended(run_id)


async def test_a_repair_that_is_given_up_is_told():
    """Whoever waits for the end of a repair hears of it, though no worker lived to say so."""
    async with Room(Scripted(bad={10.0})) as room:
        view = await room.ended(await room.run())
        failed = (await room.rows(view.run.run_id))[1]
        room.stop.set()
        await room.engine
        retry = await room.vv.runs.retry(room.caller, view.run.run_id, room.video, failed.segment_id)
        async with room.vv.begin() as tx:
            (item,) = await tx.work.claim({"run.retry": 1}, seconds=30)
            await room.vv.kinds["run.retry"].give_up(tx, item, ProcessingFailed("it died", code="worker_lost"))
        (seen,) = await told(room, "segment.retry.failed")
        assert (seen.segment_id, seen.payload["failed_operations"]) == (failed.segment_id, ["field_extraction"])
        assert retry.retry_id
