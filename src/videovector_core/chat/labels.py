"""How references are written by those who write answers: `[rs1:3]`, and the many other ways that models have.

The grammar is that of a bracket: labels (`rs1:3`) or ids of results, between them commas, words such as `and`, further
positions of the same result set (`[rs1:1, 2]`) and ranges of them (`[rs1:1-3]`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

LABEL: Final = r"rs\s?[0-9]+\s?:\s?[0-9]+"
ID: Final = r"(?:segment|video):[A-Za-z0-9_-]+:[A-Za-z0-9_-]+"
REFERENCE: Final = re.compile(rf"{LABEL}|{ID}", re.IGNORECASE)
LOOSE: Final = re.compile(rf"(?<![A-Za-z])(?:{LABEL}|{ID})", re.IGNORECASE)
BRACKET: Final = re.compile(r"\\?[\[【]([^\[\]【】\n]{0,400}?)\\?[\]】]")
BROKEN: Final = re.compile(r"\[\s*(?:rs\s?[0-9]|segment:|video:)[^\[\]\n]{0,400}\]", re.IGNORECASE)
WIDEST: Final = 20
"""Positions that one range names at the most; of a wider one only its ends are read."""

_NOTE: Final = re.compile(r"†.*$")
_TOKEN: Final = re.compile(
    rf"(?P<reference>{LABEL}|{ID})|(?P<position>[0-9]+)|(?P<to>[-\u2013\u2014]|\bto\b)|(?P<between>[\s,;&+^/]+|\band\b)|(?P<other>.)",
    re.IGNORECASE,
)


def canonical(reference: str) -> str | None:
    """Write a label as result sets have it, `rs1:3`; nothing for an id, or for a number that none can be."""
    if not reference.lower().startswith("rs"):
        return None
    name, _, position = re.sub(r"\s", "", reference.lower()).partition(":")
    if len(name) > 8 or len(position) > 6:
        return None
    return f"rs{int(name[2:])}:{int(position)}"


def named(inner: str) -> list[str] | None:
    """Return what a bracket refers to, in order; nothing when it says something else besides, or no reference."""
    found: list[str] = []
    ranged = False
    for kind, text in _tokens(inner):
        if kind == "other" or (kind != "between" and not found and kind != "reference"):
            return None
        if kind == "to":
            ranged = True
        elif kind != "between":
            reference = text if kind == "reference" else _beside(found[-1], text)
            found += [*(_inside(found[-1], reference) if ranged else ()), reference]
            ranged = False
    return found or None


def _tokens(inner: str) -> Iterator[tuple[str, str]]:
    for one in _TOKEN.finditer(_NOTE.sub("", inner)):
        yield str(one.lastgroup), one[0]


def _beside(reference: str, position: str) -> str:
    """Return another position of the result set that a reference names."""
    return f"{reference.partition(':')[0]}:{position}"


def _inside(first: str, last: str) -> list[str]:
    """Return the labels between the two ends of a range."""
    ends = [canonical(first), canonical(last)]
    (name, _, low), (other, _, high) = ((end or "").partition(":") for end in ends)
    if None in ends or name != other or not 0 < int(high) - int(low) <= WIDEST:
        return []
    return [f"{name}:{n}" for n in range(int(low) + 1, int(high))]
