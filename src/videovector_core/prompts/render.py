"""What is indexed of a result: its text as one string, and its string leaves one by one (semantics 4)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from videovector_core.fields import FieldPath, Leaf, leaves, values

MAX_TEXT: Final = 8000
"""Characters of metadata text."""
MAX_INDEXED: Final = 64
"""Leaf vectors of a segment."""
PREVIEW: Final = 160
"""Characters of a value's preview."""
_UNBROKEN: Final = 100
"""A stretch this long without a space is no word: text of a script that is written without spaces."""


@frozen
class IndexedLeaf:
    """A string of a document that gets a vector of its own."""

    path: str
    label: str
    """The field for people, without positions in arrays."""
    instance_key: str
    instance_path: str
    instance_label: str
    value: str
    preview: str


def metadata_text(
    document: Mapping[str, Any], schema: Mapping[str, Any], disabled: Collection[str] = (), transcription: str = ""
) -> str:
    """Write a document as text, one `Label: value` line for each enabled leaf in the schema's order.

    Array items are joined by `; `; null and empty values are skipped; booleans read yes and no; each line break inside
    a string becomes one space. The transcription comes last. The whole has at most `MAX_TEXT` characters: the line
    that goes over is cut at a word boundary and those after it are left out, so that the transcription goes first.
    """
    lines = [*_lines(document, schema, disabled), ("Transcription", _flat(transcription))]
    return "\n".join(_within(((label, value) for label, value in lines if value), MAX_TEXT))


def indexed_leaves(
    document: Mapping[str, Any], schema: Mapping[str, Any], disabled: Collection[str] = ()
) -> list[IndexedLeaf]:
    """List the strings of a document that get vectors, in the schema's order; of too many the longest are kept."""
    found = [
        IndexedLeaf(
            path=str(leaf.path),
            label=leaf.path.label,
            instance_key=instance.key,
            instance_path=instance.path,
            instance_label=instance.label,
            value=text,
            preview=cut(text, PREVIEW),
        )
        for leaf in enabled_leaves(schema, disabled)
        if leaf.type == "string"
        for instance in values(document, leaf.path)
        if isinstance(instance.value, str) and (text := _flat(instance.value))
    ]
    longest = sorted(range(len(found)), key=lambda place: -len(found[place].value))[:MAX_INDEXED]
    return [found[place] for place in sorted(longest)]


def enabled_leaves(schema: Mapping[str, Any], disabled: Collection[str] = ()) -> list[Leaf]:
    """List the leaves that no disabled path covers; a disabled object or array takes everything below it along."""
    prefixes = [FieldPath.parse(path) for path in disabled]
    return [leaf for leaf in leaves(schema) if not any(prefix.covers(leaf.path) for prefix in prefixes)]


def cut(text: str, room: int) -> str:
    """Return the words of `text` that fit into `room` characters; nothing when not even the first word does."""
    if len(text) <= max(room, 0):
        return text
    head = text[: max(room, 0) + 1]
    words = head.rsplit(maxsplit=1)[0].rstrip() if not head[-1:].isspace() else head.rstrip()
    if len(words) < len(head):
        return words
    return text[:room] if room >= _UNBROKEN else ""


def _lines(
    document: Mapping[str, Any], schema: Mapping[str, Any], disabled: Collection[str]
) -> Iterator[tuple[str, str]]:
    for leaf in enabled_leaves(schema, disabled):
        written = (_written(instance.value) for instance in values(document, leaf.path))
        yield leaf.path.label, "; ".join(text for text in written if text)


def _written(value: Any) -> str:
    if isinstance(value, str):
        return _flat(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value) if isinstance(value, int | float) else ""


def _flat(text: str) -> str:
    return " ".join(text.strip().splitlines())


def _within(lines: Iterable[tuple[str, str]], room: int) -> Iterator[str]:
    for label, value in lines:
        head = f"{label}: "
        kept = cut(value, room - len(head))
        if kept:
            yield head + kept
        if len(kept) < len(value):
            return
        room -= len(head) + len(kept) + 1
