"""Operations fail on their own, outcomes add up, and one segment can be repaired."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from attrs import define, evolve, field

from videovector_adapters import memory
from videovector_adapters.memory.models import Echo, ToyTranscriber, WordHashes, toy
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_core.errors import Conflict, ProcessingFailed, Unavailable
from videovector_core.media.model import MediaStatus
from videovector_core.models.bundle import Models
from videovector_core.models.ports import Extraction
from videovector_core.runs.model import Operation, Outcome, Retry, RunStatus, SegmentResult
from videovector_core.runs.service import Target
from videovector_core.search.service import Where
from videovector_core.testing.storage import stream

SCHEMA = {"type": "object", "properties": {"headline": {"type": "string"}, "count": {"type": "integer"}}}
LEVEL = {"instructions_text": "Sum it up.", "json_schema": SCHEMA, "included_segment_fields": ["headline"]}


@define
class Scripted(Echo):
    """A model that answers by script: `bad` seconds get an answer that does not fit, `busy` ones fail for a while."""

    bad: set[float] = field(factory=set)
    busy: dict[float, int] = field(factory=dict)
    seen: list[float] = field(factory=list)

    async def extract(self, request):
        start = request.evidence.start
        self.seen.append(start)
        if self.busy.get(start, 0) > 0:
            self.busy[start] -= 1
            raise ProcessingFailed("the model is busy", code="rate_limited", transient=True, retry_after=0.01)
        if start in self.bad:
            return Extraction(json.dumps({"headline": "x", "count": "many"}), "toy")
        return await super().extract(request)


@define
class Deaf(ToyTranscriber):
    """A transcriber whose weights are not there."""

    async def transcribe(self, audio, *, beat=None):
        raise Unavailable("The weights are not here.", code="model_unavailable")


class Room:
    """One application, its owner, an index with a clip, and a prompt."""

    def __init__(self, model=None, transcriber=None):
        self.model = model or Scripted()
        models = Models(self.model, self.model, WordHashes(), transcriber=transcriber or ToyTranscriber())
        self.vv = VideoVector(memory.ports(models=models))

    async def __aenter__(self):
        vv = self.vv
        self.caller = Caller((await vv.access.ensure_user("owner")).user_id)
        self.index = await vv.indexes.create(self.caller, name="films")
        clip = toy(duration=30, cuts=[10, 20], speech=[[1, 4, "hello there"], [12, 15, "movable type"]])
        view = await vv.imports.upload(self.caller, stream(clip), file_name="a", index_id=self.index.index_id)
        self.video = view.items[0].video_id
        self.prompt = await vv.prompts.create(
            self.caller, name="Scene", prompt_text="Describe the scene.", json_schema=SCHEMA, video_level=LEVEL
        )
        self.stop = asyncio.Event()
        self.engine = asyncio.create_task(vv.engine().run(self.stop))
        return self

    async def __aexit__(self, *_):
        self.stop.set()
        await self.engine

    async def run(self):
        target = Target("index", self.index.index_id)
        return (await self.vv.runs.execute(self.caller, prompt_id=self.prompt.prompt_id, target=target)).run.run_id

    async def ended(self, run_id):
        while not (view := await self.vv.runs.get(self.caller, run_id)).run.terminal:
            await asyncio.sleep(0.01)
        return view

    async def rows(self, run_id):
        _, _, page = await self.vv.runs.results(self.caller, run_id, self.video, limit=100, after=None)
        return page.items


async def test_a_bad_answer_fails_its_segment_alone():
    """Two answers that do not fit fail one segment with the field and the reason; the others are kept."""
    async with Room(Scripted(bad={10.0})) as room:
        view = await room.ended(await room.run())
        assert view.run.status is RunStatus.COMPLETED_WITH_FAILURES
        assert room.model.seen.count(10.0) == 2
        rows = await room.rows(view.run.run_id)
        assert [row.status for row in rows] == [Outcome.SUCCESSFUL, Outcome.FAILED, Outcome.SUCCESSFUL]
        assert rows[1].failed_operations == (Operation.FIELD_EXTRACTION,)
        assert rows[1].failure_code == "invalid_output"
        assert "count" in rows[1].field_extraction_error
        assert view.counts.segments == {Outcome.SUCCESSFUL: 2, Outcome.FAILED: 1}
        _, failed, media = await room.vv.runs.failures(room.caller, view.run.run_id)
        assert [row.segment_id for row in failed] == [rows[1].segment_id]
        assert not media
        _, _, level = await room.vv.runs.video_result(room.caller, view.run.run_id, room.video)
        assert (level.status, level.successful_segments, level.failed_segments) == (Outcome.PARTIAL, 2, 1)
        calls = await room.vv.runs.calls(room.caller, view.run.run_id)
        assert sorted(call.status for call in calls).count("invalid_output") == 2


async def test_a_busy_model_is_asked_again():
    """A transient failure is retried and leaves no trace in the outcome."""
    async with Room(Scripted(busy={0.0: 2})) as room:
        view = await room.ended(await room.run())
        assert view.run.status is RunStatus.COMPLETED
        assert room.model.seen.count(0.0) == 3


async def test_a_missing_model_fails_its_operation_alone():
    """Without weights for speech the fields are extracted, and every segment says what failed."""
    async with Room(transcriber=Deaf()) as room:
        view = await room.ended(await room.run())
        assert view.run.status is RunStatus.COMPLETED_WITH_FAILURES
        rows = await room.rows(view.run.run_id)
        assert all(row.field_extraction and row.transcription is False for row in rows)
        assert "weights" in rows[0].transcription_error


async def test_a_repair_lifts_the_run():
    """Repairing the only failed segment redoes it alone, re-synthesises, and completes the run."""
    async with Room(Scripted(bad={10.0})) as room:
        view = await room.ended(await room.run())
        run_id = view.run.run_id
        row = (await room.rows(run_id))[1]
        room.model.bad.clear()
        before = len(room.model.seen)
        vv, caller = room.vv, room.caller
        retries = await asyncio.gather(*(vv.runs.retry(caller, run_id, room.video, row.segment_id) for _ in range(20)))
        assert len({retry.retry_id for retry in retries}) == 1
        while (await vv.runs.retry_status(caller, run_id, room.video, row.segment_id, retries[0].retry_id))[0].active:
            await asyncio.sleep(0.01)
        while (view := await vv.runs.get(caller, run_id)).run.status is not RunStatus.COMPLETED:
            await asyncio.sleep(0.01)
        assert room.model.seen[before:] == [10.0]
        assert view.counts.segments == {Outcome.SUCCESSFUL: 3}
        _, _, level = await vv.runs.video_result(caller, run_id, room.video)
        assert (level.status, level.failed_segments) == (Outcome.SUCCESSFUL, 0)
        hits = await vv.search.text(caller, "movable type", Where(room.index.index_id))
        assert hits[0].result.segment_id == row.segment_id
        with pytest.raises(Conflict) as refused:
            await vv.runs.retry(caller, run_id, room.video, row.segment_id)
        assert refused.value.code == "conflict_segment_not_failed"


async def test_a_repair_lifts_the_media_item():
    """A media item of which a run found nothing has failed, and is processed once a repair found something."""
    async with Room(Scripted(bad={0.0, 10.0, 20.0})) as room:
        view = await room.ended(await room.run())
        assert view.run.status is RunStatus.FAILED
        assert (await room.vv.media.get(room.caller, room.video)).status is MediaStatus.FAILED
        row = (await room.rows(view.run.run_id))[1]
        room.model.bad.clear()
        where = (room.caller, view.run.run_id, room.video, row.segment_id)
        retry = await room.vv.runs.retry(*where)
        while (await room.vv.runs.retry_status(*where, retry.retry_id))[0].active:
            await asyncio.sleep(0.01)
        assert (await room.vv.media.get(room.caller, room.video)).status is MediaStatus.PROCESSED


async def test_a_repair_that_ends_while_another_is_asked_for_is_not_done_again():
    """Rows are read one after the other, and between any two of them the active repair may end."""
    async with Room(Scripted(bad={10.0})) as room:
        view = await room.ended(await room.run())
        row = (await room.rows(view.run.run_id))[1]
        where = (room.caller, view.run.run_id, room.video, row.segment_id)
        room.stop.set()
        await room.engine
        first = await room.vv.runs.retry(*where)

        def begin():
            return Interrupted(room.vv.begin(), first, row)

        again = await evolve(room.vv.runs, begin=begin).retry(*where)
        assert again.retry_id == first.retry_id


@define(slots=False)
class Interrupted:
    """A transaction in which the repair `first` of `row` ends as soon as the row was read."""

    inner: AbstractAsyncContextManager[Any]
    first: Retry
    row: SegmentResult

    async def __aenter__(self):
        self.tx = await self.inner.__aenter__()
        self.results = self
        return self

    async def __aexit__(self, *ended):
        return await self.inner.__aexit__(*ended)

    def __getattr__(self, name):
        return getattr(self.tx, name)

    async def get(self, run_id, segment_id):
        found = await self.tx.results.get(run_id, segment_id)
        await self.tx.calls.save_retry(evolve(self.first, status="completed"))
        await self.tx.results.save(evolve(self.row, status=Outcome.SUCCESSFUL, field_extraction=True))
        return found


async def test_a_cancelled_run_calls_no_model_any_more():
    """After a cancel nothing new is asked of a model, the run ends as cancelled, and is not searched."""
    started, gate = asyncio.Event(), asyncio.Event()

    @define
    class Slow(Scripted):
        async def extract(self, request):
            started.set()
            await gate.wait()
            return await super().extract(request)

    async with Room(Slow()) as room:
        run_id = await room.run()
        await started.wait()
        view = await room.vv.runs.cancel(room.caller, run_id)
        assert view.run.stopping
        again = await room.vv.runs.cancel(room.caller, run_id)
        assert again.run.stop_requested_at == view.run.stop_requested_at
        gate.set()
        view = await room.ended(run_id)
        assert view.run.status is RunStatus.CANCELLED
        asked = len(room.model.seen)
        await asyncio.sleep(0.05)
        assert len(room.model.seen) == asked
        assert await room.vv.search.text(room.caller, "hello", Where(room.index.index_id)) == []
        with pytest.raises(Conflict):
            await room.vv.runs.cancel(room.caller, run_id)


async def test_an_unchanged_run_asks_nothing_twice():
    """A second run of the same prompt over the same media calls no model and embeds nothing, with equal results."""
    async with Room() as room:
        first = await room.ended(await room.run())
        asked, embedded = room.model.calls, room.vv.ports.models.text.calls
        second = await room.ended(await room.run())
        assert (room.model.calls, room.vv.ports.models.text.calls) == (asked, embedded)
        before, after = await room.rows(first.run.run_id), await room.rows(second.run.run_id)
        assert [row.metadata for row in before] == [row.metadata for row in after]
        assert [row.segment_id for row in before] == [row.segment_id for row in after]
        assert not second.counts.created_new_segments
