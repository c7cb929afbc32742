"""Paths into schemas and documents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from videovector_core.errors import Invalid
from videovector_core.fields import FieldPath, Instance, Step, instance_key, leaves, subschema, values
from videovector_core.testing.schemas import contracts

SCENE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "headline": {"type": "string", "description": "One line."},
        "scene": {
            "type": "object",
            "properties": {
                "location": {"type": ["string", "null"]},
                "people": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string"},
                            "emotion": {"type": "string", "enum": ["happy", "sad"]},
                        },
                    },
                },
            },
        },
        "tags": {"type": "array", "items": {"type": "string"}},
        "count": {"type": "integer"},
    },
}
DOCUMENT: dict[str, Any] = {
    "headline": "Rain",
    "scene": {"people": [{"emotion": "sad"}, {"name": "Ada", "emotion": "happy"}]},
    "tags": ["wet", "grey"],
}


def test_leaves_come_in_schema_order_depth_first() -> None:
    """Leaves are listed as the schema writes them, arrays of scalars with their brackets."""
    assert [str(leaf.path) for leaf in leaves(SCENE)] == [
        "headline",
        "scene.location",
        "scene.people[].name",
        "scene.people[].emotion",
        "tags[]",
        "count",
    ]


def test_a_leaf_carries_what_a_reader_needs() -> None:
    """Type, enum, description and whether null is allowed travel with the path."""
    by_path = {str(leaf.path): leaf for leaf in leaves(SCENE)}
    assert by_path["scene.people[].emotion"].enum == ("happy", "sad")
    assert by_path["scene.location"].nullable
    assert not by_path["headline"].nullable
    assert by_path["headline"].description == "One line."
    assert by_path["count"].type == "integer"
    assert by_path["tags[]"].type == "string"


@pytest.mark.parametrize("text", ["headline", "scene.people[].emotion", "tags[]", "a b-c_1.d", "x" * 64])
def test_a_path_reads_back_as_written(text: str) -> None:
    """Parsing and writing a path are inverse."""
    assert str(FieldPath.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a[0]",
        "a[]b",
        "a[][]",
        "[]",
        "[].a",
        "a]",
        "1a",
        "a\n",
        "x" * 65,
        "ä",
        "a." * 2000 + "a",
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    """A text outside the grammar is refused with the code for it."""
    with pytest.raises(Invalid) as refused:
        FieldPath.parse(text)
    assert refused.value.code == "validation_field_path"


def test_steps_label_and_array_of_a_path() -> None:
    """A path knows its steps, its words for people and the array that its items share."""
    path = FieldPath.parse("scene.people[].emotion")
    assert path.steps == (Step("scene"), Step("people", many=True), Step("emotion"))
    assert path.label == "scene > people > emotion".replace(">", "\u203a")
    assert str(path.array) == "scene.people[]"
    assert FieldPath.parse("scene.location").array is None
    assert FieldPath() / "scene" / "location" == FieldPath.parse("scene.location")
    assert FieldPath.parse("tags").each() == FieldPath.parse("tags[]")


@pytest.mark.parametrize(
    ("prefix", "path", "covered"),
    [
        ("scene", "scene.people[].emotion", True),
        ("scene.people", "scene.people[].emotion", True),
        ("scene.people[]", "scene.people[].emotion", True),
        ("scene.people[].emotion", "scene.people[].emotion", True),
        ("tags", "tags[]", True),
        ("tags[]", "tags[]", True),
        ("tags[]", "tags", False),
        ("scene.people[].emotion", "scene.people[]", False),
        ("scene.peop", "scene.people[].emotion", False),
        ("sc", "scene", False),
        ("people", "scene.people[].name", False),
    ],
)
def test_a_prefix_covers_what_lies_below_it(prefix: str, path: str, covered: bool) -> None:
    """A path covers itself and everything inside it, and nothing that only begins with the same letters."""
    assert FieldPath.parse(prefix).covers(FieldPath.parse(path)) is covered


def test_values_are_found_with_their_steps() -> None:
    """Every item of an array is an instance of its own; what is absent has none."""
    emotions = list(values(DOCUMENT, FieldPath.parse("scene.people[].emotion")))
    assert emotions == [
        Instance("sad", ("scene", "people", 0, "emotion")),
        Instance("happy", ("scene", "people", 1, "emotion")),
    ]
    assert [found.steps for found in values(DOCUMENT, FieldPath.parse("scene.people[].name"))] == [
        ("scene", "people", 1, "name")
    ]
    assert [found.value for found in values(DOCUMENT, FieldPath.parse("tags"))] == [["wet", "grey"]]
    assert [found.value for found in values(DOCUMENT, FieldPath.parse("tags[]"))] == ["wet", "grey"]
    assert not list(values(DOCUMENT, FieldPath.parse("count")))


@pytest.mark.parametrize(
    "document", [None, 3, [], {"scene": 3}, {"scene": {"people": {"emotion": "x"}}}, {"scene": []}]
)
def test_a_document_of_another_shape_has_no_values(document: Any) -> None:
    """A path never fails on a document that does not fit it."""
    assert not list(values(document, FieldPath.parse("scene.people[].emotion")))


def test_an_instance_names_itself() -> None:
    """The key is the wire's, the path is for programs, the label for people."""
    first = next(values(DOCUMENT, FieldPath.parse("scene.people[].emotion")))
    assert first.key == '__instance__:["scene","people",0,"emotion"]'
    assert first.path == "scene.people[0].emotion"
    assert first.label == "scene > people 1 > emotion".replace(">", "\u203a")
    assert instance_key(("headline",)) == '__instance__:["headline"]'
    assert next(values(DOCUMENT, FieldPath())).path == "$"


def test_nodes_are_found_by_path() -> None:
    """An array is a node, and so are its items; nothing lies inside a scalar."""
    for text, kind in (("scene.people", "array"), ("scene.people[]", "object"), ("tags[]", "string")):
        assert (subschema(SCENE, FieldPath.parse(text)) or {})["type"] == kind
    for text in ("scene.people.name", "nowhere.x", "headline.x", "headline[]"):
        assert subschema(SCENE, FieldPath.parse(text)) is None


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
@given(contracts())
def test_steps_lead_to_their_value(contract: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """A path is read as it is written, and walking the steps of any instance of any leaf reaches exactly its value."""
    schema, document = contract
    for leaf in leaves(schema):
        assert FieldPath.parse(str(leaf.path)) == leaf.path
        for found in values(document, leaf.path):
            value: Any = document
            for step in found.steps:
                value = value[step]
            assert value is found.value
