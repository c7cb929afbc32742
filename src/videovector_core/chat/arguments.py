"""What a tool takes: names, types and bounds, and nothing besides. What a model wrote is read strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

MAX_TEXT: Final = 20_000
_TYPES: Final[Mapping[str, type]] = {
    "string": str,
    "integer": int,
    "array": list,
    "object": dict,
}


class Refusal(Exception):
    """A call that is not carried out, and why, in words that help whoever wrote it."""


@frozen
class Argument:
    """One argument. Numbers are cut to their bounds, as tools do; texts must fit."""

    name: str
    type: str
    about: str
    required: bool = False
    default: Any = None
    least: int = 1
    most: int = MAX_TEXT
    items: Mapping[str, Any] | None = None

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        bounds: dict[str, Any] = {}
        if self.type == "integer":
            bounds = {"minimum": self.least, "maximum": self.most}
        if self.type == "array":
            bounds = {"items": dict(self.items or {}), "maxItems": self.most}
        return {"type": self.type, "description": self.about, **bounds}

    def read(self, given: Any) -> Any:
        """Return a value as the tool takes it."""
        wanted = _TYPES[self.type]
        if not isinstance(given, wanted) or isinstance(given, bool):
            raise Refusal(f"{self.name} must be of type {self.type}.")
        if isinstance(given, int):
            return min(max(given, self.least), self.most)
        if self.required and not given:
            raise Refusal(f"{self.name} must not be empty.")
        if len(given) > self.most:  # type: ignore[arg-type]  # what is no number has a length
            raise Refusal(f"{self.name} is too long.")
        return given


def schema(arguments: Sequence[Argument]) -> dict[str, Any]:
    """Return the JSON Schema of all arguments of a tool."""
    return {
        "type": "object",
        "properties": {one.name: one.schema() for one in arguments},
        "required": [one.name for one in arguments if one.required],
        "additionalProperties": False,
    }


def written(text: str) -> dict[str, Any]:
    """Return what stands in the arguments of a call as they are shown; what is no object is shown as text."""
    try:
        found = json.loads(text or "{}") if len(text) <= MAX_TEXT else None
        # halves of a pair, which JSON can write and no text can hold, become question marks
        found = json.loads(json.dumps(found, allow_nan=False, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"unreadable": text[:500]}


def read(arguments: Sequence[Argument], text: str) -> dict[str, Any]:
    """Read the arguments of a call.

    Raises:
        Refusal: it is no JSON object, or an argument is missing, unknown or mistyped. Ids of indexes and runs are
            unknown arguments: where a turn looks was fixed when it was asked.
    """
    found = written(text)
    if "unreadable" in found:
        raise Refusal("The arguments are no JSON object.")
    unknown = sorted(set(found) - {one.name for one in arguments})
    if unknown:
        known = ", ".join(one.name for one in arguments) or "none"
        raise Refusal(f"There is no argument {unknown[0][:60]!r}; there are: {known}. The scope of a turn is fixed.")
    missing = [one.name for one in arguments if one.required and one.name not in found]
    if missing:
        raise Refusal(f"The argument {missing[0]} is missing.")
    return {
        one.name: one.read(found[one.name]) if found.get(one.name) is not None else one.default for one in arguments
    }
