"""What a field asks for, judged by its name, its title and description, and the names around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from attrs import frozen

from videovector_adapters.local.extractive.language import STOPWORDS, listed, name_words, stem, stemmed, tokens


class Aim(StrEnum):
    """The kinds of values that can be quoted from evidence."""

    TRANSCRIPT = "transcript"
    SCREEN = "screen"
    SUMMARY = "summary"
    HEADLINE = "headline"
    TOPIC = "topic"
    KEYWORDS = "keywords"
    QUOTE = "quote"
    POINTS = "points"
    QUESTION = "question"
    PERSON = "person"
    PLACE = "place"
    OBJECT = "object"
    LANGUAGE = "language"
    CONFIDENCE = "confidence"
    TIME = "time"
    DATE = "date"
    CLOCK = "clock"
    URL = "url"
    EMAIL = "email"
    PHONE = "phone"
    MONEY = "money"
    HASHTAG = "hashtag"
    OTHER = "other"


_NAMED: Final[dict[Aim, str]] = {
    Aim.SCREEN: "ocr onscreen subtitle chyron banner signage overlay slide on_screen screen_text visible_text "
    "text_on_screen text_in_frame lower_third text_shown displayed_text",
    Aim.TRANSCRIPT: "transcript transcription verbatim dialogue dialog narration speech spoken_text spoken_word full_text",
    Aim.SUMMARY: "summary synopsis description abstract overview gist recap describe summarize explanation summarise",
    Aim.HEADLINE: "headline title heading caption tagline",
    Aim.TOPIC: "topic subject theme",
    Aim.KEYWORDS: "keyword tag keyphrase term concept key_phrase key_term key_word",
    Aim.QUOTE: "quote quotation quoted sentence statement utterance remark soundbite saying",
    Aim.POINTS: "highlight moment insight takeaway fact claim finding event point key_point",
    Aim.QUESTION: "question",
    Aim.PERSON: "person people speaker presenter host guest reporter interviewee interviewer narrator author "
    "participant character actor performer player",
    Aim.PLACE: "location place setting venue city where site region",
    Aim.OBJECT: "object thing label element visible_object visual_element",
    Aim.LANGUAGE: "language",
    Aim.CONFIDENCE: "confidence probability certainty likelihood",
    Aim.DATE: "date day",
    Aim.CLOCK: "clock hour",
    Aim.TIME: "start end begin timestamp second time at offset",
    Aim.URL: "url website link web_site web_page",
    Aim.EMAIL: "email mail e_mail",
    Aim.PHONE: "phone telephone phone_number",
    Aim.MONEY: "price cost amount fee salary budget",
    Aim.HASHTAG: "hashtag",
}
_BY_WORDS: Final[dict[tuple[str, ...], Aim]] = {
    tuple(stem(word) for word in phrase.split("_")): aim
    for aim, phrases in _NAMED.items()
    for phrase in listed(phrases)
}
_GENERIC: Final = stemmed("name text value item list type kind content info information detail string data id")
# A description mentions many things besides what it asks for, so only unmistakable words count.
_DESCRIBED: Final = (
    *(Aim.SUMMARY, Aim.HEADLINE, Aim.KEYWORDS, Aim.SCREEN, Aim.TRANSCRIPT, Aim.TOPIC, Aim.QUESTION),
    *(Aim.QUOTE, Aim.LANGUAGE, Aim.HASHTAG, Aim.EMAIL, Aim.URL),
)
_ASKING: Final = stemmed(
    "describe description extract list name field segment video clip scene media mentioned visible shown "
    "spoken speaker said short brief one main overall value string number true false whether contain content any "
    "text called type kind number count total amount detected present seen identify return provide given based optional"
)


@frozen
class Field:
    """A field with the words that it is known by."""

    schema: Mapping[str, Any]
    words: tuple[str, ...]
    """Stems of its name."""
    aim: Aim
    about: frozenset[str]
    """Stems that evidence must share when the aim is no help."""
    described: frozenset[str]
    """Stems of title and description that could stand in evidence."""

    @property
    def query(self) -> str:
        """The field as a text that can be compared with evidence."""
        return " ".join([*self.words, *sorted(self.described)])


def read_field(name: str, schema: Mapping[str, Any], parents: Sequence[str] = ()) -> Field:
    """Judge a field; `parents` are the names of the objects and arrays around it, outermost first."""
    words = [stem(word) for word in name_words(name)]
    described = [stem(token.text) for token in tokens(f"{schema.get('title', '')} {schema.get('description', '')}")]
    own = frozenset(word for word in words if word not in _GENERIC | _ASKING | STOPWORDS)
    around = frozenset(stem(word) for parent in parents[-1:] for word in name_words(parent))
    return Field(
        schema=schema,
        words=tuple(words),
        aim=_by_name(words, parents) or _by_description(described) or Aim.OTHER,
        about=own or around - _GENERIC - _ASKING - STOPWORDS,
        described=frozenset(word for word in described if word not in STOPWORDS | _GENERIC | _ASKING and len(word) > 2),
    )


def _by_name(words: Sequence[str], parents: Sequence[str]) -> Aim | None:
    if "of" in words[1:]:
        words = words[: words.index("of")]
    phrase = _phrase(words)
    if phrase or not words:
        return phrase
    if words[-1] in _BY_WORDS_ALONE:
        return _BY_WORDS_ALONE[words[-1]]
    if words[-1] not in _GENERIC | _ASKING:
        # The head of an English compound comes last: `speaker_emotion` is no speaker.
        return None
    if len(words) > 1:
        return _by_name(words[:-1], parents)
    return _by_name([stem(word) for word in name_words(parents[-1])], parents[:-1]) if parents else None


def _phrase(words: Sequence[str]) -> Aim | None:
    for size in (3, 2):
        for first in range(len(words) - size + 1):
            aim = _BY_WORDS.get(tuple(words[first : first + size]))
            if aim:
                return aim
    return None


def _by_description(words: Sequence[str]) -> Aim | None:
    found = {_BY_WORDS_ALONE[word] for word in words if word in _BY_WORDS_ALONE} | {_phrase(words)}
    return next((aim for aim in _DESCRIBED if aim in found), None)


_BY_WORDS_ALONE: Final = {words[0]: aim for words, aim in _BY_WORDS.items() if len(words) == 1}
