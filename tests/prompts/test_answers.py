"""A model's answer becomes a document that fits the user's schema, or an error that names each field and why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.prompts.thirty import CONTRACTS, SCHEMAS, STRING, many, of, one_of, rejected, wrong_types
from videovector_core.prompts.schema import check_schema
from videovector_core.prompts.validation import Answer, read_answer
from videovector_core.prompts.validation import test_schema as try_schema


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


def test_the_last_fitting_object_is_taken() -> None:
    """A draft before the answer does not count, and the warning says that there were several."""
    schema = of("a", a=STRING)
    answer = read_answer('Draft: {"a": "one"}. Better: {"a": "two"}. Note: {"b": 1}', schema)
    assert answer.document == {"a": "two"}
    assert "3 JSON objects" in answer.warnings[0]
    assert read_answer('[{"a": "one"}]', schema) == Answer({"a": "one"})
    assert "array of 2 objects" in rejected('[{"a": "one"}, {"a": "two"}]', schema)["$"]
    assert rejected('{"a": 1} {"a": 2}', schema)["a"].endswith("it is 2")


def test_an_error_says_what_was_found() -> None:
    """The reason gives the rule and the value, shortened."""
    reasons = rejected(
        json.dumps({"e": "y" * 500, "n": 12}), of(e=one_of("a", "b"), n={"type": "integer", "maximum": 9})
    )
    assert reasons["e"] == f'is not one of "a" or "b"; it is "{"y" * 60}"...'
    assert reasons["n"] == "is greater than the maximum of 9; it is 12"


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
