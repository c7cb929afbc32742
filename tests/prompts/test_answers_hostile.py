"""Answers that nobody would write on purpose, or that somebody did: none harms, and what is kept is valid."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.prompts.thirty import STRING, attempt, many, of, rejected
from videovector_core.errors import Invalid, ProcessingFailed
from videovector_core.prompts.answers import MAX_CHARS
from videovector_core.prompts.validation import Answer, read_answer
from videovector_core.prompts.validation import test_schema as try_schema
from videovector_core.prompts.validators import validator
from videovector_core.testing.schemas import contracts


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 19, "9" * 5000, "-" + "9" * 30])
def test_numbers_that_json_or_a_database_cannot_hold_are_rejected(literal: str) -> None:
    """No such number is stored, at any place, declared or not."""
    schema = of(n={"type": "number"}, l=many({"type": "integer"}))
    assert set(rejected(f'{{"n": {literal}}}', schema)) == {"n"}
    assert set(rejected(f'{{"l": [1, {literal}]}}', schema)) == {"l[1]"}
    assert read_answer(f'{{"x": {{"y": [{literal}]}}}}', {**schema, "additionalProperties": True}).document == {}


def test_a_key_given_twice_is_no_answer() -> None:
    """Two different values for one field are ambiguous; the same value twice is not."""
    schema = of(a=STRING, o=of(b={"type": "integer"}))
    assert rejected('{"a": "x", "o": {"b": 1, "b": 2}}', schema) == {"o.b": "is given twice with different values"}
    assert read_answer('{"a": "x", "a": "x"}', schema) == Answer({"a": "x"})
    assert read_answer('{"z": 1, "z": 2}', schema).document == {}


def test_characters_that_cannot_be_stored_are_replaced() -> None:
    """U+0000 and halves of surrogate pairs reach no database; the rest of the text stays."""
    answer = read_answer(r'{"a": "x\u0000y\ud800z \ud83d\ude00"}', of(a=STRING))
    assert answer.document == {"a": "x\ufffdy\ufffdz \U0001f600"}
    assert len(answer.warnings) == 1


def test_a_bomb_of_nesting_is_rejected() -> None:
    """A hundred thousand brackets neither crash nor hang, wherever they stand."""
    schema = of(a=STRING)
    for text in (
        '{"a":' * 100_000,
        '{"a":' + "[" * 100_000,
        '{"z":' + "[" * 100_000 + "]" * 100_000 + "}",
        "{" * 100_000,
    ):
        assert set(rejected(text, schema)) == {"$"}
    open_schema = {**schema, "additionalProperties": True}
    assert read_answer('{"z":' + "[" * 40 + "]" * 40 + "}", open_schema).document == {}
    assert read_answer('{"z":' + "[" * 9 + "]" * 9 + "}", open_schema).warnings == ()
    assert set(rejected('{"a":' + "[" * 500 + "]" * 500 + "}", schema)) == {"a"}


def test_a_huge_answer_is_not_read() -> None:
    """Ten megabytes are refused by their length."""
    assert str(MAX_CHARS) in rejected('{"a": "' + "x" * 10_000_000 + '"}', of(a=STRING))["$"]


def test_a_long_reason_list_is_cut() -> None:
    """Thousands of wrong items make a bounded report."""
    with pytest.raises(ProcessingFailed) as failed:
        read_answer(json.dumps({"l": ["x" * 50] * 5000}), of(l=many({"type": "integer"})))
    assert len(failed.value.details["errors"]) <= 50
    answer = read_answer(json.dumps({"l": ["1"] * 5000}), of(l=many({"type": "integer"})))
    assert answer.document == {"l": [1] * 5000}
    assert len(answer.warnings) == 51


def test_open_objects_keep_legal_names_only() -> None:
    """`additionalProperties: true` keeps what paths can name and nothing that belongs to the server."""
    schema = {**of(a=STRING), "additionalProperties": True}
    answer = read_answer('{"note": {"x": [1, null, "y"]}, "x.y": 1, "Score": 1, "run_id": "r", "1": 1}', schema)
    assert answer.document == {"note": {"x": [1, None, "y"]}}
    assert len(answer.warnings) == 4


def test_references_are_never_followed(tmp_path: Path) -> None:
    """No validator is made for a schema with a reference: no file is read, and nothing connects to the host."""
    (tmp_path / "string.json").write_text('{"type": "string"}')
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        targets = (f"http://127.0.0.1:{listening.getsockname()[1]}/s.json", (tmp_path / "string.json").as_uri())
        for target in targets:
            for schema in ({"$ref": target}, {"type": "object", "properties": {"a": {"$ref": target}}}):
                with pytest.raises(Invalid) as refused:
                    validator(schema)
                assert refused.value.code == "validation_schema_invalid"
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_a_catastrophic_pattern_answers_at_once() -> None:
    """Matching takes time linear in the text, so the answer to a hostile pair of pattern and text comes."""
    schema = of(p={"type": "string", "pattern": "^(a+)+b$"})
    assert "match" in rejected(json.dumps({"p": "a" * 100_000}), schema)["p"]


@given(contracts())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
def test_documents_of_a_schema_come_back_unchanged(contract: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Round trip: what fits a schema is accepted as it is, in an answer and as a sample."""
    schema, document = contract
    assert read_answer(json.dumps(document), schema) == Answer(document)
    assert try_schema(schema, document).validated_data == document


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.sampled_from(["", "1", "true", "a b", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "A", "__proto__"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.data(), contracts())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
def test_everything_that_is_kept_is_valid(data: st.DataObject, contract: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Whatever a model answers: either an error with reasons, or a document valid against the original schema."""
    schema, document = contract
    for name in schema["properties"]:
        if data.draw(st.booleans()):
            document = {**document, name: data.draw(ANYTHING)}
    answer = attempt(json.dumps(document), schema)
    if isinstance(answer, ProcessingFailed):
        assert answer.code == "invalid_output"
        assert answer.details["errors"]
        return
    assert validator(schema).is_valid(answer.document)
    assert "\\u0000" not in json.dumps(answer.document, allow_nan=False)


@settings(deadline=None)
@given(st.text(st.sampled_from('{}[]":,abc1 \\\n'), max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text ends in an answer or in the ordinary error."""
    answer = attempt(text, of(a=STRING))
    if isinstance(answer, ProcessingFailed):
        assert answer.code == "invalid_output"
    else:
        assert answer.document.keys() <= {"a"}
