"""Thirty contracts with a document that fits each, and ways to spoil an answer."""

from __future__ import annotations

from typing import Any

import pytest

from videovector_core.errors import ProcessingFailed
from videovector_core.prompts.validation import Answer, read_answer

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
