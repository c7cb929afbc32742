"""One user schema, said in the way that a provider understands, and answers brought back to it.

    strict       `json_schema` with `strict: true`: every property required, optional ones nullable, objects closed
    json_schema  `json_schema` with the schema as it is
    openapi      `json_schema` whose nullable types say `nullable: true`, for gateways to models that know no type lists
    json_object  any JSON object; the schema stands in the question
    prompt       nothing but the question

Whatever the provider was told, the answer is checked against the user's own schema afterwards. Rewriting therefore only
has to be kept honest in one direction: what was taken out (lengths, patterns, titles) is said in the description, and
`restored` undoes what was put in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import frozen


class Dialect(StrEnum):
    """How a provider takes a schema."""

    STRICT = "strict"
    JSON_SCHEMA = "json_schema"
    OPENAPI = "openapi"
    JSON_OBJECT = "json_object"
    PROMPT = "prompt"

    @property
    def simpler(self) -> Dialect | None:
        """The dialect to fall back to when a provider refuses this one."""
        return _SIMPLER.get(self)

    @classmethod
    def for_endpoint(cls, base_url: str) -> Dialect:
        """Guess the dialect of an endpoint by its host."""
        host = urlsplit(base_url).hostname or ""
        return cls.STRICT if host == "api.openai.com" or host.endswith(".openai.azure.com") else cls.JSON_SCHEMA


_SIMPLER: Final = {
    Dialect.STRICT: Dialect.JSON_SCHEMA,
    Dialect.JSON_SCHEMA: Dialect.JSON_OBJECT,
    Dialect.OPENAPI: Dialect.JSON_OBJECT,
    Dialect.JSON_OBJECT: Dialect.PROMPT,
}
MAX_ENUM_VALUES: Final = 1000
"""Of a whole strict schema (OpenAI, Structured Outputs, limitations)."""
_STRICT_KEEPS: Final = ("description", "minimum", "maximum", "minItems", "maxItems")
_SAID: Final = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matches the regular expression {}",
    "format": "format {}",
    "title": "called {}",
}


@frozen
class Form:
    """A schema as it is sent: a response format, or words for the question; `restored` brings an answer back."""

    response_format: dict[str, Any] | None
    words: str
    restored: Callable[[str], str]


def form(schema: Mapping[str, Any], dialect: Dialect) -> Form:
    """Say a user's schema in a dialect."""
    if dialect is Dialect.STRICT and schema.get("properties"):
        return Form(_named(strict(schema), strict=True), "", lambda text: restored(text, schema))
    if dialect in {Dialect.STRICT, Dialect.JSON_SCHEMA}:
        return Form(_named(dict(schema), strict=False), "", str)
    if dialect is Dialect.OPENAPI:
        return Form(_named(openapi(schema), strict=False), "", str)
    # "<" is written as an escape, so that no description can close the block
    written = json.dumps(schema, ensure_ascii=False).replace("<", "\\u003c")
    words = f"\n\nAnswer with one JSON object that fits this JSON Schema:\n<schema>\n{written}\n</schema>"
    return Form({"type": "json_object"} if dialect is Dialect.JSON_OBJECT else None, words, str)


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Rewrite a schema for strict decoding."""
    room = [MAX_ENUM_VALUES]
    return _strict(schema, room, nullable=False)


def openapi(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Rewrite a schema for gateways that know no lists of types."""
    kind, nullable = _kind(schema)
    known = {name: value for name, value in schema.items() if name not in {"type", "additionalProperties", "title"}}
    out: dict[str, Any] = {**known, "type": kind, **({"nullable": True} if nullable else {})}
    if "enum" in schema:
        out["enum"] = [value for value in schema["enum"] if value is not None]
        if not out["enum"]:
            del out["enum"]
    if "properties" in schema:
        out["properties"] = {name: openapi(inner) for name, inner in schema["properties"].items()}
    if "items" in schema:
        out["items"] = openapi(schema["items"])
    return out


def restored(text: str, schema: Mapping[str, Any]) -> str:
    """Undo in an answer what `strict` put into the schema.

    A null that stands for an absent field goes, and text that stands for an open object becomes that object. Text that
    is no plain JSON object, or holds a number that would change on the way, stays as it came.
    """
    try:
        document = json.loads(text, object_pairs_hook=_once, parse_int=_exact, parse_float=_finite)
    except (ValueError, RecursionError):
        return text
    return json.dumps(_restored(document, schema), ensure_ascii=False) if isinstance(document, dict) else text


def _named(schema: dict[str, Any], *, strict: bool) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "document", "schema": schema, "strict": strict}}


def _kind(schema: Mapping[str, Any]) -> tuple[str, bool]:
    declared = schema.get("type", "object")
    if isinstance(declared, str):
        return declared, False
    # an enum without null admits none, whatever the type says
    nullable = "null" in declared and None in schema.get("enum", [None])
    return next(name for name in declared if name != "null"), nullable


def _strict(schema: Mapping[str, Any], room: list[int], *, nullable: bool) -> dict[str, Any]:
    """Rewrite one node; `nullable` says that null will stand for its absence."""
    kind, takes_null = _kind(schema)
    null = nullable or takes_null
    out: dict[str, Any] = {name: schema[name] for name in _STRICT_KEEPS if name in schema}
    said = [words.format(schema[name]) for name, words in _SAID.items() if name in schema]
    if _is_open(schema):
        said.append("a JSON object, written as text")
        kind = "string"
    elif kind == "object":
        required = schema.get("required", ())
        out["properties"] = {
            name: _strict(inner, room, nullable=name not in required) for name, inner in schema["properties"].items()
        }
        out |= {"required": list(schema["properties"]), "additionalProperties": False}
    elif kind == "array":
        out["items"] = _strict(schema["items"], room, nullable=False)
    elif "enum" in schema:
        values = [*schema["enum"], *([None] if null and None not in schema["enum"] else [])]
        room[0] -= len(values)
        if room[0] >= 0:
            out["enum"] = values
    if said:
        out["description"] = " ".join(filter(None, [out.get("description", ""), f"({'; '.join(said)})"]))
    return {"type": [kind, "null"] if null else kind, **out}


def _is_open(schema: Mapping[str, Any]) -> bool:
    return _kind(schema)[0] == "object" and not schema.get("properties")


def _restored(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, str) and _is_open(schema):
        return _opened(value)
    if isinstance(value, list) and "items" in schema:
        return [_restored(item, schema["items"]) for item in value]
    if not isinstance(value, dict):
        return value
    declared, required = schema.get("properties", {}), schema.get("required", ())
    kept = {}
    for name, inner in value.items():
        known = declared.get(name)
        stands_for_absent = inner is None and known is not None and name not in required and not _kind(known)[1]
        if not stands_for_absent:
            kept[name] = inner if known is None else _restored(inner, known)
    return kept


def _opened(text: str) -> Any:
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_int=_exact, parse_float=_finite)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict) else text


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a property is given twice")
    return found


def _exact(text: str) -> int:
    if len(text) > 20:
        raise ValueError("a number is beyond 64 bits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is not finite")
    return value
