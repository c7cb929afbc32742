"""Finding the JSON object in what a model wrote: prose around it, code fences, drafts before it, or nothing of the kind.

Nothing is repaired here. An object that is cut off or broken spoils the answer even when whole objects lie inside or
beside it, because a part of an answer would look like an answer.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from attrs import frozen

MAX_CHARS: Final = 1_000_000
"""Longer answers are not read."""
_INTEGER_CHARS: Final = 20
_OPENING: Final = re.compile(r"""\{\s*(?:["'}]|\w+\s*:)""")
"""Where an object begins, or something that was meant to be one; not `{name}` and not set notation."""
_LAST_WORD: Final = re.compile(r"[\w.+-]*\s*")
"""What may stand where a text breaks off: nothing, or the beginning of a literal such as `nul`."""


@frozen
class Flaw:
    """Stands in a document for a value that JSON text could not give unambiguously."""

    message: str


@frozen
class Found:
    """The outermost objects of a text in order; `problem` says why there are none."""

    objects: tuple[dict[str, Any], ...] = ()
    problem: str = ""


def find_objects(text: str) -> Found:
    """Read every outermost JSON object of a text, in time linear in its length."""
    if len(text) > MAX_CHARS:
        return Found(problem=f"the answer has {len(text)} characters; at most {MAX_CHARS} are read")
    objects: list[dict[str, Any]] = []
    opening = _OPENING.search(text)
    while opening:
        try:
            value, end = _DECODER.raw_decode(text, opening.start())
        except json.JSONDecodeError as error:
            return Found(problem=_broken(text, error))
        except RecursionError:
            return Found(problem="the answer is nested too deeply")
        objects.append(value)
        opening = _OPENING.search(text, end)
    return _chosen(text, objects)


def _chosen(text: str, objects: list[dict[str, Any]]) -> Found:
    if not objects:
        return Found(problem=f"the answer holds no JSON object; it begins {preview(text.strip())}")
    before = text[: text.find("{")].rstrip()
    if len(objects) > 1 and before.endswith("["):
        return Found(problem=f"the answer is an array of {len(objects)} objects; one object is wanted")
    return Found(tuple(objects))


def _broken(text: str, error: json.JSONDecodeError) -> str:
    if error.msg.startswith("Unterminated string") or _LAST_WORD.fullmatch(text, error.pos):
        return f"the JSON object is cut off after {len(text)} characters"
    return f"the JSON object is broken at character {error.pos}: {error.msg}"


def preview(value: Any, room: int = 60) -> str:
    """Show a value in an error message: scalars as JSON, shortened, of objects and arrays the kind only."""
    if isinstance(value, dict | list):
        return f"an object of {len(value)}" if isinstance(value, dict) else f"an array of {len(value)}"
    text = json.dumps(value[:room] if isinstance(value, str) else value, default=str)
    return f"{text}..." if isinstance(value, str) and len(value) > room else text


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in pairs:
        if name in kept and kept[name] != value:
            kept[name] = Flaw("is given twice with different values")
        else:
            kept[name] = value
    return kept


def _integer(text: str) -> int | Flaw:
    return int(text) if len(text) <= _INTEGER_CHARS else Flaw("is a number beyond 64 bits")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer, strict=False)
