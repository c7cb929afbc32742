"""The last word on an answer: nothing in it leads elsewhere, and every reference is to a row that is there.

Whoever wrote the answer named results by label (`rs1:3`) or by id; ids, times and titles are read from the rows. What
leads nowhere is taken out of the text and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from videovector_core.chat.labels import BRACKET, BROKEN, LABEL, LOOSE, REFERENCE, canonical, named
from videovector_core.chat.model import Citation, Story
from videovector_core.search.model import Hit

GONE: Final = "(link removed)"
MAX_ANSWER: Final = 20_000
_DEEPEST: Final = 20
"""Links inside links that are taken apart; what is left of deeper ones is text and no link."""

# Controls but line ends and tabs, marks that change direction or have no width, and what no database keeps.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffc\ud800-\udfff\U000e0000-\U000e0fff]"
    # joiners belong to words of some scripts and to pictograms; elsewhere they only hide
    r"|(?<![^\x00-\x7f\u200c\u200d])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f\u200c\u200d])|(?<=[\u200c\u200d])[\u200c\u200d]"
)
_DESTINATION: Final = r"\([^()]*(?:\([^()]*\)[^()]*)*\)?"
_MARKDOWN: Final = re.compile(rf"!?\[([^\[\]]*)\]{_DESTINATION}")
_AROUND: Final = re.compile(rf"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\]{_DESTINATION}")
_BY_NAME: Final = re.compile(r"!\[([^\[\]]*)\](?:\[[^\[\]]*\])?")
_DEFINITION: Final = re.compile(
    rf"^[ >\t]*\[(?!{LABEL}\])[^\]\n]+\]:[ \t]*[^\s<]*[/\\:<#%][^\n]*$", re.MULTILINE | re.IGNORECASE
)
_TAG: Final = re.compile(
    r"<!--.{0,500}?-->|<(?!rs[0-9])[a-z/!?][^\s<>]*>|<[a-z/!?](?=[^<>]*[=\"'`])[^<>]*>", re.IGNORECASE | re.DOTALL
)
_OPEN: Final = re.compile(r"<(?=[a-z/!?])", re.IGNORECASE)
_URL: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}:[/\\]{1,2}[^\s)\]>\"']*)|(?:\b(?:data|javascript|vbscript|mailto|file|blob):[^\s)\]>\"']+)"
    r"|(?:(?<![:\w/])//[\w.-]+\.[^\s)\]>\"']*)|(?:\bwww\.[^\s)\]>\"']+)",
    re.IGNORECASE,
)
_LEADS: Final = re.compile(r"\](?=[(:])|\](?=\[(?!rs[0-9]))")
"""Where a bracket would become a link, or name one, by what stands behind it."""


def clean(text: str) -> str:
    """Take links, pictures, markup and what cannot be seen out of a text; the words of a link stay."""
    text = _UNSEEN.sub("", text[: 4 * MAX_ANSWER])
    for _ in range(_DEEPEST):  # what was hidden inside a link may be one itself
        before = text
        text = _BY_NAME.sub(_word, _MARKDOWN.sub(_word, text))
        if text == before:
            text = _URL.sub(GONE, _TAG.sub("", _DEFINITION.sub("", _AROUND.sub(_word, text))))
        if text == before:
            break
    text = _OPEN.sub("< ", _URL.sub(GONE, _TAG.sub("", text)))
    return _LEADS.sub("] ", text)[:MAX_ANSWER].strip()


def _word(found: re.Match[str]) -> str:
    """Keep the words of a link; a label in brackets is no link, whatever follows it."""
    inner = found[1]
    return f"[{inner}]" if REFERENCE.fullmatch(inner.strip()) else inner


def quoted(text: str, most: int = 160) -> str:
    """Return words from media as they may stand in an answer: one line, without brackets or labels that look like ours."""
    line = " ".join(clean(text).translate(_PLAIN).split())
    line = LOOSE.sub(lambda found: found[0].replace(":", "."), line)
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


_PLAIN: Final = str.maketrans({"[": "(", "]": ")", "`": "'", "*": "", "<": "(", ">": ")", "|": "/"})


@frozen
class Answer:
    """A text whose references all resolve, what they refer to, and how many were taken out."""

    content: str
    citations: tuple[Citation, ...]
    removed: int


def cite(text: str, story: Story, hits: Mapping[str, Hit]) -> Answer:
    """Write every reference as `[rs1:3]`, and take out those that lead nowhere.

    `hits` are the rows of the results, by result id, as they are now: a result that is gone cannot be cited.
    """
    known, used, removed = _by_id(story), dict[str, Citation](), 0

    def shown(reference: str) -> str:
        nonlocal removed
        label = _resolved(reference, story, known)
        made = citation(label, story, hits) if label is not None else None
        if label is None or made is None:
            removed += 1
            return ""
        used.setdefault(label, made)
        return f"[{label}]"

    def bracket(found: re.Match[str]) -> str:
        if not REFERENCE.search(found[1]):
            return found[0]
        references = named(found[1])
        if references is None:  # words around a reference
            return f"({found[1].strip()})"
        return "".join(dict.fromkeys(map(shown, references)))

    def rest(found: re.Match[str]) -> str:
        nonlocal removed
        if found[0][1:-1] in used:
            return found[0]
        removed += 1
        return ""

    pieces = re.split(r"(\[rs[0-9]+:[0-9]+\])", BRACKET.sub(bracket, text))
    text = "".join(piece if at % 2 else LOOSE.sub(lambda m: shown(m[0]), piece) for at, piece in enumerate(pieces))
    text = BROKEN.sub(rest, text)
    text = re.sub(r"[ \t]+([.,;!?)])", r"\1", re.sub(r"\(\s*\)|\[\s*\]", "", text))
    text = _LEADS.sub("] ", re.sub(r"[ \t]{2,}", " ", text)).strip()
    return Answer(text, tuple(used.values()), removed)


def citation(label: str, story: Story, hits: Mapping[str, Hit]) -> Citation | None:
    """Return what a label refers to, read from the row; nothing when the row is gone.

    A row of a query that belongs to no single result, such as a count, is cited without being verified.
    """
    found = story.item(label)
    if found is None:
        return None
    results, item = found
    bare = Citation(label, results.id, int(label.partition(":")[2]))
    result_id = result_of(item)
    if result_id is None:
        return bare
    hit = hits.get(result_id)
    if hit is None or hit.run.run_id not in story.turn.run_ids:
        return None
    inside = 0.0 <= hit.start <= hit.end <= hit.item.duration + 0.001 or hit.item.duration == 0.0
    return evolve(
        bare,
        result_id=hit.result_id,
        video_id=hit.item.video_id,
        segment_id=hit.result.segment_id if hit.result else None,
        run_id=hit.run.run_id,
        video_name=hit.item.title,
        start_time=hit.start,
        end_time=hit.end,
        verified=inside,
    )


def result_of(item: Mapping[str, Any]) -> str | None:
    """Return the id of the result behind an item of a result set."""
    source = item.get("context") if "row" in item else item
    return source.get("result_id") if source else None


def result_ids(stories: Iterable[Story]) -> list[str]:
    """Name the results behind the items of turns in order, each once."""
    return list(dict.fromkeys(one for story in stories for item in story.items if (one := result_of(item))))


def evidence(citations: Sequence[Citation]) -> str:
    """List where the evidence of an answer is: labels, titles and times, all from the rows."""
    lines = [
        f"- [{one.label}] {place(one.video_name, one.start_time, one.end_time)}" for one in citations if one.video_id
    ]
    return "\n".join(["Evidence:", *lines]) if lines else ""


def place(title: str | None, start: float | None, end: float | None) -> str:
    """Write where something is, for people; a picture, which lasts from 0 to 0, has no times."""
    name = quoted(title or "", 80) or "untitled"
    return f"{name}, {clock(start)}-{clock(end)}" if start is not None and end is not None and end > start else name


def clock(seconds: float | None) -> str:
    """Write seconds as `1:02:03`, rounded down."""
    whole = int(seconds or 0)
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _by_id(story: Story) -> dict[str, str]:
    found: dict[str, str] = {}
    for results in story.sets:
        for position, item in enumerate(results.items, 1):
            result_id = result_of(item)
            if result_id is not None:
                found.setdefault(result_id, f"{results.id}:{position}")
    return found


def _resolved(reference: str, story: Story, known: Mapping[str, str]) -> str | None:
    label = canonical(reference) or known.get(reference)
    return label if label is not None and story.item(label) is not None else None
