"""How many tokens a question and its answer take, guessed from their characters: a token has two to six.

An answer is bounded by what its schema lets it say. Free text and arrays have no end, so their bounds are those of what
models usually write: an answer may go beyond them, but hardly all answers of a run on average.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from videovector_core.fields import json_type
from videovector_core.models.ports import ExtractionRequest

PICTURE_TOKENS: Final = 300
MOST_PICTURE_TOKENS: Final = 800
"""Of a picture of 512 pixels. An endpoint that counts more goes beyond a first estimate; later ones are measured."""
FRAME_CHARACTERS: Final = 480
"""What every question says besides the prompt, its schema and the evidence."""
MOST_ANSWER: Final = 4000.0
"""Tokens of one answer; many endpoints give no more of themselves."""
_TEXT: Final = 480
"""Characters of a free text at the most, where the schema sets no bound."""
_ITEM_TEXT: Final = 160
"""Of one that stands in an array, among others."""
_MOST_ITEMS: Final = 12


@frozen
class Interval:
    """A guess, and the least and the most that it should come to."""

    low: float = 0.0
    expected: float = 0.0
    high: float = 0.0

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def times(self, low: float, expected: float, high: float) -> Interval:
        """Multiply each of the three by its own factor."""
        return Interval(self.low * low, self.expected * expected, self.high * high)

    def by(self, other: Interval) -> Interval:
        """Multiply by another one, so many of this by what each of them comes to."""
        return self.times(other.low, other.expected, other.high)

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """Sum up what was seen: the least, the mean and the most; there must be one."""
        return cls(min(values), sum(values) / len(values), max(values))

    def whole(self) -> dict[str, int]:
        """Return the three as whole numbers, the interval not narrowed."""
        return {"low": math.floor(self.low), "expected": round(self.expected), "high": math.ceil(self.high)}

    def plain(self) -> dict[str, float]:
        """Return the three as numbers."""
        return {"low": self.low, "expected": self.expected, "high": self.high}


def question_tokens(prompt_text: str, schema: Mapping[str, Any], request: Any) -> int:
    """Guess the tokens of one question and its answer, to be taken from a budget."""
    characters = FRAME_CHARACTERS + len(prompt_text) + len(json.dumps(schema))
    pictures = 0
    if isinstance(request, ExtractionRequest):
        found = request.evidence
        characters += sum(len(phrase.text) for phrase in found.transcript.phrases)
        characters += sum(len(text) for _, text in found.on_screen)
        pictures = len(found.pictures)
    else:
        characters += len(json.dumps(list(getattr(request, "evidence", ())), default=str))
    return characters // 4 + pictures * PICTURE_TOKENS + round(answer_tokens(schema).expected)


def answer_tokens(schema: Mapping[str, Any]) -> Interval:
    """Bound the tokens of one answer by the fields that it may fill."""
    found = _of(schema, within=False)
    high = min(found.high + 20, MOST_ANSWER)
    return Interval(min(found.low, high), min(found.expected + 5, high), high)


def _of(node: Mapping[str, Any], *, within: bool) -> Interval:
    """Bound a value; `within` an array there are others beside it, and each is shorter."""
    kind = json_type(node)
    if "enum" in node:
        sizes = [len(json.dumps(value)) for value in node["enum"]]
        return Interval(min(sizes) / 6, sum(sizes) / len(sizes) / 4, max(sizes) / 2)
    if kind == "object":
        return _of_object(node, within=within)
    if kind == "array":
        least, most = node.get("minItems", 0), node.get("maxItems", max(_MOST_ITEMS, node.get("minItems", 0)))
        return _of(node["items"], within=True).times(least, min(max(least, 2), most), most) + Interval(0, 1, 3)
    if kind == "string":
        most = min(node.get("maxLength", _TEXT), max(_ITEM_TEXT if within else _TEXT, node.get("minLength", 0)))
        return Interval(node.get("minLength", 0) / 6, min(40, most) / 4, most / 4 + 2)
    return Interval(0, 2, 8)


def _of_object(node: Mapping[str, Any], *, within: bool) -> Interval:
    properties = node.get("properties", {})
    total = Interval(0, 1, 3) if properties else Interval(0, 20, 200)
    for name, inner in properties.items():
        value = _of(inner, within=within) + Interval(len(name) / 6, len(name) / 4 + 1, len(name) / 2 + 4)
        total += value if name in node.get("required", ()) else Interval(0, value.expected, value.high)
    return total
