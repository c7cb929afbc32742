"""Reading an instruction: its words, and the fields that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Final

from attrs import frozen

from videovector_core.sqlsearch.model import Column, Table

_TOKEN: Final = re.compile(
    r"""
      "(?P<double>[^"]*)" | (?<!\w)'(?P<single>[^']*)'(?!\w)
    | (?P<number>-?\d+(?:\.\d+)?)(?![\w.]*[A-Za-z])
    | (?P<sign><=|>=|!=|<>|=|<|>)
    | (?P<word>[^\W\d][\w'-]*)
    | (?P<stop>[,;:?!.()])
    """,
    re.VERBOSE,
)
_ALSO: Final = {
    "video_name": ("video name", "title", "video title", "video", "videos", "media"),
    "transcription": ("transcript", "transcripts", "transcription", "speech", "dialogue", "spoken text"),
    "metadata_text": ("metadata text",),
    "start_time": ("start time", "start", "begin time"),
    "end_time": ("end time", "end"),
    "executed_at": ("executed at", "extraction date"),
    "media_type": ("media type",),
    "index_id": ("index id",),
    "run_id": ("run id",),
    "segment_id": ("segment id",),
    "video_id": ("video id",),
    "result_id": ("result id",),
}


class Is(Enum):
    """What a token is."""

    WORD = auto()
    FIELD = auto()
    VALUE = auto()
    NUMBER = auto()
    STOP = auto()


@frozen
class Token:
    """A word, a quoted value, a number, a stop, or the mention of a column."""

    kind: Is
    text: str
    column: Column | None = None

    @property
    def low(self) -> str:
        """The text in lower case."""
        return self.text.casefold()


def tokens(text: str, table: Table) -> list[Token]:
    """Read a text as tokens, with the columns of `table` that it names; the longest name wins."""
    names = sorted(mentions(table), key=lambda pair: -len(pair[0]))
    out: list[Token] = []
    at = 0
    folded = text.casefold()
    while at < len(text):
        found = next((pair for pair in names if _stands(folded, pair[0], at)), None)
        if found:
            out.append(Token(Is.FIELD, text[at : at + len(found[0])], found[1]))
            at += len(found[0])
        elif match := _TOKEN.match(text, at):
            out.append(_token(match))
            at = match.end()
        else:
            at += 1
    return out


def _token(match: re.Match[str]) -> Token:
    kinds = {"double": Is.VALUE, "single": Is.VALUE, "number": Is.NUMBER, "stop": Is.STOP}
    return Token(kinds.get(match.lastgroup or "", Is.WORD), match[match.lastgroup or 0])


def _stands(text: str, name: str, at: int) -> bool:
    """Whether a name stands at a place as a whole, not inside a word or a longer path."""
    if not text.startswith(name, at):
        return False
    before, after = text[at - 1 : at], text[at + len(name) : at + len(name) + 2]
    return not (_joins(before) or _joins(after[:1]) or (after[:1] in {".", "["} and after[1:2].isalnum()))


def _joins(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def mentions(table: Table) -> Iterator[tuple[str, Column]]:
    """Yield the ways in which a text may name each column, in lower case; of equal ways the first column has it."""
    seen: set[str] = set()
    for column in table.columns:
        for name in _ways(column):
            if name not in seen:
                seen.add(name)
                yield name, column


def _ways(column: Column) -> Sequence[str]:
    if column.path is None:
        return (column.name, *_ALSO.get(column.name, ()))
    if column.type.item is not None and column.type.item.fields:
        return (column.name,)
    path = str(column.path).casefold()
    plain = path.replace("[]", "")
    last = column.path.name.casefold()
    steps = [step.name.casefold().replace("_", " ") for step in column.path.steps]
    spoken = [" ".join(steps[start:]) for start in range(len(steps))]
    numbers = [form for words in (last, *spoken) for form in (plural(words), words.removesuffix("s"))]
    return (column.name.casefold(), path, plain, last, *spoken, *(form for form in numbers if len(form) > 2))


def plural(word: str) -> str:
    """Return the English plural of a word, well enough to recognise it."""
    if word.endswith(("s", "x", "ch", "sh")):
        return word + "es"
    return word[:-1] + "ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else word + "s"
