"""A model's answer becomes a document that fits the user's schema, or an error that names each field and why."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from videovector_core.errors import Invalid, ProcessingFailed
from videovector_core.prompts.answers import MAX_CHARS
from videovector_core.prompts.schema import check_schema
from videovector_core.prompts.validation import Answer, read_answer
from videovector_core.prompts.validation import test_schema as try_schema
from videovector_core.prompts.validators import validator
from videovector_core.testing.schemas import contracts

STRING = {"type": "string"}


def of(*required: str, **properties: Any) -> dict[str, Any]:
    """Make an object schema of these properties."""
    return {"type": "object", "properties": properties, "required": list(required)}


def many(items: dict[str, Any], **bounds: int) -> dict[str, Any]:
    """Make an array schema."""
    return {"type": "array", "items": items, **bounds}


def one_of(*members: Any, kind: Any = "string") -> dict[str, Any]:
    """Make an enum schema."""
    return {"type": kind, "enum": list(members)}


PERSON = of("name", name=STRING, emotion=one_of("happy", "sad"), age={"type": "integer", "minimum": 0})
# Thirty contracts, each with a document that fits.
SCHEMAS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one string": (of(headline=STRING), {"headline": "Rain"}),
    "required string": (of("headline", headline=STRING), {"headline": "Rain"}),
    "string lengths": (of("code", code={"type": "string", "minLength": 2, "maxLength": 4}), {"code": "abc"}),
    "pattern": (of("day", day={"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}), {"day": "2024-02-29"}),
    "greedy pattern": (of("p", p={"type": "string", "pattern": "^(a+)+b$"}), {"p": "aaab"}),
    "format": (of(mail={"type": "string", "format": "email"}), {"mail": "not checked"}),
    "enum": (of("mood", mood=one_of("calm", "tense")), {"mood": "calm"}),
    "nullable enum": (of("mood", mood=one_of("calm", None, kind=["string", "null"])), {"mood": None}),
    "integer enum": (of("rating", rating=one_of(1, 2, 3, kind="integer")), {"rating": 2}),
    "integer": (of("count", count={"type": "integer"}), {"count": 3}),
    "bounded integer": (of("count", count={"type": "integer", "minimum": 0, "maximum": 9}), {"count": 9}),
    "number": (of("price", price={"type": "number"}), {"price": 1.5}),
    "bounded number": (of("share", share={"type": "number", "minimum": 0, "maximum": 1}), {"share": 0.25}),
    "boolean": (of("indoor", indoor={"type": "boolean"}), {"indoor": False}),
    "nullable string": (of("place", place={"type": ["string", "null"]}), {"place": None}),
    "nullable number": (of("speed", speed={"type": ["number", "null"]}), {"speed": None}),
    "nullable boolean": (of("live", live={"type": ["null", "boolean"]}), {"live": True}),
    "strings": (of("tags", tags=many(STRING)), {"tags": ["a", "b"]}),
    "bounded strings": (of("tags", tags=many(STRING, minItems=1, maxItems=2)), {"tags": ["a"]}),
    "integers": (of("years", years=many({"type": "integer"})), {"years": [1999, 2024]}),
    "enum array": (of("moods", moods=many(one_of("calm", "tense"))), {"moods": ["tense", "calm"]}),
    "nullable array": (of("tags", tags={"type": ["array", "null"], "items": STRING}), {"tags": None}),
    "object": (of("scene", scene=of("place", place=STRING)), {"scene": {"place": "Rome"}}),
    "nullable object": (
        of("scene", scene={**of("place", place=STRING), "type": ["object", "null"]}),
        {"scene": None},
    ),
    "objects": (of("people", people=many(PERSON)), {"people": [{"name": "Ada", "age": 36}, {"name": "Bo"}]}),
    "deep": (
        of("a", a=of("b", b=of("c", c=of("d", d=of("e", e=many(of("f", f=STRING))))))),
        {"a": {"b": {"c": {"d": {"e": [{"f": "x"}]}}}}},
    ),
    "arrays in arrays of objects": (
        of("scenes", scenes=many(of("shots", shots=many(of("labels", labels=many(STRING)))))),
        {"scenes": [{"shots": [{"labels": ["dog"]}, {"labels": []}]}]},
    ),
    "closed": ({**of("a", a=STRING), "additionalProperties": False}, {"a": "x"}),
    "open": ({**of("a", a=STRING), "additionalProperties": True}, {"a": "x"}),
    "everything": (
        of(
            "headline", "scene", "tags",
            headline=STRING,
            scene=of("people", place={"type": ["string", "null"]}, people=many(PERSON)),
            tags=many(one_of("a", "b")), score10={"type": "number"}, live={"type": "boolean"},
        ),
        {"headline": "h", "scene": {"place": None, "people": [{"name": "A", "emotion": "sad"}]}, "tags": []},
    ),
}  # fmt: skip
CONTRACTS = pytest.mark.parametrize(("schema", "document"), SCHEMAS.values(), ids=SCHEMAS.keys())


def rejected(text: str, schema: dict[str, Any]) -> dict[str, str]:
    """Return the reasons of a rejection by path."""
    with pytest.raises(ProcessingFailed) as failed:
        read_answer(text, schema)
    assert failed.value.code == "invalid_output"
    assert not failed.value.transient
    errors = failed.value.details["errors"]
    assert errors
    assert all(set(error) == {"path", "message"} for error in errors)
    assert errors[0]["path"] in failed.value.message
    assert len(failed.value.message) < 3000
    return {error["path"]: error["message"] for error in errors}


def attempt(text: str, schema: dict[str, Any]) -> Answer | ProcessingFailed:
    """Return the answer, or the error that came in its place."""
    try:
        return read_answer(text, schema)
    except ProcessingFailed as failed:
        return failed


def wrong_types(value: Any) -> Any:
    """Replace every scalar by an object, which no coercion reaches."""
    if isinstance(value, dict):
        return {name: wrong_types(inner) for name, inner in value.items()}
    return [wrong_types(inner) for inner in value] or {"not": "it"} if isinstance(value, list) else {"not": "it"}


def test_there_are_thirty_contracts() -> None:
    """The table holds as many schemas as promised, all allowed and all different."""
    assert len({json.dumps(schema) for schema, _ in SCHEMAS.values()}) == 30
    for schema, _ in SCHEMAS.values():
        check_schema(schema)


@CONTRACTS
def test_a_fitting_answer_is_taken_unchanged(schema: dict[str, Any], document: dict[str, Any]) -> None:
    """A document that fits comes back as it is, without a warning."""
    assert read_answer(json.dumps(document), schema) == Answer(document)


@CONTRACTS
@pytest.mark.parametrize(
    "written",
    [
        "Sure! Here is the JSON you asked for:\n```json\n%s\n```\nLet me know {if} anything is missing.",
        "```\n%s\n```",
        "\ufeff  %s  ",
        "The set {x | x > 0} aside, \\frac{a}{b}: %s. Done :-}",
        '<think>I could say "yes" or {maybe}.</think>%s',
    ],
    ids=["fenced", "bare fence", "byte order mark", "braces in prose", "thinking aloud"],
)
def test_prose_around_the_object_does_no_harm(schema: dict[str, Any], document: dict[str, Any], written: str) -> None:
    """The object is found wherever it stands in the text."""
    assert read_answer(written % json.dumps(document, indent=2), schema) == Answer(document)


@CONTRACTS
def test_extra_keys_are_dropped_with_a_warning(schema: dict[str, Any], document: dict[str, Any]) -> None:
    """What the schema does not know leaves the document, and the warning names it; `__proto__` is nothing special."""
    hostile = {**document, "__proto__": {"admin": True}, "segment_id": "x", "a.b": 1, "confidence": [0.9]}
    answer = read_answer(json.dumps(hostile), schema)
    kept = {"confidence": [0.9]} if schema.get("additionalProperties") else {}
    assert answer.document == {**document, **kept}
    assert len(answer.warnings) == 4 - len(kept)
    assert any("__proto__" in warning for warning in answer.warnings)


@CONTRACTS
def test_missing_keys_are_named(schema: dict[str, Any], document: dict[str, Any]) -> None:
    """An empty object lacks exactly what is required; where nothing is, it is a valid and empty answer."""
    if not schema["required"]:
        assert read_answer("{}", schema) == Answer({})
        return
    reasons = rejected("{}", schema)
    assert set(reasons) == set(schema["required"])
    assert set(reasons.values()) == {"is required and missing"}


@CONTRACTS
def test_wrong_types_are_named(schema: dict[str, Any], document: dict[str, Any]) -> None:
    """An object where a scalar belongs cannot be read as one, and the reason names the field."""
    filled = {name: value if value is not None else "x" for name, value in document.items()}
    reasons = rejected(json.dumps(wrong_types(filled)), schema)
    assert all(path.split(".")[0].split("[")[0] in filled for path in reasons)


@CONTRACTS
@pytest.mark.parametrize("cut", [1, 2, 5, 9])
def test_a_truncated_answer_is_rejected(schema: dict[str, Any], document: dict[str, Any], cut: int) -> None:
    """A cut-off object is never completed, nor is a whole object inside it mistaken for the answer."""
    text = "Here you are: " + json.dumps(document)
    shorter = text[: max(len(text) - cut, text.find("{") + 2)]
    assert "cut off" in rejected(shorter, schema)["$"]


@CONTRACTS
@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "I'm sorry, but I can't help with that.",
        "null",
        "[]",
        "42",
        "NaN",
        "{",
        "}{",
        "```json\n```",
        "{refused}",
    ],
)
def test_a_refusal_is_no_document(schema: dict[str, Any], document: dict[str, Any], text: str) -> None:
    """Text without an object is rejected as a whole, whatever the schema."""
    assert set(rejected(text, schema)) == {"$"}


@CONTRACTS
def test_broken_json_is_rejected(schema: dict[str, Any], document: dict[str, Any]) -> None:
    """Single quotes, trailing commas, comments and bare names are no JSON; nothing inside them is taken for the answer."""
    good = json.dumps(document)
    for broken in (f"{good[:-1]},}}", repr(document), f"{{headline: {good}}}", f"{good[:-1]} /* more */ }}"):
        assert set(rejected(broken, schema)) == {"$"}


@pytest.mark.parametrize(
    ("field", "given", "read", "warning"),
    [
        ({"type": "integer"}, "3", 3, 'f: "3" read as 3'),
        ({"type": "integer"}, "-12", -12, 'f: "-12" read as -12'),
        ({"type": "integer"}, 3.0, 3, "f: 3.0 read as 3"),
        ({"type": "number"}, "3", 3, 'f: "3" read as 3'),
        ({"type": "number"}, "-0.25", -0.25, 'f: "-0.25" read as -0.25'),
        ({"type": "number"}, "1e3", 1000.0, 'f: "1e3" read as 1000.0'),
        ({"type": "boolean"}, "true", True, 'f: "true" read as true'),
        ({"type": "boolean"}, "False", False, 'f: "False" read as false'),
        (many(STRING), "one", ["one"], "f: single value put into an array"),
        (many({"type": "integer"}), 7, [7], "f: single value put into an array"),
        (one_of(1, 2, kind="integer"), "2", 2, 'f: "2" read as 2'),
        ({"type": ["integer", "null"]}, "3", 3, 'f: "3" read as 3'),
    ],
)
def test_loss_free_changes_are_made_and_recorded(field: dict[str, Any], given: Any, read: Any, warning: str) -> None:
    """What can be read in one way only is read, and the warning says so."""
    answer = read_answer(json.dumps({"f": given}), of("f", f=field))
    assert answer.document == {"f": read}
    assert type(answer.document["f"]) is type(read)
    assert answer.warnings == (warning,)


def test_two_changes_on_one_value_are_both_recorded() -> None:
    """A scalar string for an array of integers is wrapped and read."""
    answer = read_answer('{"f": "7"}', of(f=many({"type": "integer"})))
    assert answer == Answer({"f": [7]}, ("f: single value put into an array", 'f[0]: "7" read as 7'))


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ({"type": "integer"}, "3.5"),
        ({"type": "integer"}, 3.5),
        ({"type": "integer"}, "03"),
        ({"type": "integer"}, " 3"),
        ({"type": "integer"}, "three"),
        ({"type": "integer"}, True),
        ({"type": "integer"}, "1" * 30),
        ({"type": "number"}, "1,5"),
        ({"type": "number"}, "NaN"),
        ({"type": "number"}, "1e999"),
        ({"type": "number"}, False),
        ({"type": "boolean"}, "yes"),
        ({"type": "boolean"}, 1),
        (STRING, 3),
        (STRING, True),
        (STRING, ["x"]),
        (one_of("happy"), "Happy"),
        (many(STRING), {"0": "x"}),
        (many(STRING), [None]),
        (of(x=STRING), "x"),
        (of(x=STRING), [{"x": "y"}]),
        ({"type": "string", "maxLength": 3}, "long"),
        ({"type": "number", "maximum": 1}, "2"),
    ],
)
def test_what_would_lose_something_is_not_changed(field: dict[str, Any], given: Any) -> None:
    """Guesses are left to the model: the field is named and the answer rejected."""
    assert all(path.startswith("f") for path in rejected(json.dumps({"f": given}), of("f", f=field)))


def test_null_for_an_optional_field_is_dropped() -> None:
    """Null where it is not taken means absent, and the warning says so; where the field is required it is an error."""
    answer = read_answer('{"a": null, "o": {"b": null}}', of(a=STRING, o=of(b=STRING)))
    assert answer.document == {"o": {}}
    assert [warning.split(":")[0] for warning in answer.warnings] == ["a", "o.b"]
    assert "not of type" in rejected('{"a": null}', of("a", a=STRING))["a"]
    assert read_answer('{"a": null}', of(a={"type": ["string", "null"]})) == Answer({"a": None})


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


def test_the_last_fitting_object_is_taken() -> None:
    """A draft before the answer does not count, and the warning says that there were several."""
    schema = of("a", a=STRING)
    answer = read_answer('Draft: {"a": "one"}. Better: {"a": "two"}. Note: {"b": 1}', schema)
    assert answer.document == {"a": "two"}
    assert "3 JSON objects" in answer.warnings[0]
    assert read_answer('[{"a": "one"}]', schema) == Answer({"a": "one"})
    assert "array of 2 objects" in rejected('[{"a": "one"}, {"a": "two"}]', schema)["$"]
    assert rejected('{"a": 1} {"a": 2}', schema)["a"].endswith("it is 2")


def test_open_objects_keep_legal_names_only() -> None:
    """`additionalProperties: true` keeps what paths can name and nothing that belongs to the server."""
    schema = {**of(a=STRING), "additionalProperties": True}
    answer = read_answer('{"note": {"x": [1, null, "y"]}, "x.y": 1, "Score": 1, "run_id": "r", "1": 1}', schema)
    assert answer.document == {"note": {"x": [1, None, "y"]}}
    assert len(answer.warnings) == 4


def test_an_error_says_what_was_found() -> None:
    """The reason gives the rule and the value, shortened."""
    reasons = rejected(
        json.dumps({"e": "y" * 500, "n": 12}), of(e=one_of("a", "b"), n={"type": "integer", "maximum": 9})
    )
    assert reasons["e"] == f'is not one of "a" or "b"; it is "{"y" * 60}"...'
    assert reasons["n"] == "is greater than the maximum of 9; it is 12"


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


def test_a_good_sample_is_valid() -> None:
    """The result carries the sample as it would be stored, and the message that clients know."""
    result = try_schema(of("n", n={"type": "integer"}), {"n": "3", "x": 1})
    assert result == (True, {"n": 3}, None, "Schema validation successful")


@pytest.mark.parametrize(
    ("schema", "sample", "path"),
    [
        (of("headline", headline=STRING), {}, "headline"),
        (of(headline=STRING), {"headline": 7}, "headline"),
        (of(headline=STRING), {"headline": None}, "headline"),
        (of(o=of("x", x=STRING)), {"o": {}}, "o.x"),
        ({**of(a=STRING), "additionalProperties": False}, {"b": 1}, "b"),
        (of(a={"type": "number"}), {"a": float("nan")}, "a"),
        (of(a={"type": "integer"}), {"a": 2**70}, "a"),
        (of(a=STRING), [], "$"),
        (of(a=STRING), None, "$"),
        (of(a=STRING), "text", "$"),
    ],
)
def test_a_bad_sample_is_no_error_of_the_request(schema: dict[str, Any], sample: Any, path: str) -> None:
    """The first failing path is named, and the message says that the data is at fault."""
    valid, data, error, message = try_schema(schema, sample)
    assert (valid, data, message) == (False, None, "The sample does not fit the schema")
    assert (error or "").startswith(f"{path}: ")


def test_a_bad_schema_is_told_apart_from_bad_data() -> None:
    """An editor that calls on every keystroke learns that the schema is at fault."""
    valid, data, error, message = try_schema({"type": "array"}, {})
    assert (valid, data, message) == (False, None, "The schema is not valid")
    assert "root must be an object" in (error or "")
