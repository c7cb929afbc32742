"""A user's schema in the words of a provider: whatever fits what was sent fits the original, or is refused with a reason."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.prompts.thirty import SCHEMAS, attempt
from tests.stub_model import Call, Reply, Script, StubModel
from videovector_adapters.openai import Endpoint, OpenAIDocuments
from videovector_adapters.openai.dialects import Dialect, form, openapi, restored, strict
from videovector_core.errors import ProcessingFailed
from videovector_core.models.ports import DraftRequest, Evidence, ExtractionRequest, Picture
from videovector_core.prompts.validation import read_answer
from videovector_core.prompts.validators import validator
from videovector_core.testing.schemas import contracts, documents, schemas

SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}, "people": {"type": "integer"}}}
OPEN = {"type": "object", "additionalProperties": True}


@contextlib.asynccontextmanager
async def asking(
    dialect: Dialect | None = None, *, context: int | None = None, script: Script | None = None
) -> AsyncIterator[tuple[OpenAIDocuments, StubModel]]:
    """Serve an endpoint, and the adapter in front of it."""
    with StubModel(script=script) as stub:
        endpoint = Endpoint(stub.url, "key", "toy")
        try:
            yield OpenAIDocuments(endpoint, dialect, context), stub
        finally:
            await endpoint.close()


def nodes(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a schema and all schemas inside."""
    inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return [schema, *(node for one in inner for node in nodes(one))]


def as_strict(value: Any, schema: dict[str, Any]) -> Any:
    """Write a document as a strict decoder would: null for what is absent, text for an open object."""
    if isinstance(value, dict) and not schema.get("properties"):
        return json.dumps(value)
    if isinstance(value, dict):
        inner = schema["properties"]
        return {name: as_strict(value.get(name), inner[name]) for name in inner}
    if isinstance(value, list):
        return [as_strict(item, schema["items"]) for item in value]
    return value


@given(schemas())
def test_a_strict_schema_keeps_the_rules_of_strict_mode(schema: dict[str, Any]) -> None:
    """Every object is closed and requires all it has; no keyword is left that strict decoding does not know."""
    assume(schema.get("properties"))
    for node in nodes(strict(schema)):
        assert not node.keys() & {"minLength", "maxLength", "pattern", "format", "title"}
        kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
        if "object" in kinds:
            assert node["required"] == list(node["properties"])
            assert node["additionalProperties"] is False


@given(st.data())
def test_what_a_strict_decoder_may_answer_is_kept_or_refused_with_a_reason(data: st.DataObject) -> None:
    """Any document of the rewritten schema maps to one of the original, or the original names a field and why."""
    schema = data.draw(schemas())
    assume(schema.get("properties"))
    answer = data.draw(documents(strict(schema)))
    text = form(schema, Dialect.STRICT).restored(json.dumps(answer))
    kept = attempt(text, schema)
    if isinstance(kept, ProcessingFailed):
        assert kept.code == "invalid_output"
        assert all(error["path"] and error["message"] for error in kept.details["errors"])
        # only what strict mode cannot say may be wrong: lengths, patterns, enums that were too long
        assert not validator(schema).is_valid(json.loads(text))
    else:
        assert validator(schema).is_valid(kept.document)


@given(contracts())
def test_every_document_can_be_said_strictly(contract: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Nothing that the original admits is lost: written strictly and brought back, a document is the same."""
    schema, document = contract
    assume(schema.get("properties"))
    closed = {name: value for name, value in document.items() if name in schema["properties"]}
    told = as_strict(closed, schema)
    back = read_answer(restored(json.dumps(told), schema), schema).document
    assert back == read_answer(json.dumps(_without(closed, schema)), schema).document


def _without(value: Any, schema: dict[str, Any]) -> Any:
    """Drop what strict mode cannot carry: undeclared properties, and null told apart from absent where both may be."""
    if isinstance(value, dict) and schema.get("properties"):
        inner = schema["properties"]
        told = {name: _without(value.get(name), inner[name]) for name in inner}
        dropped = {
            name
            for name, one in told.items()
            if one is None and name not in schema.get("required", ()) and not validator(inner[name]).is_valid(None)
        }
        return {name: one for name, one in told.items() if name not in dropped}
    if isinstance(value, list):
        return [_without(item, schema["items"]) for item in value]
    return value


@given(st.data())
def test_gateways_see_no_lists_of_types(data: st.DataObject) -> None:
    """The dialect of gateways has one type for each node, and says nullable."""
    for node in nodes(openapi(data.draw(schemas()))):
        assert isinstance(node["type"], str)
        assert "additionalProperties" not in node


@given(st.text(max_size=60) | st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(json.dumps))
def test_text_that_is_no_object_stays_as_it_came(text: str) -> None:
    """Only a plain JSON object is looked into."""
    assume(not text.strip().startswith("{"))
    assert restored(text, SCHEMA) == text


@pytest.mark.parametrize(
    "text", ['{"place": null, "place": "x"}', '{"people": 1e999}', '{"people": 123456789012345678901234}', '{"a": NaN']
)
def test_what_would_change_on_the_way_stays_as_it_came(text: str) -> None:
    """Duplicates and numbers beyond bounds are for the original schema to refuse."""
    assert restored(text, SCHEMA) == text


def test_an_open_object_goes_as_text() -> None:
    """Strict mode cannot say "any object"; it is written as text and read again, and nonsense is refused by its field."""
    schema = {"type": "object", "properties": {"more": OPEN}, "required": ["more"]}
    assert strict(schema)["properties"]["more"]["type"] == "string"
    assert json.loads(restored('{"more": "{\\"a\\": 1}"}', schema)) == {"more": {"a": 1}}
    with pytest.raises(ProcessingFailed, match="more"):
        read_answer(restored('{"more": "no object"}', schema), schema)


@pytest.mark.parametrize("dialect", Dialect)
async def test_every_dialect_fills_every_schema(dialect: Dialect) -> None:
    """Thirty schemas through a real endpoint in each dialect: every answer fits the original or names its field."""
    async with asking(dialect) as (documents_, stub):
        for schema, _ in SCHEMAS.values():
            found = await documents_.extract(ExtractionRequest("What is it?", schema, Evidence(0, 1), "openai:toy"))
            kept = attempt(found.text, schema)
            if isinstance(kept, ProcessingFailed):
                assert kept.details["errors"][0]["path"]
                assert any(word in json.dumps(schema) for word in ("pattern", "Length"))
            else:
                assert validator(schema).is_valid(kept.document)
        sent = stub.calls[-1].body.get("response_format", {})
    kinds = {Dialect.JSON_OBJECT: "json_object", Dialect.PROMPT: None}
    assert sent.get("type") == kinds.get(dialect, "json_schema")


async def test_an_endpoint_that_knows_less_is_asked_more_simply() -> None:
    """A refusal of the format leads to the next simpler one, once; later questions begin there."""

    def script(call: Call, _: int) -> Reply | None:
        if "response_format" in call.body:
            told = {"error": {"message": "Unsupported response_format", "param": "response_format", "code": None}}
            return Reply(400, body=told)
        return None

    async with asking(script=script) as (documents_, stub):
        request = ExtractionRequest("What is it?", SCHEMA, Evidence(0, 1), "openai:toy")
        for _ in range(2):
            assert set(json.loads((await documents_.extract(request)).text)) == {"place", "people"}
        kinds = [call.body.get("response_format", {}).get("type") for call in stub.calls]
        assert kinds == ["json_schema", "json_object", None, None]


async def test_a_configured_dialect_is_kept() -> None:
    """Where the operator says how an endpoint is spoken to, a refusal is a refusal, tried once."""
    told = {"error": {"message": "Unsupported response_format", "code": None}}
    async with asking(Dialect.STRICT, script=lambda _call, _before: Reply(400, body=told)) as (documents_, stub):
        with pytest.raises(ProcessingFailed):
            await documents_.extract(ExtractionRequest("What is it?", SCHEMA, Evidence(0, 1), "openai:toy"))
        assert len(stub.calls) == 1


@pytest.mark.parametrize(("context", "sent"), [(None, 8), (200_000, 8), (6_000, 3), (100, 0)])
async def test_pictures_are_left_out_until_they_fit(context: int | None, sent: int) -> None:
    """Within the model's context there are as many pictures as fit, spread over the segment."""
    async with asking(context=context) as (documents_, stub):
        pictures = tuple(Picture(float(second), b"%d" % second) for second in range(8))
        request = ExtractionRequest("What is it?", SCHEMA, Evidence(0, 8, pictures=pictures), "openai:toy")
        await documents_.extract(request)
        content = stub.calls[0].body["messages"][1]["content"]
        assert (0 if isinstance(content, str) else len(content) - 1) == sent


async def test_a_draft_is_asked_for_in_words() -> None:
    """The drafter tells the rules, the instruction and the existing draft, and asks for no format."""
    async with asking(script=lambda _call, _before: Reply(content='{"name": "x"}')) as (documents_, stub):
        found = await documents_.draft(DraftRequest("Find cars.", {"name": "Old"}, ("{}", "no name")))
        assert json.loads(found.text) == {"name": "x"}
        assert all(word in stub.calls[0].text for word in ("Find cars.", "Old", "no name", "json_schema"))
        assert "response_format" not in stub.calls[0].body
