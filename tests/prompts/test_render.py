"""Metadata text byte for byte, and the strings that get vectors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from videovector_core.fields import FieldPath, leaves, values
from videovector_core.prompts.render import MAX_INDEXED, MAX_TEXT, cut, indexed_leaves, metadata_text
from videovector_core.testing.schemas import contracts

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "headline": {"type": "string"},
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
                            "emotion": {"type": "string"},
                            "age": {"type": "integer"},
                        },
                    },
                },
            },
        },
        "outdoor": {"type": "boolean"},
        "loudness": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
DOCUMENT: dict[str, Any] = {
    "tags": [" wet ", "", "grey\nsky"],
    "outdoor": True,
    "loudness": -0.5,
    "scene": {
        "people": [{"name": "Ada", "emotion": "calm", "age": 36}, {"emotion": "sad"}, {"name": "Bo"}],
        "location": None,
    },
    "headline": "  Rain\r\nover town\u2028today ",
}
WHOLE = """headline: Rain over town today
scene > people > name: Ada; Bo
scene > people > emotion: calm; sad
scene > people > age: 36
outdoor: yes
loudness: -0.5
tags: wet; grey sky
Transcription: It rains. Still.""".replace(">", "\u203a")


def lines(text: str, *dropped: str) -> str:
    """Leave out the lines that begin with these labels."""
    return "\n".join(line for line in text.split("\n") if line.partition(":")[0] not in dropped)


def test_the_text_of_a_document_byte_for_byte() -> None:
    """Schema order, labels, joined items, yes and no, JSON numbers, trimmed strings, transcription last."""
    assert metadata_text(DOCUMENT, SCHEMA, (), " It rains.\nStill. \n").encode() == WHOLE.encode()


def test_no_transcription_no_line() -> None:
    """A blank transcription leaves no trace."""
    assert metadata_text(DOCUMENT, SCHEMA, (), " \n") == lines(WHOLE, "Transcription")
    assert metadata_text({}, SCHEMA) == ""
    assert metadata_text({}, {"type": "object"}, (), "Only words.") == "Transcription: Only words."


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (False, "outdoor: no"),
        (True, "outdoor: yes"),
        (None, ""),
    ],
)
def test_booleans_read_as_words(value: Any, written: str) -> None:
    """False is a value and is written; null is none."""
    assert metadata_text({"outdoor": value}, SCHEMA) == written


@pytest.mark.parametrize(("value", "written"), [(0, "0"), (3, "3"), (2.5, "2.5"), (1e21, "1e+21"), (-1, "-1")])
def test_numbers_read_as_json(value: float, written: str) -> None:
    """Zero is a value and is written."""
    assert metadata_text({"loudness": value}, SCHEMA) == f"loudness: {written}"


@pytest.mark.parametrize(
    ("disabled", "gone"),
    [
        (["headline"], ["headline"]),
        (["scene.people[].emotion"], ["scene \u203a people \u203a emotion"]),
        (["scene"], [f"scene \u203a people \u203a {name}" for name in ("name", "emotion", "age")]),
        (["scene.people[]"], [f"scene \u203a people \u203a {name}" for name in ("name", "emotion", "age")]),
        (["scene.people"], [f"scene \u203a people \u203a {name}" for name in ("name", "emotion", "age")]),
        (["tags[]", "outdoor"], ["tags", "outdoor"]),
        (["tags"], ["tags"]),
    ],
)
def test_a_disabled_path_takes_its_leaves_along(disabled: list[str], gone: list[str]) -> None:
    """A disabled leaf, object or array is absent from the text and from the vectors."""
    assert metadata_text(DOCUMENT, SCHEMA, disabled, "It rains. Still.") == lines(WHOLE, *gone)
    assert not {leaf.label for leaf in indexed_leaves(DOCUMENT, SCHEMA, disabled)} & set(gone)


def test_the_transcription_is_cut_first_at_a_word() -> None:
    """Fields stay whole while the transcription gives way."""
    text = metadata_text(DOCUMENT, SCHEMA, (), "word " * 5000)
    body = lines(WHOLE, "Transcription")
    assert text.startswith(f"{body}\nTranscription: word word")
    assert text.endswith(" word")
    assert MAX_TEXT - 5 <= len(text) <= MAX_TEXT


def test_fields_are_cut_at_a_word_when_they_alone_are_too_long() -> None:
    """No transcription is left then, and no later field."""
    text = metadata_text({"headline": "lorem " * 4000, "outdoor": True}, SCHEMA, (), "said")
    assert text.startswith("headline: lorem")
    assert text.endswith("lorem")
    assert MAX_TEXT - 6 <= len(text) <= MAX_TEXT


def test_a_script_without_spaces_is_cut_anywhere() -> None:
    """A text without a single space is not thrown away whole."""
    assert len(metadata_text({"headline": "\u96e8" * 9000}, SCHEMA)) == MAX_TEXT


@pytest.mark.parametrize(
    ("text", "room", "kept"),
    [
        ("one two", 7, "one two"),
        ("one two", 6, "one"),
        ("one two", 4, "one"),
        ("one two", 3, "one"),
        ("one two", 2, ""),
        ("one two", 0, ""),
        ("one two", -5, ""),
        ("", -5, ""),
    ],
)
def test_cutting_keeps_whole_words(text: str, room: int, kept: str) -> None:
    """Words that do not fit whole are left out."""
    assert cut(text, room) == kept


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(0, 60))
def test_a_cut_text_is_a_beginning_that_fits(text: str, room: int) -> None:
    """Cutting only takes away from the end, and never in the middle of a word."""
    text = text.strip()
    kept = cut(text, room)
    assert text.startswith(kept)
    assert len(kept) <= room
    assert kept == text or text[len(kept)].isspace() or not kept


def test_string_leaves_get_vectors_with_their_names() -> None:
    """Strings only, in schema order, each instance with its path, key, label, value and preview."""
    found = indexed_leaves(DOCUMENT, SCHEMA)
    assert [(leaf.path, leaf.instance_path, leaf.value) for leaf in found] == [
        ("headline", "headline", "Rain over town today"),
        ("scene.people[].name", "scene.people[0].name", "Ada"),
        ("scene.people[].name", "scene.people[2].name", "Bo"),
        ("scene.people[].emotion", "scene.people[0].emotion", "calm"),
        ("scene.people[].emotion", "scene.people[1].emotion", "sad"),
        ("tags[]", "tags[0]", "wet"),
        ("tags[]", "tags[2]", "grey sky"),
    ]
    bo = found[2]
    assert bo.instance_key == '__instance__:["scene","people",2,"name"]'
    assert bo.label == "scene > people > name".replace(">", "\u203a")
    assert bo.instance_label == "scene > people 3 > name".replace(">", "\u203a")
    assert bo.preview == "Bo"


def test_of_too_many_strings_the_longest_are_kept_in_order() -> None:
    """The cap drops the shortest, and the rest keep the order of the document."""
    tags = [f"tag {'x' * (place % 100)} {place}" for place in range(200)]
    kept = [leaf.value for leaf in indexed_leaves({"tags": tags}, SCHEMA)]
    assert len(kept) == MAX_INDEXED
    assert kept == [tag for tag in tags if tag in kept]
    assert min(map(len, kept)) >= max(len(tag) for tag in tags if tag not in kept)


def test_a_preview_is_short() -> None:
    """A long value is previewed by its first words."""
    (leaf,) = indexed_leaves({"headline": "word " * 100}, SCHEMA)
    assert len(leaf.preview) <= 160
    assert leaf.value.startswith(leaf.preview)


@given(st.data(), contracts())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
def test_a_disabled_leaf_never_shows(data: st.DataObject, contract: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Whatever the schema and the document: no line and no vector of a disabled path, and every other one as before."""
    schema, document = contract
    disabled = data.draw(st.sampled_from([str(leaf.path) for leaf in leaves(schema)]))
    label = FieldPath.parse(disabled).label
    before = metadata_text(document, schema).split("\n")
    after = metadata_text(document, schema, [disabled]).split("\n")
    assert not any(line.startswith(f"{label}: ") for line in after)
    assert [line for line in after if line] == [line for line in before if line and not line.startswith(f"{label}: ")]
    assert disabled not in {leaf.path for leaf in indexed_leaves(document, schema, [disabled])}


@given(contracts())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
def test_every_vector_stands_for_a_value(contract: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """An indexed leaf is found again in the document under its path."""
    schema, document = contract
    for leaf in indexed_leaves(document, schema):
        known = {found.path: found.value for found in values(document, FieldPath.parse(leaf.path))}
        assert " ".join(known[leaf.instance_path].strip().splitlines()) == leaf.value
