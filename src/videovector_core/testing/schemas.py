"""Hypothesis strategies: schemas that prompts may carry, and documents that fill them.

`schemas()` draws schemas that pass `check_schema`; `documents(schema)` draws documents that fit one as they are;
`contracts()` draws both together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from hypothesis import strategies as st

from videovector_core.fields import is_nullable, json_type
from videovector_core.prompts.schema import is_reserved

PATTERNS: Final = (r"^[a-z]{2,5}$", r"^\d{4}-\d{2}$", r"^(a+)+b$", r"x")
_CHARACTERS: Final = st.characters(codec="utf-8", exclude_characters="\x00")
_WORDS: Final = st.sampled_from(("happy", "sad", "indoor", "outdoor", "other", "a b", "Ünï", "0"))
_MOST: Final = 2**53


def names() -> st.SearchStrategy[str]:
    """Draw a legal property name."""
    return st.from_regex(r"[A-Za-z][A-Za-z0-9_ -]{0,8}", fullmatch=True).filter(
        lambda name: name.isascii() and not is_reserved(name, on_top=True)
    )


def schemas(*, depth: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """Draw an object schema whose leaves lie at most `depth` property names deep (6 are allowed)."""
    return _objects(depth).map(_not_null)


@st.composite
def contracts(draw: st.DrawFn, *, depth: int = 3) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a schema and a document that fits it."""
    schema = draw(schemas(depth=depth))
    return schema, draw(documents(schema))


def documents(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Draw a value that fits a schema node unchanged: declared properties only, some optional ones absent."""
    fitting = _VALUES[json_type(schema)](schema)
    return st.none() | fitting if is_nullable(schema) and None in schema.get("enum", [None]) else fitting


@st.composite
def _objects(draw: st.DrawFn, depth: int) -> dict[str, Any]:
    chosen = draw(st.lists(names(), min_size=1, max_size=4, unique_by=str.casefold))
    properties = {name: draw(_nodes(depth - 1)) for name in chosen}
    node: dict[str, Any] = {"type": draw(_types("object")), "properties": properties}
    if draw(st.booleans()):
        node["required"] = draw(st.lists(st.sampled_from(chosen), unique=True))
    if draw(st.booleans()):
        node["additionalProperties"] = draw(st.booleans())
    return node


def _not_null(node: dict[str, Any]) -> dict[str, Any]:
    return {**node, "type": "object"}


def _nodes(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    scalars = _strings() | _numbers() | _enums() | st.fixed_dictionaries({"type": _types("boolean")})
    if depth <= 0:
        return scalars | _arrays(scalars)
    inner = _objects(depth)
    return scalars | _arrays(scalars) | inner | _arrays(inner)


def _types(name: str) -> st.SearchStrategy[str | list[str]]:
    return st.sampled_from((name, [name], [name, "null"], ["null", name]))


@st.composite
def _strings(draw: st.DrawFn) -> dict[str, Any]:
    node: dict[str, Any] = {"type": draw(_types("string")), "description": draw(st.text(_CHARACTERS, max_size=8))}
    if draw(st.booleans()):
        node["pattern"] = draw(st.sampled_from(PATTERNS))
        return node
    least = draw(st.integers(0, 3))
    return {**node, "minLength": least, "maxLength": least + draw(st.integers(0, 20))}


@st.composite
def _numbers(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(("integer", "number")))
    least = draw(st.integers(-1000, 1000))
    bounds = {"minimum": least, "maximum": least + draw(st.integers(0, 1000))} if draw(st.booleans()) else {}
    return {"type": draw(_types(kind)), **bounds}


@st.composite
def _enums(draw: st.DrawFn) -> dict[str, Any]:
    kind, members = draw(st.sampled_from((("string", _WORDS), ("integer", st.integers(-9, 9)))))
    declared = draw(_types(kind))
    enum: list[Any] = draw(st.lists(members, min_size=1, max_size=4, unique=True))
    nullable = "null" in declared and draw(st.booleans())
    return {"type": declared, "enum": [*enum, *([None] if nullable else [])]}


@st.composite
def _arrays(draw: st.DrawFn, items: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    node: dict[str, Any] = {"type": draw(_types("array")), "items": draw(items)}
    if draw(st.booleans()):
        node["minItems"] = draw(st.integers(0, 2))
        node["maxItems"] = node["minItems"] + draw(st.integers(0, 2))
    return node


def _of_object(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    properties, required = schema.get("properties", {}), schema.get("required", ())
    return st.fixed_dictionaries(
        {name: documents(child) for name, child in properties.items() if name in required},
        optional={name: documents(child) for name, child in properties.items() if name not in required},
    )


def _of_array(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    least = schema.get("minItems", 0)
    return st.lists(documents(schema["items"]), min_size=least, max_size=schema.get("maxItems", least + 3))


def _of_string(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return _members(schema)
    if "pattern" in schema:
        drawn = st.from_regex(schema["pattern"], fullmatch=True, alphabet=_CHARACTERS)
        # `$` stands before a last line break here, and at the very end in JSON Schema; digits are ASCII there.
        return drawn.filter(lambda text: text.isascii() and not text.endswith("\n"))
    least = schema.get("minLength", 0)
    return st.text(_CHARACTERS, min_size=least, max_size=schema.get("maxLength", least + 20))


def _of_integer(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return _members(schema)
    return st.integers(schema.get("minimum", -_MOST), schema.get("maximum", _MOST))


def _of_number(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return _members(schema)
    least, most = schema.get("minimum"), schema.get("maximum")
    return st.floats(least, most, allow_nan=False, allow_infinity=False) | _of_integer(schema)


def _members(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([member for member in schema["enum"] if member is not None])


_VALUES: Final[dict[str, Callable[[Mapping[str, Any]], st.SearchStrategy[Any]]]] = {
    "object": _of_object,
    "array": _of_array,
    "string": _of_string,
    "integer": _of_integer,
    "number": _of_number,
    "boolean": lambda schema: _members(schema) if "enum" in schema else st.booleans(),
}
