"""Filling a schema from a pool of evidence: what has none is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, frozen

from videovector_adapters.local.extractive import judging, quoting
from videovector_adapters.local.extractive.language import unique
from videovector_adapters.local.extractive.meaning import Aim, Field, read_field
from videovector_adapters.local.extractive.pool import Pool, Quote
from videovector_core.fields import FieldPath, is_nullable, json_type
from videovector_core.prompts.render import cut
from videovector_core.prompts.validators import validator

NOTHING: Final = object()
"""No value; null is one."""
MAX_ITEMS: Final = 20
_ITEMS_OF_OBJECTS: Final = 5
_ANCHORED: Final = frozenset({Aim.SUMMARY, Aim.HEADLINE, Aim.QUOTE, Aim.POINTS, Aim.TOPIC, Aim.KEYWORDS, Aim.OTHER})
_SENTENCE_LIKE: Final = frozenset(
    {Aim.QUOTE, Aim.POINTS, Aim.SUMMARY, Aim.HEADLINE, Aim.QUESTION, Aim.TRANSCRIPT, Aim.OTHER}
)


@frozen
class Anchor:
    """What makes an item of an array of objects: the text that was found, and the field of the item that holds it."""

    text: str
    holder: str | None


@define
class Filler:
    """Fills nodes of one schema. `insisted` are the paths that were found wanting in an earlier answer."""

    insisted: frozenset[str] = frozenset()

    def document(self, schema: Mapping[str, Any], pool: Pool) -> dict[str, Any]:
        """Fill the root; the result may be empty."""
        document, _ = self._object(schema, FieldPath(), pool, None)
        return document

    def _object(
        self, node: Mapping[str, Any], at: FieldPath, pool: Pool, anchor: Anchor | None
    ) -> tuple[dict[str, Any], bool]:
        """Return the properties that have a value, and whether any of them rests on evidence."""
        filled: dict[str, Any] = {}
        evident = False
        for name, child in node.get("properties", {}).items():
            value = NOTHING
            if anchor and anchor.holder == name:
                value = fitting([anchor.text], child)
            if value is NOTHING:
                value = self._node(child, at / name, pool)
            evident = evident or value is not NOTHING
            if value is NOTHING and name in node.get("required", ()):
                value = self._required(child, at / name, pool)
            if value is not NOTHING:
                filled[name] = value
        return filled, evident

    def _node(self, node: Mapping[str, Any], at: FieldPath, pool: Pool) -> Any:
        """Return a value that rests on evidence, or `NOTHING`."""
        kind = json_type(node)
        if kind == "object":
            inner, evident = self._object(node, at, pool, None)
            return inner if evident and validator(node).is_valid(inner) else NOTHING
        field = read_field(at.name, node, [step.name for step in at.steps[:-1]])
        if kind == "array":
            items = self._array(node, at, field, pool)
            return items if items and len(items) >= node.get("minItems", 0) else NOTHING
        if kind == "string" and "enum" not in node:
            return fitting(quoting.candidates(field, pool), node)
        return fitting(judging.supported(field, kind, pool), node)

    def _required(self, node: Mapping[str, Any], at: FieldPath, pool: Pool) -> Any:
        """Return what can honestly stand where there is no evidence: null, an empty value, "unknown"; or `NOTHING`."""
        kind = json_type(node)
        field = read_field(at.name, node, [step.name for step in at.steps[:-1]])
        if is_nullable(node) and None in node.get("enum", [None]):
            return None
        if kind == "object":
            return self._object(node, at, pool, None)[0]
        if kind == "array":
            return [] if not node.get("minItems") else self._insisted(node, at, pool)
        if "enum" in node:
            return fitting(judging.undecided(field, kind, pool, insisted=str(at) in self.insisted), node)
        if kind != "string":
            return NOTHING
        empty = fitting([""], node)
        return empty if empty is not NOTHING else self._insisted(node, at, pool)

    def _insisted(self, node: Mapping[str, Any], at: FieldPath, pool: Pool) -> Any:
        """Quote anything at all for a field that an earlier answer was rejected for, and that must not be empty."""
        if str(at) not in self.insisted and str(at.each()) not in self.insisted:
            return NOTHING
        if json_type(node) == "string":
            return fitting(quoting.instead(pool), node)
        items = [value for text in quoting.instead(pool) if (value := fitting([text], node["items"])) is not NOTHING]
        return items[: node.get("maxItems", MAX_ITEMS)] if len(items) >= node["minItems"] else NOTHING

    def _array(self, node: Mapping[str, Any], at: FieldPath, field: Field, pool: Pool) -> list[Any]:
        items = node["items"]
        kind = json_type(items)
        most = min(node.get("maxItems", MAX_ITEMS), MAX_ITEMS if field.aim is not Aim.TRANSCRIPT else 200)
        if kind == "object":
            return self._objects(items, at.each(), field, pool)[:most]
        if kind == "string" and "enum" not in items:
            texts = quoting.several(read_field(at.name, items, [step.name for step in at.steps[:-1]]), pool)
            texts = texts or quoting.several(field, pool)
            values = (fitting([text], items) for text in texts)
        else:
            scalar = read_field(at.name, items, [step.name for step in at.steps[:-1]])
            values = (fitting([one], items) for one in judging.all_supported(scalar, kind, pool))
        kept: list[Any] = []
        for value in values:
            if value is not NOTHING and value not in kept and len(kept) < most:
                kept.append(value)
        return kept

    def _objects(self, items: Mapping[str, Any], at: FieldPath, field: Field, pool: Pool) -> list[Any]:
        """Build one object for each thing of the array's kind that the evidence names."""
        holder = _holder(items, field, at)
        kept: list[Any] = []
        for text, narrowed in _anchors(field, pool):
            item, evident = self._object(items, at, narrowed, Anchor(text, holder))
            if evident and item not in kept and validator(items).is_valid(item):
                kept.append(item)
        return kept


def fitting(values: Any, node: Mapping[str, Any]) -> Any:
    """Return the first value that the schema node accepts, texts shortened at a word where that helps."""
    for value in values:
        shorter = _shortened(value, node.get("maxLength")) if isinstance(value, str) else value
        if shorter is not None and _accepts(node, shorter):
            return shorter
    return NOTHING


def _shortened(text: str, most: int | None) -> str | None:
    if most is None or len(text) <= most:
        return text
    return cut(text, most).rstrip(" ,;:") or None


def _accepts(node: Mapping[str, Any], value: Any) -> bool:
    if isinstance(value, str) and not node.keys() & {"enum", "minLength", "maxLength", "pattern"}:
        return json_type(node) == "string"
    return validator(node).is_valid(value)


def _holder(items: Mapping[str, Any], field: Field, at: FieldPath) -> str | None:
    """Choose the property of an item that says what the item is."""
    texts = [
        (name, read_field(name, child, [step.name for step in at.steps]).aim)
        for name, child in items.get("properties", {}).items()
        if json_type(child) == "string" and "enum" not in child
    ]
    same = [name for name, aim in texts if aim is field.aim and aim is not Aim.OTHER]
    return next(iter([*same, *(name for name, aim in texts if aim in _ANCHORED)]), None)


def _anchors(field: Field, pool: Pool) -> Iterator[tuple[str, Pool]]:
    """Find what the items of an array of objects are about, each with the evidence that belongs to it."""
    if field.aim is Aim.OBJECT:
        for label in sorted(pool.labels, key=lambda label: -label.probability):
            yield label.name, pool.narrowed(labels=[label])
    elif field.aim in _SENTENCE_LIKE:
        for quote in _sentences(field, pool):
            yield quote.text, pool.narrowed([quote])
    else:
        most = MAX_ITEMS if field.aim in (Aim.PERSON, Aim.SCREEN) else _ITEMS_OF_OBJECTS
        for text in quoting.several(field, pool)[:most]:
            yield text, pool.narrowed(pool.about(text), [label for label in pool.labels if label.name == text])


def _sentences(field: Field, pool: Pool) -> Sequence[Quote]:
    if field.aim is Aim.OTHER:
        return quoting.overlapping(field, pool)
    wanted = unique(quoting.several(field, pool))
    by_text = {quote.text: quote for quote in reversed(pool.quotes)}
    return [by_text[text] for text in wanted if text in by_text]
