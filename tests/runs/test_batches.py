"""Several short segments in one call: each answer is checked by itself, and what is wrong or left out is asked alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from tests.prompts.thirty import SCHEMAS
from tests.runs.test_outcomes import SCHEMA, Room
from tests.stub_model import Call, Reply, StubModel
from videovector_adapters import memory
from videovector_adapters.memory.models import ToyTranscriber, WordHashes, toy
from videovector_adapters.openai import Dialect, Endpoint, OpenAIDocuments
from videovector_core.app import VideoVector
from videovector_core.models.bundle import Models
from videovector_core.models.ports import Evidence, ExtractionRequest, Phrase, Picture, Transcript
from videovector_core.models.table import ModelTable, Terms
from videovector_core.prompts.validation import Answer, read_answer, read_answers
from videovector_core.runs import batching
from videovector_core.runs.model import Outcome, RunStatus
from videovector_core.runs.service import Target
from videovector_core.runs.together import asked_about, together
from videovector_core.testing.storage import stream

SEGMENTS = 4
"""As many as a worker has in hand."""
MODEL = "openai:toy"
Script = Callable[[Call, int], Reply | None]


@pytest.fixture(autouse=True)
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a batch wait for its last segment even where a machine takes seconds to begin with it."""
    monkeypatch.setattr(batching, "LINGER", 10.0)


def numbers(call: Call) -> list[int]:
    """Return the numbers of the segments that a call asks about; none where it asks about one alone."""
    found = json.loads(call.text.split("<evidence>\n")[1].split("\n</evidence>")[0])
    return [part["segment"] for part in found.get("segments", ())]


def said(call: Call, **wrong: Any) -> Reply:
    """Answer each segment of a call, those named `s1`, `s2` ... with something else; `None` leaves one out."""
    given = {n: wrong.get(f"s{n}", {"headline": f"no {n}", "count": n}) for n in numbers(call)}
    answers = [{"segment": n, "document": document} for n, document in given.items() if document is not None]
    return Reply(content=json.dumps({"answers": answers}))


class Batched(Room):
    """A room whose model is an endpoint that may be asked about so many segments of ten seconds in one call."""

    def __init__(self, stub: StubModel, batch: int = SEGMENTS, **terms: Any):
        super().__init__()
        self.endpoint = Endpoint(stub.url, "key", "toy")
        self.stub = stub
        documents = OpenAIDocuments(self.endpoint)
        table = ModelTable(MODEL, terms={MODEL: Terms(batch=batch, **terms)})
        models = Models(documents, documents, WordHashes(), table, transcriber=ToyTranscriber())
        self.vv = VideoVector(memory.ports(models=models))

    async def __aenter__(self):
        await super().__aenter__()
        clip = toy(duration=40, cuts=[10, 20, 30])
        view = await self.vv.imports.upload(self.caller, stream(clip), file_name="b", index_id=self.index.index_id)
        self.video = view.items[0].video_id
        self.prompt = await self.vv.prompts.create(
            self.caller, name="Plain", prompt_text="Describe the scene.", json_schema=SCHEMA
        )
        return self

    async def __aexit__(self, *ended):
        await super().__aexit__(*ended)
        await self.endpoint.close()

    async def begun(self, **caps: Any) -> str:
        target = Target("videos", None, (self.video,))
        view = await self.vv.runs.execute(self.caller, prompt_id=self.prompt.prompt_id, target=target, **caps)
        return view.run.run_id

    async def tried(self, **caps: Any) -> Any:
        """Run the prompt over four segments; return the run, its rows in order and its calls, oldest first."""
        view = await self.ended(await self.begun(**caps))
        calls = await self.vv.runs.calls(self.caller, view.run.run_id)
        return view, await self.rows(view.run.run_id), calls[::-1]

    async def again(self, terms: Terms | None = None) -> None:
        """Kill the worker and start another, perhaps on other terms."""
        self.engine.cancel()
        await asyncio.gather(self.engine, return_exceptions=True)
        ports = self.vv.ports
        if terms is not None:
            ports = evolve(ports, models=evolve(ports.models, table=ModelTable(MODEL, terms={MODEL: terms})))
        self.vv = VideoVector(ports)
        self.engine = asyncio.create_task(self.vv.engine().run(self.stop))

    @property
    def asked(self) -> list[int]:
        """How many segments each call asked about, 0 for one alone."""
        return [len(numbers(call)) for call in self.stub.calls]


async def test_short_segments_are_asked_about_in_one_call():
    """Four segments take one call, which the log shows over the time of all; asked again, nothing is paid for."""
    with StubModel() as stub:
        async with Batched(stub) as room:
            view, rows, calls = await room.tried()
            assert view.run.status is RunStatus.COMPLETED
            assert room.asked == [SEGMENTS]
            assert len({row.metadata["headline"] for row in rows}) > 1
            (call,) = calls
            assert (call.status, call.segment_id, call.media_seconds) == ("success", None, 40.0)
            assert (call.segment_start, call.segment_end) == (0.0, 40.0)
            assert call.input_tokens > 0
            _, again, none = await room.tried()
            assert (len(stub.calls), none) == (1, [])
            assert [row.metadata for row in again] == [row.metadata for row in rows]


@pytest.mark.parametrize("terms", [{"batch": 1}, {"batch_seconds": 9.9}])
async def test_segments_are_asked_about_alone_unless_told_otherwise(terms: dict[str, Any]):
    """Without a batch, and for segments that are longer than short ones, each call asks about one segment."""
    with StubModel() as stub:
        async with Batched(stub, **terms) as room:
            await room.tried()
            assert room.asked == [0] * SEGMENTS


async def test_what_is_kept_of_single_calls_is_not_asked_again_in_a_batch():
    """An answer has the same name however it was asked for, so batches may be turned on and off."""
    with StubModel() as stub:
        async with Batched(stub, batch=1) as room:
            await room.tried()
            await room.again(Terms(batch=SEGMENTS))
            await room.tried()
            assert room.asked == [0] * SEGMENTS


HOSTILE: dict[str, tuple[Script, int]] = {
    "one left out": (lambda call, _: said(call, s2=None), 1),
    "one of the wrong type": (lambda call, _: said(call, s3={"count": "many"}), 1),
    "one that is no object": (lambda call, _: said(call, s1=["x"], s4="y"), 2),
    "all wrong": (lambda call, _: said(call, **{f"s{n}": {"count": "x"} for n in range(1, 5)}), SEGMENTS),
    "one given twice": (
        lambda call, _: Reply(
            content=json.dumps({"answers": [{"segment": n, "document": {"count": n}} for n in (1, 2, 2, 3, 4)]})
        ),
        1,
    ),
    "segments that were not asked about": (
        lambda call, _: Reply(
            content=json.dumps({"answers": [{"segment": n, "document": {"count": 1}} for n in (0, -1, 5, 99, True)]})
        ),
        SEGMENTS,
    ),
    "an answer as if for one": (lambda call, _: Reply(content='{"headline": "all", "count": 1}'), SEGMENTS),
    "a bare list": (lambda call, _: Reply(content='[{"segment": 1, "document": {}}]'), SEGMENTS),
    "broken off": (lambda call, _: Reply(content='{"answers": [{"segment": 1, "docu', finish="length"), SEGMENTS),
    "prose": (lambda call, _: Reply(content="I see four segments."), SEGMENTS),
    "a refusal": (lambda call, _: Reply(refusal="I would rather not."), SEGMENTS),
    "a bad request": (lambda call, _: Reply(status=400), SEGMENTS),
    "an error of the server": (lambda call, _: Reply(status=500), SEGMENTS),
}


@pytest.mark.parametrize(("script", "alone"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_bad_answer_is_mended_by_asking_alone(script: Script, alone: int):
    """Whatever is wrong with a batch's answer, only the segments that it leaves without one are asked about alone."""

    def scripted(call: Call, before: int) -> Reply | None:
        return script(call, before) if numbers(call) else None

    with StubModel(script=scripted) as stub:
        async with Batched(stub) as room:
            view, rows, calls = await room.tried()
            assert view.run.status is RunStatus.COMPLETED
            assert [row.status for row in rows] == [Outcome.SUCCESSFUL] * SEGMENTS
            assert room.asked == [SEGMENTS] + [0] * alone
            assert len(calls) == 1 + alone
            assert calls[0].status in {"invalid_output", "error"}
            assert calls[0].error_message


async def test_a_caps_call_is_a_call():
    """A batch takes one place under a cap of calls; where the cap is reached nothing is asked alone either."""
    with StubModel(script=lambda call, _: said(call, s2=None) if numbers(call) else None) as stub:
        async with Batched(stub) as room:
            view, rows, calls = await room.tried(max_calls=1)
            assert (len(calls), room.asked) == (1, [SEGMENTS])
            assert view.run.status is RunStatus.COMPLETED_WITH_FAILURES
            assert [row.failure_code for row in rows] == [None, "run_cap_reached", None, None]


async def test_an_endpoint_that_is_busy_is_asked_together_again():
    """After a 429 nobody is asked about alone: that would be more calls at a time when there are too many."""
    replies = iter([Reply(status=429, headers={"retry-after": "0.01"})])
    with StubModel(script=lambda *_: next(replies, None)) as stub:
        async with Batched(stub) as room:
            view, _, _ = await room.tried()
            assert view.run.status is RunStatus.COMPLETED
            assert room.asked[0] == SEGMENTS
            assert len(room.asked) <= 1 + SEGMENTS


async def test_a_worker_that_dies_pays_only_for_what_was_under_way():
    """What a batch answered is committed with its log at once; after a kill in the next call only that is asked again."""
    hanging = Reply(seconds=60)
    with StubModel(script=lambda _, before: hanging if before == 1 else None) as stub:
        async with Batched(stub, batch=2) as room:
            run_id = await room.begun()
            while "success" not in [call.status for call in await room.vv.runs.calls(room.caller, run_id)]:
                await asyncio.sleep(0.01)
            while len(stub.calls) < 2:
                await asyncio.sleep(0.01)
            await room.again()
            view = await room.ended(run_id)
            assert view.run.status is RunStatus.COMPLETED
            assert sorted(room.asked) == [2, 2, 2]
            calls = await room.vv.runs.calls(room.caller, run_id)
            assert sorted(call.status for call in calls) == ["abandoned", "success", "success"]


@pytest.mark.parametrize(("schema", "document"), SCHEMAS.values(), ids=SCHEMAS.keys())
def test_each_answer_is_read_as_if_it_were_alone(schema: dict[str, Any], document: dict[str, Any]):
    """A document that fits is kept, whatever its neighbours hold; what does not is rejected by itself."""
    given = {1: document, 2: [document], 3: {**document, "unknown": 1}, "4": document}
    answers = [{"segment": number, "document": one} for number, one in given.items()]
    text = f"As asked: {json.dumps({'answers': [*answers, 7, {'segment': 2.0}]})} Anything else?"
    read = read_answers(text, schema, listed="answers", number="segment", document="document", count=5)
    assert read[0] == read[3] == Answer(document)
    assert isinstance(read[2], Answer)
    assert read[2] == read_answer(json.dumps({**document, "unknown": 1}), schema)
    assert [isinstance(one, Answer) for one in read] == [True, False, True, True, False]


@pytest.mark.parametrize("dialect", Dialect)
async def test_every_dialect_says_a_batch(dialect: Dialect):
    """The question numbers segments and their pictures, and its answer reads back, however schemas are taken."""
    tags = {"type": "array", "items": {"type": "string", "maxLength": 9}}
    properties = {"tags": tags, "count": {"type": ["integer", "null"]}, "mood": {"type": "string", "enum": ["calm"]}}
    schema = {"type": "object", "properties": properties, "required": ["tags"]}
    requests = [ExtractionRequest("Say it.", schema, _seen(n), MODEL) for n in range(3)]
    request = together(requests)
    assert asked_about(request.json_schema) == 3
    with StubModel() as stub:
        endpoint = Endpoint(stub.url, "key", "toy")
        found = await OpenAIDocuments(endpoint, dialect).extract(request)
        await endpoint.close()
    content = stub.calls[0].body["messages"][1]["content"]
    assert [part["type"] for part in content] == ["text", *["text", "image_url"] * 3]
    assert "Pictures of segment 3:" in content[5]["text"]
    assert numbers(stub.calls[0]) == [1, 2, 3]
    answers = read_answers(found.text, schema, listed="answers", number="segment", document="document", count=3)
    assert all(isinstance(answer, Answer) for answer in answers), answers


def _seen(n: int) -> Evidence:
    speech = Transcript((Phrase(n, n + 1, f"this is {n}"),))
    return Evidence(n, n + 1, "A title", speech, pictures=(Picture(n, b"jpeg"),))


@pytest.mark.parametrize("script", [None, lambda call, _: said(call, s1=None) if numbers(call) else None])
async def test_estimates_know_of_batches(script: Script | None):
    """Calls and tokens of a first run, and of one that was measured, lie in the intervals that they were given."""
    with StubModel(script=script) as stub:
        async with Batched(stub) as room:
            for text in ("Describe the scene.", "Describe it in other words."):
                prompt = await room.vv.prompts.update(room.caller, room.prompt.prompt_id, prompt_text=text)
                target = Target("videos", None, (room.video,))
                told = await room.vv.runs.estimate(room.caller, prompt_id=prompt.prompt_id, target=target)
                _, _, calls = await room.tried()
                found = {
                    "model_calls": len(calls),
                    "input_tokens": sum(call.input_tokens for call in calls),
                    "output_tokens": sum(call.output_tokens for call in calls),
                }
                for name, value in found.items():
                    assert told[name]["low"] <= value <= told[name]["high"], (name, value, told[name])
            assert told["model_calls"]["low"] == 1
