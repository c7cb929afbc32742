"""Which schemas a prompt may carry: every rule of semantics 3.2 with its error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from videovector_core.errors import Invalid
from videovector_core.prompts.schema import _ALLOWED, check_paths, check_schema
from videovector_core.prompts.validators import validator
from videovector_core.testing.schemas import schemas

STRING = {"type": "string"}
# of the vocabularies of 2020-12 (Core 8, Applicator 10, Unevaluated 11, Validation 6, Content 8, Meta-Data 9)
KEYWORDS = (
    *("$schema", "$vocabulary", "$id", "$anchor", "$dynamicAnchor", "$ref", "$dynamicRef", "$defs", "$comment"),
    *("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "prefixItems", "items", "contains"),
    *("properties", "patternProperties", "additionalProperties", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties", "type", "enum", "const", "multipleOf"),
    *("maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern"),
    *("maxItems", "minItems", "uniqueItems", "maxContains", "minContains"),
    *("maxProperties", "minProperties", "required", "dependentRequired", "format"),
    *("contentEncoding", "contentMediaType", "contentSchema"),
    *("title", "description", "default", "deprecated", "readOnly", "writeOnly", "examples"),
)


def of(**properties: Any) -> dict[str, Any]:
    """Make an object schema of these properties."""
    return {"type": "object", "properties": properties}


def problems(schema: Any) -> list[tuple[str, str]]:
    """Return what is wrong with a schema as pairs of path and message."""
    with pytest.raises(Invalid) as refused:
        check_schema(schema)
    assert refused.value.code == "validation_schema_invalid"
    found = refused.value.details["errors"]
    assert all(set(problem) == {"path", "message"} for problem in found)
    assert str(found[0]["message"]) in refused.value.message
    return [(problem["path"], problem["message"]) for problem in found]


def nested(levels: int) -> dict[str, Any]:
    """Make a schema whose only leaf lies so many names deep."""
    node: dict[str, Any] = STRING
    for _ in range(levels):
        node = of(a=node)
    return node


ACCEPTED: dict[str, Any] = {
    "no properties, as a published client sends it": {"type": "object"},
    "every keyword": {
        "type": "object",
        "title": "T",
        "description": "D",
        "additionalProperties": False,
        "required": ["s"],
        "properties": {
            "s": {"type": "string", "minLength": 0, "maxLength": 9, "pattern": "^a", "format": "date", "title": "S"},
            "e": {"type": ["string", "null"], "enum": ["a", None]},
            "i": {"type": "integer", "minimum": -1, "maximum": 10},
            "n": {"type": "number", "minimum": 0.5, "maximum": 1e300, "enum": [1, 2.5]},
            "b": {"type": "boolean", "enum": [True]},
            "l": {"type": "array", "items": STRING, "minItems": 0, "maxItems": 3},
            "o": {"type": ["object", "null"], "properties": {"x": STRING}, "additionalProperties": True},
            "open": {"type": "object", "additionalProperties": True},
        },
    },
    "six levels": nested(6),
    "ordinary words below the top": of(card=of(title=STRING, score={"type": "number"})),
    "a name of 64 characters, with spaces and hyphens": of(**{"a -_9" + "x" * 59: STRING}),
    "200 leaves": of(**{f"f{n}": STRING for n in range(200)}),
    "200 enum members": of(e={"type": "string", "enum": [str(n) for n in range(200)]}),
    "a pattern that would backtrack elsewhere": of(p={"type": "string", "pattern": "^(a+)+$"}),
    "a description that quotes an escape": of(d={"type": "string", "description": "not \\u0000 itself"}),
}


@pytest.mark.parametrize("schema", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_schema_of_the_subset_is_accepted(schema: Any) -> None:
    """Everything that semantics 3.2 allows can be saved."""
    check_schema(schema)


REFUSED: dict[str, tuple[Any, str, str]] = {
    "a list": ([], "$", "root must be an object"),
    "a boolean": (True, "$", "root must be an object"),
    "nothing": (None, "$", "root must be an object"),
    "no type": ({"properties": {}}, "$", "root must be an object"),
    "a scalar root": (STRING, "$", "root must be an object"),
    "a nullable root": ({"type": ["object", "null"]}, "$", "root must be an object"),
    "an array root": ({"type": "array", "items": of(a=STRING)}, "$", "put the array into a property"),
    "a field without type": (of(a={"enum": ["x"]}), "a", "type must be one of"),
    "an unknown type": (of(a={"type": "text"}), "a", "type must be one of"),
    "two types": (of(a={"type": ["string", "integer"]}), "a", "type must be one of"),
    "only null": (of(a={"type": "null"}), "a", "type must be one of"),
    "a type of a wrong kind": (of(a={"type": {"x": 1}}), "a", "type must be one of"),
    "a field that is no schema": (of(a="string"), "a", "must be a schema"),
    "a boolean schema": (of(a=True), "a", "must be a schema"),
    "a reference": (of(a={"$ref": "#/properties/b"}), "a", "references are never followed"),
    "a remote reference": (of(a={"type": "object", "$ref": "http://127.0.0.1:1/x"}), "a", "never followed"),
    "a file reference": (of(a={"type": "object", "$ref": "file:///etc/passwd"}), "a", "never followed"),
    "definitions": ({"type": "object", "$defs": {}}, "$", "'$defs' is not supported"),
    "oneOf": (of(a={"oneOf": [STRING]}), "a", "'oneOf' is not supported"),
    "anyOf": (of(a={"anyOf": [STRING]}), "a", "['string', 'null']"),
    "allOf": ({"type": "object", "allOf": []}, "$", "'allOf' is not supported"),
    "not": (of(a={"type": "string", "not": {}}), "a", "'not' is not supported"),
    "patternProperties": ({"type": "object", "patternProperties": {}}, "$", "name every field"),
    "tuple items": (of(a={"type": "array", "items": [STRING]}), "a", "one schema for all"),
    "prefixItems": (of(a={"type": "array", "items": STRING, "prefixItems": []}), "a", "one schema for all"),
    "a dialect": ({"type": "object", "$schema": "http://json-schema.org/draft-04/schema#"}, "$", "leave it out"),
    "nullable": (of(a={"type": "string", "nullable": True}), "a", "['string', 'null']"),
    "const": (of(a={"type": "string", "const": "x"}), "a", "use an enum of one value"),
    "const alone": (of(a={"const": 1}), "a", "use an enum of one value"),
    "exclusiveMinimum": (of(a={"type": "integer", "exclusiveMinimum": 0}), "a", "use minimum and maximum"),
    "exclusiveMaximum": (of(a={"type": "number", "exclusiveMaximum": 0}), "a", "use minimum and maximum"),
    "multipleOf": (of(a={"type": "number", "multipleOf": 0.5}), "a", "use minimum and maximum"),
    "dependentRequired": ({**of(a=STRING), "dependentRequired": {"a": ["b"]}}, "$", "ask for it in the description"),
    "dependentSchemas": ({**of(a=STRING), "dependentSchemas": {}}, "$", "ask for it in the description"),
    "minProperties": ({**of(a=STRING), "minProperties": 1}, "$", "ask for it in the description"),
    "maxProperties": ({**of(a=STRING), "maxProperties": 1}, "$", "ask for it in the description"),
    "uniqueItems": (of(a={"type": "array", "items": STRING, "uniqueItems": True}), "a", "ask for it"),
    "contains": (of(a={"type": "array", "items": STRING, "contains": STRING}), "a", "ask for it"),
    "minContains": (of(a={"type": "array", "items": STRING, "minContains": 1}), "a", "ask for it"),
    "maxContains": (of(a={"type": "array", "items": STRING, "maxContains": 1}), "a", "ask for it"),
    "contentEncoding": (of(a={"type": "string", "contentEncoding": "base64"}), "a", "ask for it"),
    "additionalItems": (of(a={"type": "array", "items": STRING, "additionalItems": False}), "a", "one schema for all"),
    "unevaluatedItems": (of(a={"type": "array", "items": STRING, "unevaluatedItems": False}), "a", "one schema"),
    "unevaluatedProperties": ({**of(a=STRING), "unevaluatedProperties": False}, "$", "use additionalProperties"),
    "propertyNames": ({**of(a=STRING), "propertyNames": {}}, "$", "name every field in properties"),
    "if": ({**of(a=STRING), "if": {}}, "$", "write one plain schema"),
    "then": ({**of(a=STRING), "then": {}}, "$", "write one plain schema"),
    "else": ({**of(a=STRING), "else": {}}, "$", "write one plain schema"),
    "$id": ({**of(a=STRING), "$id": "x"}, "$", "leave it out"),
    "$vocabulary": ({**of(a=STRING), "$vocabulary": {}}, "$", "leave it out"),
    "$anchor": (of(a={"type": "string", "$anchor": "x"}), "a", "references are never followed"),
    "$dynamicAnchor": (of(a={"type": "string", "$dynamicAnchor": "x"}), "a", "references are never followed"),
    "$dynamicRef": (of(a={"type": "string", "$dynamicRef": "#x"}), "a", "references are never followed"),
    "$recursiveRef": (of(a={"type": "string", "$recursiveRef": "#"}), "a", "references are never followed"),
    "old definitions": ({**of(a=STRING), "definitions": {}}, "$", "references are never followed"),
    "a default": (of(a={"type": "string", "default": "x"}), "a", "leave it out"),
    "examples": (of(a={"type": "string", "examples": ["x"]}), "a", "leave it out"),
    "a comment": (of(a={"type": "string", "$comment": "x"}), "a", "leave it out"),
    "readOnly": (of(a={"type": "string", "readOnly": True}), "a", "leave it out"),
    "writeOnly": (of(a={"type": "string", "writeOnly": True}), "a", "leave it out"),
    "deprecated": (of(a={"type": "string", "deprecated": True}), "a", "leave it out"),
    "contentMediaType": (of(a={"type": "string", "contentMediaType": "text/html"}), "a", "ask for it"),
    "contentSchema": (of(a={"type": "string", "contentSchema": {}}), "a", "ask for it"),
    "what a class library writes of an optional field": (
        of(age={"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None, "title": "Age"}),
        "age",
        "['string', 'null']",
    ),
    "a schema that holds itself": (of(tree={"$ref": "#"}), "tree", "write the schema out in place"),
    "a definition that is referred to": (
        {**of(people={"type": "array", "items": {"$ref": "#/$defs/Person"}}), "$defs": {"Person": of(name=STRING)}},
        "people[]",
        "write the schema out in place",
    ),
    "a map of counts": (
        of(counts={"type": "object", "additionalProperties": {"type": "integer"}}),
        "counts",
        "true or false",
    ),
    "one of two shapes": (of(shape={"oneOf": [of(r=STRING), of(w=STRING)]}), "shape", "write one plain schema"),
    "an enum without type": (of(x={"enum": ["a", 1, None]}), "x", "type must be one of"),
    "an unheard-of keyword": (of(a={"type": "string", "colour": 1}), "a", "allowed are additionalProperties"),
    "a keyword of another type": (of(a={"type": "integer", "minLength": 1}), "a", "says nothing about type integer"),
    "an enum of objects": (of(a={"type": "object", "enum": [{}], "properties": {"x": STRING}}), "a", "nothing about"),
    "an array without items": (of(a={"type": "array"}), "a", "items must give"),
    "an array of arrays": (
        of(a={"type": "array", "items": {"type": "array", "items": STRING}}),
        "a[]",
        "array of arrays",
    ),
    "an array of nullable arrays": (of(a={"type": "array", "items": {"type": ["array", "null"]}}), "a[]", "arrays"),
    "an inner object without properties": (of(a={"type": "object"}), "a", "has no properties"),
    "properties of a wrong kind": ({"type": "object", "properties": []}, "$", "must be an object of schemas"),
    "a schema for additionalProperties": ({"type": "object", "additionalProperties": STRING}, "$", "true or false"),
    "required of a wrong kind": ({"type": "object", "required": "a"}, "$", "array of property names"),
    "required twice": ({**of(a=STRING), "required": ["a", "a"]}, "$", "twice"),
    "required and unknown": ({**of(a=STRING), "required": ["b"]}, "$", "'b', which properties does not declare"),
    "a dot in a name": (of(**{"a.b": STRING}), "$", "belong to paths"),
    "a bracket in a name": (of(**{"a[]": STRING}), "$", "belong to paths"),
    "an empty name": (of(**{"": STRING}), "$", "1 to 64"),
    "a long name": (of(**{"x" * 65: STRING}), "$", "1 to 64"),
    "a digit first": (of(**{"1st": STRING}), "$", "begin with a letter"),
    "a line break after a name": (of(**{"name\n": STRING}), "$", "1 to 64"),
    "a name in another script": ({"type": "object", "properties": {"\u043e": STRING}}, "$", "1 to 64"),
    "an underscore first": (of(_a=STRING), "$", "reserved"),
    "__proto__": (of(__proto__=STRING), "$", "reserved"),
    "a system field": (of(transcription=STRING), "$", "reserved"),
    "a system field in capitals": (of(Metadata_Text=STRING), "$", "reserved"),
    "a result column deep inside": (of(a={"type": "array", "items": of(segment_id=STRING)}), "a[]", "reserved"),
    "title at the top": (of(title=STRING), "$", "reserved"),
    "score at the top": (of(Score=STRING), "$", "reserved"),
    "names that differ in case": (of(Name=STRING, name=STRING), "$", "differ only in case"),
    "seven levels": (nested(7), "a.a.a.a.a.a.a", "deeper than 6"),
    "201 leaves": (of(**{f"f{n}": STRING for n in range(201)}), "$", "201 leaf fields"),
    "too many bytes": (of(a={"type": "string", "description": "x" * 65536}), "$", "65536 are allowed"),
    "an empty enum": (of(a={"type": "string", "enum": []}), "a", "1 to 200"),
    "201 enum members": (of(a={"type": "integer", "enum": list(range(201))}), "a", "1 to 200"),
    "an enum of another type": (
        of(a={"type": "integer", "enum": [1, True]}),
        "a",
        "True, which is not of type integer",
    ),
    "null in an enum": (of(a={"type": "string", "enum": ["x", None]}), "a", "None, which is not"),
    "an enum member twice": (of(a={"type": "string", "enum": ["x", "x"]}), "a", "twice"),
    "a bound that is no number": (of(a={"type": "number", "minimum": "0"}), "a", "minimum must be"),
    "a bound beyond 64 bits": (of(a={"type": "number", "maximum": 10**400}), "a", "maximum must be"),
    "bounds crossed": (of(a={"type": "number", "minimum": 2, "maximum": 1}), "a", "minimum is above maximum"),
    "lengths crossed": (of(a={"type": "string", "minLength": 2, "maxLength": 1}), "a", "minLength is above"),
    "a negative length": (of(a={"type": "string", "minLength": -1}), "a", "minLength must be"),
    "an enormous length": (of(a={"type": "string", "maxLength": 2**40}), "a", "maxLength must be"),
    "a length that is a boolean": (of(a={"type": "string", "maxLength": True}), "a", "maxLength must be"),
    "counts crossed": (
        of(a={"type": "array", "items": STRING, "minItems": 2, "maxItems": 1}),
        "a",
        "minItems is above",
    ),
    "no whole number between": (of(a={"type": "integer", "minimum": 1.2, "maximum": 1.8}), "a", "no whole number"),
    "an enum out of bounds": (of(a={"type": "integer", "enum": [1, 2], "minimum": 5}), "a", "no value of the enum"),
    "an enum against its pattern": (of(a={"type": "string", "enum": ["a"], "pattern": "^b"}), "a", "no value of the"),
    "an enum of a wrong kind": (of(a={"type": "string", "enum": "x"}), "a", "1 to 200"),
    "a fraction in an enum of integers": (of(a={"type": "integer", "enum": [1.5]}), "a", "not of type integer"),
    "a fractional count": (of(a={"type": "array", "items": STRING, "minItems": 1.5}), "a", "minItems must be"),
    "a title of a wrong kind": (of(a={"type": "string", "title": 1}), "a", "title must be"),
    "a format of a wrong kind": (of(a={"type": "string", "format": 1}), "a", "format must be"),
    "a bound that is a boolean": (of(a={"type": "integer", "minimum": True}), "a", "minimum must be"),
    "an infinite bound": (of(a={"type": "number", "maximum": float("inf")}), "$", "not JSON"),
    "a description of a wrong kind": (of(a={"type": "string", "description": 1}), "a", "description must be"),
    "a pattern of a wrong kind": (of(a={"type": "string", "pattern": 1}), "a", "pattern must be"),
    "a broken pattern": (of(a={"type": "string", "pattern": "["}), "a", "check its syntax"),
    "a look-ahead": (of(a={"type": "string", "pattern": "(?=a)b"}), "a", "linear time"),
    "a back-reference": (of(a={"type": "string", "pattern": r"(a)\1"}), "a", "linear time"),
    "a pattern that explodes": (of(a={"type": "string", "pattern": "((a{1,999}){1,999}){1,999}"}), "a", "linear time"),
    "too many patterns": (of(**{f"p{n}": {"type": "string", "pattern": "x"} for n in range(65)}), "$", "65 patterns"),
    "NaN": (of(a={"type": "number", "minimum": float("nan")}), "$", "not JSON"),
    "half a surrogate pair": (of(a={"type": "string", "description": "\ud800"}), "$", "surrogate"),
    "U+0000": (of(a={"type": "string", "description": "\x00"}), "$", "U+0000"),
}


@pytest.mark.parametrize(("schema", "path", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_broken_rule_is_named_with_its_field(schema: Any, path: str, words: str) -> None:
    """Each rule has its own message, at the path of the field that breaks it."""
    assert any(at == path and words in message for at, message in problems(schema))


def test_every_keyword_of_the_dialect_is_decided_about() -> None:
    """Each keyword of JSON Schema 2020-12 is either allowed somewhere, or refused with advice that a row here shows."""
    shown = json.dumps([schema for schema, _, _ in REFUSED.values() if isinstance(schema, dict)])
    assert [word for word in KEYWORDS if word not in _ALLOWED and f'"{word}":' not in shown] == []


def test_all_problems_are_reported_at_once() -> None:
    """One answer lists what is wrong everywhere in the schema."""
    schema = of(
        a={"type": "text"},
        b=of(c={"type": "array"}, transcription=STRING),
        people={"type": "array", "items": of(emotion={"type": "string", "$ref": "#", "pattern": "["})},
    )
    assert {path for path, _ in problems(schema)} == {"a", "b", "b.c", "people[].emotion"}
    assert len(problems(schema)) == 5


def test_a_depth_bomb_is_refused_without_harm() -> None:
    """Nesting of any depth, in the schema proper or inside an unknown keyword, ends in the ordinary error."""
    bomb: Any = {}
    for _ in range(100_000):
        bomb = {"type": "object", "properties": {"a": bomb}}
    assert "nested too deeply" in problems(bomb)[0][1]
    assert "nested too deeply" in problems(of(a={"type": "string", "default": bomb}))[0][1]
    assert any("deeper than 6" in message for _, message in problems(nested(60)))


def test_a_huge_schema_is_refused_by_its_size_alone() -> None:
    """Five megabytes are measured and not walked, and the answer stays small."""
    with pytest.raises(Invalid) as refused:
        check_schema(of(**{f"bad.{n}": {"type": "x" * 100} for n in range(40_000)}))
    assert len(json.dumps(refused.value.details)) < 1000


def test_the_report_is_bounded() -> None:
    """Thousands of problems make a report of at most a hundred."""
    with pytest.raises(Invalid) as refused:
        check_schema(of(**{f"bad.{n}": {"type": "x"} for n in range(1500)}))
    assert len(refused.value.details["errors"]) == 100
    assert len(refused.value.message) < 2000


@given(schemas())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
def test_what_the_strategies_draw_is_accepted(schema: Any) -> None:
    """The shipped strategy and the rules agree."""
    check_schema(schema)


SCENE = of(
    headline=STRING,
    scene=of(people={"type": "array", "items": of(name=STRING)}),
    tags={"type": "array", "items": STRING},
)


def test_known_paths_pass() -> None:
    """Leaves, objects, arrays and the named system fields are all fields."""
    paths = ["headline", "scene", "scene.people", "scene.people[]", "scene.people[].name", "tags", "tags[]"]
    check_paths(SCENE, [*paths, "transcription"], loc="included_segment_fields", system={"transcription"})


def test_unknown_paths_are_listed_together() -> None:
    """All paths that name no field come back in one error, each with its place in the request."""
    wrong = ["nope", "scene.people.name", "scene.people[0].name", "", "transcription", "headline.x", "..", "x" * 3000]
    with pytest.raises(Invalid) as refused:
        check_paths(SCENE, ["headline", *wrong], loc="semantic_indexing.disabled_segment_fields")
    assert refused.value.code == "validation_unknown_field_path"
    errors = refused.value.details["errors"]
    assert [error["path"] for error in errors] == [path[:200] for path in wrong]
    assert errors[0]["loc"] == "semantic_indexing.disabled_segment_fields.1"


def test_patterns_are_matched_in_linear_time() -> None:
    """A pattern that would take some 2**200000 steps when matched by trial and error is answered at once."""
    check = validator({"type": "object", "properties": {"p": {"type": "string", "pattern": "^(a+)+$"}}})
    assert not check.is_valid({"p": "a" * 200_000 + "!"})
    assert check.is_valid({"p": "a" * 200_000})
