"""Paths into a user's JSON Schema and into the documents that fill it.

The grammar is part of the public query contract: a dot between an object and its property, `[]` after the name of an
array, as in `scene.people[].emotion` and `tags[]`. An *instance* is one value of a document at such a path; its steps
also hold the positions in arrays, as in `("scene", "people", 0, "emotion")`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from videovector_core.errors import Invalid

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]{0,63}")
"""What a property may be called (semantics 3.2); always matched whole."""

MAX_PATH: Final = 1024
Steps: TypeAlias = tuple[str | int, ...]
_PIECE: Final = re.compile(rf"({NAME.pattern})(\[\])?")
_ARROW: Final = " \u203a "
"""Between the names of a label, here written >."""


@frozen
class Step:
    """A property name; `many` when the property is an array and the path goes on inside its items."""

    name: str
    many: bool = False

    def __str__(self) -> str:
        return f"{self.name}[]" if self.many else self.name


@frozen
class FieldPath:
    """Where a field stands in a schema; the empty path is the root."""

    steps: tuple[Step, ...] = ()

    @classmethod
    def parse(cls, text: str) -> FieldPath:
        """Read `scene.people[].emotion`; `Invalid` (code `validation_field_path`) when it is no path."""
        pieces = [_PIECE.fullmatch(piece) for piece in text.split(".")] if len(text) <= MAX_PATH else [None]
        if None in pieces:
            raise Invalid(
                f"{text[:80]!r} is no field path; write it like scene.people[].emotion.", code="validation_field_path"
            )
        return cls(tuple(Step(piece[1], many=piece[2] is not None) for piece in pieces if piece))

    def __str__(self) -> str:
        return ".".join(map(str, self.steps))

    def __truediv__(self, name: str) -> FieldPath:
        """Return the path of the property `name` of this object."""
        return FieldPath((*self.steps, Step(name)))

    def each(self) -> FieldPath:
        """Return the path of the items of this array; the root has none and stays as it is."""
        return FieldPath((*self.steps[:-1], Step(self.steps[-1].name, many=True))) if self.steps else self

    @property
    def name(self) -> str:
        """The last property name, empty for the root."""
        return self.steps[-1].name if self.steps else ""

    @property
    def label(self) -> str:
        """The path for people: `scene > people > emotion`."""
        return _ARROW.join(step.name for step in self.steps)

    @property
    def array(self) -> FieldPath | None:
        """The longest beginning of this path that ends in `[]`: conditions that share it are about the same item."""
        last = max((place for place, step in enumerate(self.steps) if step.many), default=None)
        return None if last is None else FieldPath(self.steps[: last + 1])

    def covers(self, other: FieldPath) -> bool:
        """Whether `other` is this field or lies inside it; `scene.people` and `scene.people[]` cover the same."""
        size = len(self.steps)
        if not size or size > len(other.steps):
            return not size
        return self.steps[:-1] == other.steps[: size - 1] and self._ends_like(other.steps[size - 1])

    def _ends_like(self, step: Step) -> bool:
        return self.steps[-1].name == step.name and (step.many or not self.steps[-1].many)


@frozen
class Leaf:
    """A field that holds scalars: a scalar property, or the items of an array of scalars (path `tags[]`)."""

    path: FieldPath
    type: str
    """`string`, `integer`, `number` or `boolean`."""
    nullable: bool = False
    enum: tuple[Any, ...] | None = None
    description: str = ""
    title: str = ""


@frozen
class Instance:
    """One value of a document, and the steps that lead to it."""

    value: Any = field(hash=False)
    steps: Steps

    @property
    def key(self) -> str:
        """The wire's name of this instance: `__instance__:["scene","people",0,"emotion"]`."""
        return instance_key(self.steps)

    @property
    def path(self) -> str:
        """The instance for programs: `scene.people[0].emotion`."""
        return instance_path(self.steps)

    @property
    def label(self) -> str:
        """The instance for people, items counted from one: `scene > people 1 > emotion`."""
        return instance_label(self.steps)


def instance_key(steps: Steps) -> str:
    """Return `__instance__:` and the steps as a compact JSON array."""
    return "__instance__:" + json.dumps(list(steps), separators=(",", ":"), ensure_ascii=False)


def instance_path(steps: Steps) -> str:
    """Write steps as `scene.people[0].emotion`; `$` for the root."""
    written = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return written.removeprefix(".") or "$"


def instance_label(steps: Steps) -> str:
    """Write steps for people, items counted from one: `scene > people 1 > emotion`."""
    written = "".join(f" {step + 1}" if isinstance(step, int) else f"{_ARROW}{step}" for step in steps)
    return written.removeprefix(_ARROW)


def json_type(schema: Mapping[str, Any]) -> str:
    """Return the type that a checked schema node declares, leaving `null` aside."""
    declared = schema.get("type")
    names = [declared] if isinstance(declared, str) else [name for name in declared or () if name != "null"]
    return names[0] if names else ""


def is_nullable(schema: Mapping[str, Any]) -> bool:
    """Whether a schema node also accepts null."""
    return isinstance(schema.get("type"), list) and "null" in schema["type"]


def leaves(schema: Mapping[str, Any]) -> tuple[Leaf, ...]:
    """List the leaves of a checked schema in its own order, depth first."""
    return tuple(_leaves(schema, FieldPath()))


def _leaves(node: Mapping[str, Any], at: FieldPath) -> Iterator[Leaf]:
    kind = json_type(node)
    if kind == "object":
        for name, child in node.get("properties", {}).items():
            yield from _leaves(child, at / name)
    elif kind == "array":
        yield from _leaves(node["items"], at.each())
    else:
        enum = tuple(node["enum"]) if "enum" in node else None
        yield Leaf(at, kind, is_nullable(node), enum, node.get("description", ""), node.get("title", ""))


def subschema(schema: Mapping[str, Any], path: FieldPath) -> Mapping[str, Any] | None:
    """Return the schema node at a path (`tags` is the array, `tags[]` its items), `None` when there is none."""
    node: Mapping[str, Any] | None = schema
    for step in path.steps:
        node = (node or {}).get("properties", {}).get(step.name)
        if node is not None and step.many:
            node = node.get("items")
    return node


def values(document: Any, path: FieldPath) -> Iterator[Instance]:
    """Find the instances of a path in a document, in document order; what is absent or shaped otherwise has none."""
    yield from _values(document, path.steps, ())


def _values(value: Any, rest: tuple[Step, ...], done: Steps) -> Iterator[Instance]:
    if not rest:
        yield Instance(value, done)
        return
    step, below = rest[0], rest[1:]
    if not isinstance(value, Mapping) or step.name not in value:
        return
    inner, here = value[step.name], (*done, step.name)
    if not step.many:
        yield from _values(inner, below, here)
    elif isinstance(inner, list):
        for place, item in enumerate(inner):
            yield from _values(item, below, (*here, place))
