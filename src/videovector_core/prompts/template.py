"""Drafts without a model: fields read out of an instruction by its words, and a list of what was not understood.

The same instruction always gives the same draft. Nothing is guessed beyond the words that are there: a phrase that
names a number becomes a number, one that asks whether becomes a boolean, a plural becomes a list.
"""

from __future__ import annotations

import re
from typing import Any, Final

from attrs import Factory, define, frozen

from videovector_core.prompts.schema import MAX_LEAVES, is_reserved

MAX_FIELDS: Final = 40
MAX_WORDS: Final = 6
"""A phrase of more words is no name of a field."""

_ASKS: Final = re.compile(
    r"\b(?:extract|list|find|identify|give|return|detect|note|record|capture|include|describe|summari[sz]e|tell|say|"
    r"get|name|count|rate|classify|label|tag|transcribe|report|collect|mark|show|add|fields?|what|who|where|which|"
    r"whether|how)\b",
    re.IGNORECASE,
)
_LEAD: Final = re.compile(
    r"^(?:please|also|then|and|or|me|us|out|down|to|for|of|i|we|you|want|need|would|like|should|must|can|could|"
    r"every|each|per|segments?|scenes?|shots?|clips?|videos?|frames?|"
    r"extract|list|find|identify|give|return|detect|note|record|capture|include|describe|tell|say|get|name|"
    r"classify|label|tag|transcribe|report|collect|mark|show|add|fields?|what|who|which|is|are|was|were|"
    r"the|an?|any|all|its|their|his|her|this|that|these|those|following|as|well|if)\b[\s:,-]*",
    re.IGNORECASE,
)
_SCOPE: Final = re.compile(
    r"\b(?:for|in|from|of|per)\s+(?:each|every|the|a|this|all)\s+(?:segments?|scenes?|shots?|clips?|videos?|media)\b",
    re.IGNORECASE,
)
_WHOLE: Final = re.compile(r"\b(?:overall|whole|entire|altogether|across all)\b", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"[.;!?\n]+(?:\s+|$)|\n+")
_ITEM: Final = re.compile(r"\s*(?:,|\band\b|&|/|\bplus\b|\bas well as\b|^\s*[-*\u2022]|:)\s*", re.IGNORECASE)
_CHOICES: Final = re.compile(
    r"\(\s*(?:one of|either)?\s*([^()]{3,400})\)|\b(?:one of|either)\s+(.{3,400})$", re.IGNORECASE
)
_TAIL: Final = re.compile(
    r"\b(?:that|which|who|whose|when|while|because|so that|such as|e\.g\.?|with|by)\b.*$", re.IGNORECASE
)
_COUNT: Final = re.compile(r"^(?:the\s+)?(?:number|count|amount) of\b|^how many\b|^count\b", re.IGNORECASE)
_WHETHER: Final = re.compile(r"^(?:whether|if|is|are|does|do|has|have|was|were)\b", re.IGNORECASE)
_MEASURE: Final = re.compile(r"\b(?:score|rating|confidence|percent(?:age)?|probability|temperature|speed|price)$")
_EMPTY: Final = re.compile(
    r"the|an?|any|all|each|every|their|its|his|her|there|is|are|of|in|on|at|to|be|whether|if|overall|whole|entire",
    re.IGNORECASE,
)
_PLURAL: Final = re.compile(r"people|children|men|women|data|criteria|media|.*[^aius]s|.*[ei]as", re.IGNORECASE)
_SINGULAR: Final = re.compile(r"news|series|species|canvas|gas|lens|.*ss", re.IGNORECASE)
_NOUNS: Final = {"summarize": "summary", "summarise": "summary", "transcribe": "transcript"}
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


@frozen
class Template:
    """What was read out of an instruction. `whole` are the fields of the media item as a whole."""

    segment: dict[str, Any]
    whole: dict[str, Any]
    notes: tuple[str, ...]


@define
class _Reading:
    segment: dict[str, Any] = Factory(dict)
    whole: dict[str, Any] = Factory(dict)
    notes: list[str] = Factory(list)

    def sentence(self, sentence: str) -> None:
        """Take the fields of one sentence, or note that it has none."""
        clean = _SCOPE.sub(" ", sentence).strip(" \t,:-*\u2022")
        if not clean:
            return
        kept, choices = _without_choices(clean)
        asks = _ASKS.search(clean) is not None or bool(choices) or len(clean.split()) <= MAX_WORDS
        fields = [field for phrase in _ITEM.split(kept) if (field := _field(phrase))] if asks else []
        if not fields:
            self.notes.append(f"Not understood: {clean[:200]!r}.")
            return
        into = self.whole if _WHOLE.search(sentence) else self.segment
        if choices:
            name, schema = fields[-1]
            fields[-1] = (name, {"type": "string", "enum": choices, "description": schema["description"]})
        for name, schema in fields:
            self.take(into, name, schema)

    def take(self, into: dict[str, Any], name: str, schema: dict[str, Any]) -> None:
        """Add a field, unless it cannot be one."""
        if len(into) >= MAX_FIELDS:
            self.notes.append(f"Left out: {name!r}; a template has at most {MAX_FIELDS} fields.")
        elif is_reserved(name, on_top=True):
            self.take(into, f"{name}_value" if not name.startswith("_") else name.strip("_") or "field", schema)
        elif name.casefold() not in {known.casefold() for known in into}:
            into[name] = schema


def read(instruction: str) -> Template:
    """Read the fields that an instruction names."""
    reading = _Reading()
    for sentence in _SENTENCE.split(_UNSTORABLE.sub(" ", instruction)):
        reading.sentence(sentence)
    if not reading.segment:
        reading.notes.append("No field was recognised for the segments; a summary and keywords stand in.")
        reading.segment["summary"] = {"type": "string", "description": "What happens, in one to three sentences."}
        reading.segment["keywords"] = {
            "type": "array",
            "items": {"type": "string"},
            "description": "The most important words.",
        }
    assert len(reading.segment) + len(reading.whole) <= MAX_LEAVES  # noqa: S101 - MAX_FIELDS sees to it
    return Template(reading.segment, reading.whole, tuple(reading.notes[:50]))


def _without_choices(sentence: str) -> tuple[str, list[str]]:
    """Take a list of allowed values out of a sentence."""
    found = _CHOICES.search(sentence)
    if found is None:
        return sentence, []
    values = [part.strip(" .'\"") for part in re.split(r",|\bor\b|\band\b|/|\|", found[1] or found[2])]
    choices = list(dict.fromkeys(value for value in values if 0 < len(value) <= 60))
    return sentence.replace(found[0], " "), choices if len(choices) > 1 else []


def _field(phrase: str) -> tuple[str, dict[str, Any]] | None:
    """Make a field of a phrase."""
    text = _bare(phrase)
    counts, asks = bool(_COUNT.search(text)), bool(_WHETHER.search(text))
    words = [_NOUNS.get(w.casefold(), w) for w in _words(_TAIL.sub("", text)) if not _EMPTY.fullmatch(w)]
    if not 0 < len(words) <= MAX_WORDS or not words[0][0].isalpha():
        return None
    name = "_".join(word.casefold() for word in words)[:64].strip("_")
    about = f"{text[:1].upper()}{text[1:200]}".rstrip(" .") + "."
    return name, {**_type(words, counts=counts, asks=asks), "description": about}


def _bare(phrase: str) -> str:
    text = phrase.strip(" \t\n.'\"()")
    while (shorter := _LEAD.sub("", text, count=1).strip()) != text:
        if _WHETHER.search(text) and text.casefold().startswith(("whether", "if ")):
            break
        text = shorter
    return text


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z][A-Za-z0-9]*", text.replace("'s", ""))


def _type(words: list[str], *, counts: bool, asks: bool) -> dict[str, Any]:
    last = words[-1].casefold()
    if counts:
        return {"type": "integer", "minimum": 0}
    if asks:
        return {"type": "boolean"}
    if _MEASURE.search(last):
        return {"type": "number"}
    plural = any(_PLURAL.fullmatch(word) and not _SINGULAR.fullmatch(word) for word in {words[0], words[-1]})
    return {"type": "array", "items": {"type": "string"}} if plural else {"type": "string"}
