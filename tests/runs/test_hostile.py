"""Forty-six schemas against three hostile models: what is kept fits the user's schema, what is refused names its field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.prompts import others
from tests.prompts.thirty import SCHEMAS
from tests.runs.test_outcomes import Room
from tests.stub_model import Call, Reply, StubModel, filled
from videovector_adapters import memory
from videovector_adapters.memory.models import ToyTranscriber, WordHashes, toy
from videovector_adapters.openai import Endpoint, OpenAIDocuments
from videovector_core.app import VideoVector
from videovector_core.models.bundle import Models
from videovector_core.prompts.validators import validator
from videovector_core.runs.model import Outcome
from videovector_core.runs.service import Target
from videovector_core.testing.storage import stream

WANTED = {name: schema for name, (schema, _) in SCHEMAS.items()} | others.SCHEMAS


def answer(call: Call) -> Any:
    return filled(call.body["response_format"]["json_schema"]["schema"], call.text)


def chatty(call: Call, before: int) -> Reply:
    """Put prose and fences around the document, and leave out its first key every other time."""
    document = answer(call)
    if before % 2 and document:
        document.pop(next(iter(document)))
    return Reply(content=f"Sure! {{name}} as asked:\n```json\n{json.dumps(document)}\n```\nAnything else?")


def careless(call: Call, before: int) -> Reply:
    """Write numbers as text and text as numbers, add keys, and put single values where arrays belong."""
    document = {name: _bent(value, before) for name, value in answer(call).items()}
    return Reply(content=json.dumps({**document, "confidence": 0.9, "__proto__": {"x": 1}}))


def failing(call: Call, before: int) -> Reply:
    """Break off in the middle, refuse, or answer with 400."""
    text = json.dumps(answer(call))
    kinds = (
        Reply(content=text[: len(text) // 2], finish="length"),
        Reply(refusal="I would rather not."),
        Reply(status=400),
        Reply(content="null"),
        Reply(content=text),
    )
    return kinds[before % len(kinds)]


def _bent(value: Any, turn: int) -> Any:
    if isinstance(value, bool | int | float):
        return json.dumps(value) if turn % 3 else {"value": value}
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


class Trial(Room):
    """A room whose model is an endpoint, over one picture."""

    def __init__(self, endpoint: Endpoint):
        super().__init__()
        documents = OpenAIDocuments(endpoint)
        models = Models(documents, documents, WordHashes(), transcriber=ToyTranscriber())
        self.vv = VideoVector(memory.ports(models=models))

    async def tried(self, name: str, schema: dict[str, Any]) -> Any:
        """Run one schema over the picture and return its one result."""
        vv, caller = self.vv, self.caller
        prompt = await vv.prompts.create(caller, name=f"Try {name}", prompt_text=f"Find {name}.", json_schema=schema)
        target = Target("videos", None, (self.picture,))
        begun = await vv.runs.execute(caller, prompt_id=prompt.prompt_id, target=target)
        await self.ended(begun.run.run_id)
        _, _, page = await vv.runs.results(caller, begun.run.run_id, self.picture, limit=9, after=None)
        return page.items[0], await vv.runs.calls(caller, begun.run.run_id)

    async def __aenter__(self):
        await super().__aenter__()
        view = await self.vv.imports.upload(self.caller, stream(toy("image", duration=0)), file_name="p", index_id=None)
        self.picture = view.items[0].video_id
        return self


@pytest.mark.parametrize("script", [chatty, careless, failing])
async def test_what_is_kept_fits_and_what_is_refused_says_why(script) -> None:
    """Every stored record fits the original schema; a refusal names field and reason; a 400 is tried once."""
    kept = 0
    with StubModel(script=script) as stub:
        endpoint = Endpoint(stub.url, "key", "toy")
        async with Trial(endpoint) as trial:
            for name, schema in WANTED.items():
                row, calls = await trial.tried(name, schema)
                if row.status is Outcome.SUCCESSFUL:
                    kept += 1
                    assert validator(schema).is_valid(row.metadata), (name, row.metadata)
                elif row.failure_code == "invalid_output":
                    assert row.metadata is None
                    assert len(calls) == 2
                    assert ": " in row.field_extraction_error.removeprefix(
                        "The model's answer does not fit the schema: "
                    )
                else:
                    assert row.failure_code == "model_error"
                    assert sum(call.status == "error" for call in calls) == 1
                    assert len(calls) <= 2
        await endpoint.close()
    assert len(SCHEMAS) == 30
    assert kept > 5
