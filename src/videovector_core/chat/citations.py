"""The last word on an answer: nothing in it leads elsewhere, and every reference is to a row that is there.

Whoever wrote the answer named results by label (`rs1:3`) or by id; ids, times and titles are read from the rows. What
leads nowhere is taken out of the text and counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from videovector_core.chat.model import Citation, Story
from videovector_core.search.model import Hit

GONE: Final = "(link removed)"
MAX_ANSWER: Final = 20_000
_DEEPEST: Final = 20
"""Links inside links that are taken apart; what is left of deeper ones is text and no link."""

# Controls but line ends and tabs, marks that change direction or have no width, and what no database keeps.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_DESTINATION: Final = r"\([^()]*(?:\([^()]*\)[^()]*)*\)?"
_MARKDOWN: Final = re.compile(rf"!?\[([^\[\]]*)\]{_DESTINATION}")
_AROUND: Final = re.compile(rf"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\]{_DESTINATION}")
_BY_NAME: Final = re.compile(r"!\[([^\[\]]*)\](?:\[[^\[\]]*\])?")
_DEFINITION: Final = re.compile(r"^[ >\t]*\[[^\]\n]+\]:.*$", re.MULTILINE)
_TAG: Final = re.compile(r"<[a-z/!?][^>]*>?", re.IGNORECASE)
_URL: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}:[/\\]{1,2}[^\s)\]>\"']*)|(?:\b(?:data|javascript|vbscript|mailto|file|blob):[^\s)\]>\"']+)"
    r"|(?:(?<![:\w/])//[\w.-]+\.[^\s)\]>\"']*)|(?:\bwww\.[^\s)\]>\"']+)",
    re.IGNORECASE,
)

_LABEL: Final = r"rs\s?[0-9]{1,6}\s?:\s?[0-9]{1,6}"
_ID: Final = r"(?:segment|video):[A-Za-z0-9_-]+:[A-Za-z0-9_-]+"
_REFERENCE: Final = re.compile(rf"{_LABEL}|{_ID}", re.IGNORECASE)
_GROUP: Final = re.compile(rf"\[\s*(?:{_LABEL}|{_ID})(?:\s*[,;&]?\s*(?:{_LABEL}|{_ID}))*\s*\]", re.IGNORECASE)
_LOOSE: Final = re.compile(rf"(?<![\w:-])(?:{_LABEL}|{_ID})(?![\w:-])", re.IGNORECASE)
_BROKEN: Final = re.compile(r"\[\s*(?:rs\s?[0-9]|segment:|video:)[^\[\]\n]{0,200}\]", re.IGNORECASE)


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
    text = _URL.sub(GONE, _TAG.sub("", text))
    return re.sub(r"\](?=[(\[:])", "] ", text)[:MAX_ANSWER].strip()


def _word(found: re.Match[str]) -> str:
    """Keep the words of a link; a label in brackets is no link, whatever follows it."""
    inner = found[1]
    return f"[{inner}]" if _REFERENCE.fullmatch(inner.strip()) else inner


def quoted(text: str, most: int = 160) -> str:
    """Return words from media as they may stand in an answer: one line, without brackets that would look like ours."""
    line = " ".join(clean(text).translate(_PLAIN).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


_PLAIN: Final = str.maketrans({"[": "(", "]": ")", "`": "'", "*": "", "<": "(", ">": ")", "|": "/"})


@frozen
class Answer:
    """A text whose references all resolve, what they refer to, and how many were taken out."""

    content: str
    citations: tuple[Citation, ...]
    removed: int


def references(text: str, story: Story) -> list[str]:
    """Return the labels that a text names and that there are, each once, in order."""
    known = _by_id(story)
    found = (_resolved(one, story, known) for one in _REFERENCE.findall(text))
    return list(dict.fromkeys(label for label in found if label is not None))


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

    def group(found: re.Match[str]) -> str:
        return "".join(dict.fromkeys(map(shown, _REFERENCE.findall(found[0]))))

    def rest(found: re.Match[str]) -> str:
        nonlocal removed
        if found[0][1:-1] in used:
            return found[0]
        removed += 1
        return ""

    text = _GROUP.sub(group, text)
    pieces = re.split(r"(\[rs[0-9]+:[0-9]+\])", text)
    text = "".join(piece if at % 2 else _LOOSE.sub(lambda m: shown(m[0]), piece) for at, piece in enumerate(pieces))
    text = _BROKEN.sub(rest, text)
    text = re.sub(r"[ \t]+([.,;!?])", r"\1", re.sub(r"\(\s*\)|\[\s*\]", "", text))
    return Answer(re.sub(r"[ \t]{2,}", " ", text).strip(), tuple(used.values()), removed)


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
    return Citation(
        bare.label,
        bare.result_set_id,
        bare.position,
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


def evidence(citations: Sequence[Citation]) -> str:
    """List where the evidence of an answer is: labels, titles and times, all from the rows."""
    lines = [
        f"- [{one.label}] {place(one.video_name, one.start_time, one.end_time)}" for one in citations if one.video_id
    ]
    return "\n".join(["Evidence:", *lines]) if lines else ""


def place(title: str | None, start: float | None, end: float | None) -> str:
    """Write where something is, for people."""
    name = quoted(title or "", 80) or "untitled"
    return f"{name}, {clock(start)}-{clock(end)}" if start is not None and end is not None else name


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
    if reference.lower().startswith("rs"):
        label = re.sub(r"\s", "", reference.lower())
        name, _, position = label.partition(":")
        label = f"rs{int(name[2:])}:{int(position)}"
        return label if story.item(label) is not None else None
    return known.get(reference)
