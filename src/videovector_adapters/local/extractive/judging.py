"""Members of enums, numbers and booleans that the evidence supports."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from videovector_adapters.local.extractive.language import Token, is_negated, numbers, stem, stemmed
from videovector_adapters.local.extractive.meaning import Aim, Field
from videovector_adapters.local.extractive.pool import Pool, Quote
from videovector_adapters.local.extractive.quoting import is_kind_of, mentions

_ALIKE: Final = 0.25
_AHEAD: Final = 0.10
"""Cosine of a member's word with a quote, and its lead over the second (all-MiniLM-L6-v2, tried on sentences about mood,
topic and things: right members .25 to .58 and ahead by .2, wrong ones below .22 or ahead by less than .08)."""
_NEAR: Final = 4
"""Words between a number and the word that says what it counts."""
_DONT_KNOW: Final = frozenset(
    {"unknown", "unclear", "unspecified", "not specified", "not stated", "undetermined", "n a", "not known"}
)
_MONEY: Final = ("price", "cost", "fee", "salary", "budget")
_PERCENT: Final = ("percent", "percentage", "share")
_UNITS: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(_MONEY, frozenset({"dollar", "euro", "pound", "cost", "usd", "eur"})),
    **dict.fromkeys(_PERCENT, frozenset({"percent", "percentage"})),
    "temperature": frozenset({"degree"}),
    "age": frozenset({"year", "old"}),
    "speed": frozenset({"mph", "kmh"}),
    "distance": frozenset({"kilometer", "kilometre", "mile", "meter", "metre", "km"}),
}
_COUNTING: Final = frozenset({"number", "count", "total", "num", "amount", "quantity", "value"})
_LANGUAGES: Final = {
    "en": "english", "de": "german", "fr": "french", "es": "spanish", "it": "italian", "pt": "portuguese", "nl": "dutch",
    "ru": "russian", "zh": "chinese", "ja": "japanese", "ko": "korean", "ar": "arabic", "hi": "hindi", "tr": "turkish",
}  # fmt: skip
_IS_THERE: Final = stemmed(
    "is are has have contains contain any there visible present mentions mention includes include on in a the"
)
_VOICE: Final = stemmed("speech spoken speaking talking dialogue voice narration")
_WRITTEN: Final = stemmed("text onscreen screen subtitle caption")


def supported(field: Field, kind: str, pool: Pool) -> Iterator[Any]:
    """Yield values of a scalar field that is no free text, the best supported first."""
    yield from _taken_over(field, kind, pool)
    if "enum" in field.schema and kind == "string":
        yield from _members(field, pool)
    elif kind == "boolean":
        yield from _stated(field, pool)
    elif kind in ("integer", "number"):
        yield from (int(value) if value.is_integer() else value for value in _numbers(field, pool))


def all_supported(field: Field, kind: str, pool: Pool) -> Iterable[Any]:
    """List the values of an array of scalars: every supported member, every stated number."""
    if "enum" in field.schema and kind == "string":
        named = [member for member in field.schema["enum"] if isinstance(member, str) and mentions(member, pool)]
        return named or _members(field, pool)
    return supported(field, kind, pool)


def undecided(field: Field, kind: str, pool: Pool, *, insisted: bool) -> Iterator[Any]:
    """Yield members of an enum that say that nothing is known, and, when insisted, the one that comes closest."""
    members = [member for member in field.schema["enum"] if isinstance(member, str)]
    yield from (member for member in members if _says_nothing(member))
    if insisted and kind == "string":
        closest = _closest(members, pool)
        yield from (member for score, member in closest if score > 0)


def _taken_over(field: Field, kind: str, pool: Pool) -> Iterator[Any]:
    """The value that most earlier results have under the same name; a number only when all agree."""
    same = Counter(
        (type(found.value).__name__, found.value) for found in pool.found if found.field == frozenset(field.words)
    )
    agreed = kind == "string" or len(same) == 1
    yield from (value for (_, value), _ in same.most_common() if agreed)


def _members(field: Field, pool: Pool) -> Iterator[str]:
    members = [member for member in field.schema["enum"] if isinstance(member, str) and not _says_nothing(member)]
    if field.aim is Aim.LANGUAGE and pool.language and pool.speech:
        names = {pool.language.casefold(), _LANGUAGES.get(pool.language.casefold()[:2])}
        yield from (member for member in members if member.casefold() in names)
        return
    named = [(member, places) for member in members if (places := mentions(member, pool))]
    if named:
        yield from (member for member, _ in sorted(named, key=lambda pair: (-len(pair[1]), pair[1][0])))
        return
    closest = _closest(members, pool)
    if len(closest) > 1 and closest[0][0] >= _ALIKE and closest[0][0] - closest[1][0] >= _AHEAD:
        yield closest[0][1]


def _closest(members: list[str], pool: Pool) -> list[tuple[float, str]]:
    texts = [*(quote.text for quote in pool.quotes), *pool.names]
    scored = [
        (max((pool.sense.similarity(readable(member), text) for text in texts), default=0.0), member)
        for member in members
    ]
    return sorted(scored, key=lambda pair: -pair[0])


def readable(member: str) -> str:
    """Write a member of an enum, such as `very_happy`, as words."""
    return " ".join(re.split(r"[\W_]+", member)).strip()


def _says_nothing(member: str) -> bool:
    return readable(member).casefold() in _DONT_KNOW


def _stated(field: Field, pool: Pool) -> Iterator[bool]:
    """True or false where the evidence says so in the field's own words; silence says nothing."""
    about = frozenset(word for word in field.words if word not in _IS_THERE)
    if (about and about <= _VOICE and pool.speech) or (about and about <= _WRITTEN and pool.screen):
        yield True
    for quote in pool.quotes:
        place = quote.first(about)
        if place is not None:
            yield not is_negated(quote.words, place)
    if any(is_kind_of(name, about) for name in pool.names):
        yield True


def _numbers(field: Field, pool: Pool) -> Iterator[float]:
    """Numbers that stand near the field's words, or the times and probabilities of an item."""
    if field.aim is Aim.CONFIDENCE:
        yield from (round(label.probability, 4) for label in pool.labels if pool.is_item)
    elif pool.is_item and field.aim is Aim.TIME:
        ends = "end" in field.words
        times = [quote.end if ends else quote.start for quote in pool.quotes]
        yield from (float(time) for time in times if time is not None)
    else:
        near = [found for quote in pool.quotes for found in _counted(field, quote)]
        yield from (value for _, value in sorted(near, key=lambda pair: pair[0]))


def _counted(field: Field, quote: Quote) -> Iterator[tuple[int, float]]:
    """Yield the numbers of a quote with their distance to the nearest word that says what they count."""
    wanted = frozenset(word for word in field.words if word not in _COUNTING | {"of", "the", "in"})
    units = frozenset().union(*(_UNITS.get(word, frozenset()) for word in wanted))
    places = [place for place, word in enumerate(quote.words) if stem(word.text) in wanted | units]
    for value, place in numbers(quote.words):
        distances = [abs(place - other) for other in places if other != place]
        if _is_marked(value, quote, quote.words[place], wanted):
            yield 0, value
        elif distances and min(distances) <= _NEAR:
            yield min(distances), value


def _is_marked(value: float, quote: Quote, word: Token, wanted: frozenset[str]) -> bool:
    """Whether a number is written like what is wanted: a year, an amount of money, a percentage."""
    if not wanted.isdisjoint(_MONEY):
        return quote.text[: word.start].rstrip().endswith(("$", "\u20ac", "\u00a3"))
    if not wanted.isdisjoint(_PERCENT):
        return quote.text[word.end :].lstrip().startswith("%")
    return "year" in wanted and 1000 <= value <= 2200 and len(word.text) == 4
