"""Media-level results of long media: in parts where the evidence does not fit, and each part paid for once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from tests.runs.test_outcomes import Room, Scripted
from videovector_adapters import memory
from videovector_adapters.memory.models import ToyTranscriber, WordHashes, toy
from videovector_core.app import VideoVector
from videovector_core.errors import ProcessingFailed
from videovector_core.models.bundle import Models
from videovector_core.models.table import ModelTable, Terms
from videovector_core.runs.model import Outcome
from videovector_core.runs.pipeline import SYNTHESIS, synthesis_work
from videovector_core.runs.service import Target
from videovector_core.runs.synthesis import LEAST_EVIDENCE, PART, WHOLE, fitted, parted
from videovector_core.testing.storage import stream
from videovector_core.vectors.ports import PointKind
from videovector_core.vectors.rows import point_id
from videovector_core.work import WorkItem, WorkState

PIECES = st.lists(st.integers(1, 3000).map(lambda size: {"start": 0, "end": 1, "text": "x" * size}), max_size=60)


@given(PIECES, st.integers(50, 5000))
def test_parts_are_all_the_evidence_in_order(evidence: list[dict[str, Any]], room: int):
    """Joined, the parts are the evidence; each fits, unless it is a single piece that is too long; none is empty."""
    parts = parted(evidence, room)
    assert [piece for part in parts for piece in part] == evidence
    for part in parts:
        assert part
        assert sum(len(json.dumps(piece)) + 2 for piece in part) <= room or len(part) == 1


@given(PIECES, st.integers(50, 5000), st.none() | st.integers(50, 3000))
def test_what_is_left_out_is_told(evidence: list[dict[str, Any]], room: int, most: int | None):
    """What is kept fits and is in order, and what is left out is exactly the rest; something is always kept."""
    kept, omitted = fitted(evidence, room, most=most)
    rest = [piece for place, piece in enumerate(evidence) if place not in set(omitted)]
    assert kept == rest
    assert bool(kept) == bool(evidence)
    assert sum(len(json.dumps(piece)) for piece in kept) <= room or len(kept) == 1


@define
class Chronicler(Scripted):
    """A model that keeps every synthesis that it was asked for."""

    asked: list[Any] = field(factory=list)

    async def synthesize(self, request):
        self.asked.append(request)
        return await super().synthesize(request)


class Archive(Room):
    """A room with one long talk, whose evidence does not fit into the model's context."""

    def __init__(self):
        super().__init__(Chronicler())
        table = ModelTable(terms={"local": Terms(context=4_000 + LEAST_EVIDENCE // 2)})
        models = Models(self.model, self.model, WordHashes(), table, transcriber=ToyTranscriber())
        self.vv = VideoVector(memory.ports(models=models))

    async def talk(self):
        """Upload a talk of forty segments with a lot said in each, and run the prompt over it."""
        speech = [[10 * n + 1, 10 * n + 4, f"chapter {n} " + "and so it goes on " * 15] for n in range(40)]
        clip = toy(duration=400, cuts=list(range(10, 400, 10)), speech=speech)
        view = await self.vv.imports.upload(self.caller, stream(clip), file_name="t", index_id=self.index.index_id)
        self.video = view.items[0].video_id
        return await self.again()

    async def again(self):
        target = Target("videos", None, (self.video,))
        begun = await self.vv.runs.execute(self.caller, prompt_id=self.prompt.prompt_id, target=target)
        return await self.ended(begun.run.run_id)


async def test_long_evidence_goes_in_parts():
    """Every segment is in one part, the whole is made of the parts, nothing is left out, and each call is logged."""
    async with Archive() as room:
        view = await room.talk()
        _, _, level = await room.vv.runs.video_result(room.caller, view.run.run_id, room.video)
        assert level.status is Outcome.SUCCESSFUL
        assert level.omitted_segment_ids == []
        *parts, whole = room.model.asked
        assert len(parts) > 2
        assert sum(len(part.evidence) for part in parts) == 40
        assert all(len(json.dumps(part.evidence)) <= LEAST_EVIDENCE for part in parts)
        assert [piece["start"] for piece in whole.evidence] == [part.evidence[0]["start"] for part in parts]
        calls = await room.vv.runs.calls(room.caller, view.run.run_id)
        purposes = [call.purpose for call in calls]
        assert (purposes.count(PART), purposes.count(WHOLE)) == (len(parts), 1)


async def test_parts_are_kept():
    """The same run again asks for no part; and nothing at all."""
    async with Archive() as room:
        await room.talk()
        asked, seen = len(room.model.asked), len(room.model.seen)
        await room.again()
        assert (len(room.model.asked), len(room.model.seen)) == (asked, seen)


async def test_the_vectors_of_a_result_go_when_it_is_given_up():
    """A result that could not be made anew is a failed one without a text, so nothing is found by its former text."""
    async with Archive() as room:
        run = (await room.talk()).run
        new = synthesis_work(run, room.video)
        now = datetime.now(UTC)
        work = WorkItem(new.kind, new.user_id, new.key, new.payload, WorkState.LEASED, now, now, 1, 3, 3)
        give_up = room.vv.kinds[SYNTHESIS].give_up
        assert give_up is not None
        async with room.vv.begin() as tx:
            await give_up(tx, work, ProcessingFailed("The model is away.", transient=True))
            doomed = await tx.embeddings.doomed(limit=9, run_id=run.run_id)
        assert doomed == [point_id(run.user_id, run.run_id, room.video, PointKind.VIDEO)]
        _, _, level = await room.vv.runs.video_result(room.caller, run.run_id, room.video)
        assert (level.status, level.metadata_text, level.error_message) == (Outcome.FAILED, "", "The model is away.")
