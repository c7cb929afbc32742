"""Candidates for the value of a text field, best first: each is quoted from the evidence, or the name of a label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final

from videovector_adapters.local.extractive.language import (
    clause,
    is_negated,
    keyphrases,
    listed,
    stem,
    unique,
)
from videovector_adapters.local.extractive.meaning import Aim, Field
from videovector_adapters.local.extractive.pool import Pool, Quote

HEADLINE: Final = 80
SUMMARY: Final = 400
"""Characters."""
_SUMMARY_SENTENCES: Final = 3
_MANY: Final = 5
"""Sentences of a list of points or quotes."""
_KEYWORDS: Final = 10
_ALIKE: Final = 0.40
"""Cosine from which a quote is about a field (all-MiniLM-L6-v2: unrelated pairs stay below .25)."""

_CAPITAL: Final = r"[A-Z][\w'\u2019-]{1,40}"
_TITLE: Final = r"(?:Dr|Mr|Mrs|Ms|Prof|Professor|Doctor|President|Senator|Captain|Sir)\.?"
_PERSONS: Final = (
    re.compile(rf"\b[Mm]y name(?: is|'s|\u2019s) ((?:{_TITLE} )?{_CAPITAL}(?: {_CAPITAL}){{0,2}})"),
    re.compile(
        rf"\b(?:I am|I'm|I\u2019m|[Tt]his is|joined by|welcome) ((?:{_TITLE} )?{_CAPITAL}(?: {_CAPITAL}){{1,2}})"
    ),
    re.compile(rf"\b({_TITLE} {_CAPITAL}(?: {_CAPITAL})?)"),
)
_PLACES: Final = re.compile(
    rf"\b(?:[Ii]n|[Aa]t|[Nn]ear|[Oo]utside|[Ii]nside) ((?:the )?{_CAPITAL}(?: (?:of (?:the )?)?{_CAPITAL}){{0,3}})"
)
_NO_PLACE: Final = frozenset(
    listed(
        "january february march april may june july august september october november december monday tuesday wednesday "
        "thursday friday saturday sunday english french german spanish russian chinese god christmas easter i'm"
    )
)
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_SHAPES: Final[dict[Aim, re.Pattern[str]]] = {
    Aim.DATE: re.compile(
        rf"\b(?:\d{{4}}-\d\d-\d\d|\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?|"
        rf"\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? \d{{4}})?)\b"
    ),
    Aim.CLOCK: re.compile(r"\b\d{1,2}:\d\d(?::\d\d)?(?: ?[AaPp]\.?[Mm]\b\.?)?|\b\d{1,2} ?[AaPp]\.?[Mm]\b"),
    Aim.URL: re.compile(r"\bhttps?://[^\s<>\"']{3,500}|\bwww\.[\w.-]{3,200}(?:/[^\s<>\"']{0,300})?"),
    Aim.EMAIL: re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b"),
    Aim.PHONE: re.compile(r"\+?\d(?:[ ().-]{0,2}\d){6,14}"),
    Aim.MONEY: re.compile(
        r"[$\u20ac\u00a3\u00a5] ?\d[\d.,]{0,15}(?: (?:thousand|million|billion))?|"
        r"\b\d[\d.,]{0,15} (?:(?:thousand|million|billion) )?(?:dollars?|euros?|pounds?|cents?|USD|EUR|GBP)\b"
    ),
    Aim.HASHTAG: re.compile(r"#\w{2,60}"),
}
_PLACE_LABELS: Final = frozenset(
    listed(
        "seashore lakeside library church palace restaurant bakery barbershop bookshop castle cinema dock greenhouse "
        "monastery mosque planetarium prison valley volcano alp cliff promontory sandbar barn boathouse stage beach kitchen "
        "office street forest"
    )
)


def candidates(field: Field, pool: Pool) -> Iterator[str]:
    """Yield values for a single text, best first."""
    yield from _taken_over(field, pool)
    yield from _labelled(field, pool)
    yield from _SINGLE.get(field.aim, _SEVERAL.get(field.aim, _related))(field, pool)
    if field.aim is not Aim.OTHER and not pool.is_item:
        yield from _by_pattern(field, pool)


def several(field: Field, pool: Pool) -> list[str]:
    """List the values of an array of texts."""
    before = list(_taken_over(field, pool))
    found = before or chain(_labelled(field, pool), _SEVERAL.get(field.aim, _related)(field, pool))
    return unique(text for text in found if text.strip())


def instead(pool: Pool) -> Iterator[str]:
    """Yield quotes for a text that must not be empty, when nothing tells what it should hold."""
    yield from (quote.text for quote in pool.salient)
    yield from pool.names


def overlapping(field: Field, pool: Pool) -> list[Quote]:
    """List the quotes that share every word of a field's name, or at least two of its description."""
    if field.about:
        named = [quote for quote in pool.quotes if field.about <= quote.stems]
        if named:
            return named
    return [quote for quote in pool.quotes if len(field.described & quote.stems) >= 2 and not pool.is_item]


def _related(field: Field, pool: Pool) -> Iterator[str]:
    """Quotes and labels that share the field's words, or its meaning where vectors tell."""
    yield from (quote.text for quote in overlapping(field, pool))
    yield from (name for name in pool.names if is_kind_of(name, field.about))
    texts = [*(quote.text for quote in pool.quotes), *pool.names]
    scored = sorted(((-pool.sense.similarity(field.query, text), text) for text in texts), key=lambda pair: pair[0])
    yield from (text for score, text in scored if -score >= _ALIKE)
    yield from _by_pattern(field, pool)


def _by_pattern(field: Field, pool: Pool) -> Iterator[str]:
    """Words and lines that may match a pattern that ordinary words do not match; the caller checks them."""
    pattern = field.schema.get("pattern", "")
    if isinstance(pattern, str) and pattern.startswith("^") and pattern.endswith("$") and len(pattern) > 2:
        for quote in pool.quotes:
            yield quote.text
            yield from (word.strip(".,;:!?()[]\"'") for word in quote.text.split())


def _taken_over(field: Field, pool: Pool) -> Iterator[str]:
    """Values of earlier results under the same name, the most frequent first."""
    same = Counter(
        found.value for found in pool.found if isinstance(found.value, str) and found.field == frozenset(field.words)
    )
    if field.aim not in (Aim.SUMMARY, Aim.HEADLINE):
        yield from (value for value, _ in same.most_common())


def _labelled(field: Field, pool: Pool) -> Iterator[str]:
    """What stands behind the field's own name and a colon, as in `Director: Ada Lovelace` on the screen."""
    wanted = field.about or frozenset(field.words)
    for quote in pool.quotes:
        head, colon, rest = quote.text.partition(":")
        if colon and rest.strip() and wanted and {stem(word) for word in head.casefold().split()} == wanted:
            yield rest.strip()


def _transcript(_: Field, pool: Pool) -> Iterator[str]:
    if pool.speech:
        yield " ".join(quote.text for quote in pool.speech)


def _screen(_: Field, pool: Pool) -> Iterator[str]:
    if pool.screen:
        yield "; ".join(pool.screen)


def _lines(_: Field, pool: Pool) -> Iterator[str]:
    yield from pool.screen


def _summary(_: Field, pool: Pool) -> Iterator[str]:
    """A few telling sentences in the order of time; what is shown where nothing is said."""
    chosen: list[Quote] = []
    for quote in _tellers(pool):
        if len(chosen) < _SUMMARY_SENTENCES and sum(len(one.text) + 1 for one in chosen) + len(quote.text) <= SUMMARY:
            chosen.append(quote)
    if chosen:
        yield " ".join(quote.text for quote in pool.quotes if quote in chosen)
    yield from (clause(quote.text, SUMMARY) for quote in _tellers(pool)[:1])
    if pool.names:
        yield ", ".join(pool.names[:3])


def _headline(_: Field, pool: Pool) -> Iterator[str]:
    yield from (clause(quote.text, HEADLINE) for quote in _tellers(pool))
    yield from pool.names


def _tellers(pool: Pool) -> list[Quote]:
    """Full sentences first; short lines where there is nothing else."""
    long = [quote for quote in pool.salient if len(quote.words) >= 4]
    return long or pool.salient


def _topics(_: Field, pool: Pool) -> Iterator[str]:
    texts = [quote.text for quote in pool.quotes if quote.source == "speech"] or [quote.text for quote in pool.quotes]
    yield from keyphrases(texts, most=_KEYWORDS)
    yield from pool.names[:3]


def _sentences(_: Field, pool: Pool) -> Iterator[str]:
    spoken = [quote for quote in pool.salient if quote.source == "speech"]
    full = [quote for quote in spoken or pool.salient if len(quote.words) >= 4] or spoken
    best = full[:_MANY]
    yield from (quote.text for quote in (full if pool.is_item else best))


def _in_order(field: Field, pool: Pool) -> Iterator[str]:
    best = set(_sentences(field, pool))
    yield from (quote.text for quote in pool.quotes if quote.text in best)


def _questions(_: Field, pool: Pool) -> Iterator[str]:
    yield from (quote.text for quote in pool.quotes if quote.text.rstrip("\"'\u201d").endswith("?"))


def _persons(_: Field, pool: Pool) -> Iterator[str]:
    for quote in pool.quotes:
        for shape in _PERSONS:
            yield from (match[1].rstrip(".'") for match in shape.finditer(quote.text))


def _places(_: Field, pool: Pool) -> Iterator[str]:
    for quote in pool.quotes:
        for match in _PLACES.finditer(quote.text):
            if match[1].removeprefix("the ").split()[0].casefold() not in _NO_PLACE:
                yield match[1]
    yield from (name for name in pool.names if name.casefold() in _PLACE_LABELS)


def _objects(_: Field, pool: Pool) -> Iterator[str]:
    yield from pool.names


def _language(_: Field, pool: Pool) -> Iterator[str]:
    if pool.language and pool.speech:
        yield pool.language


def _times(_: Field, pool: Pool) -> Iterator[str]:
    if pool.is_item and pool.quotes and pool.quotes[0].start is not None:
        minutes, seconds = divmod(int(pool.quotes[0].start), 60)
        yield f"{minutes:02d}:{seconds:02d}"
    elif not pool.is_item:
        yield from _shaped(Aim.CLOCK)(_, pool)


def _nothing(_: Field, __: Pool) -> Iterable[str]:
    return ()


def _shaped(aim: Aim) -> Callable[[Field, Pool], Iterable[str]]:
    def find(_: Field, pool: Pool) -> Iterator[str]:
        for quote in pool.quotes:
            yield from (match[0].rstrip(".,") for match in _SHAPES[aim].finditer(quote.text))

    return find


def mentions(member: str, pool: Pool) -> list[int]:
    """Return the places of the quotes, then labels, that name a member of an enum and do not negate it."""
    wanted = frozenset(stem(word) for word in re.split(r"[\W_]+", member) if word)
    found = []
    for place in pool.holding(wanted):
        quote = pool.quotes[place]
        at = quote.first(wanted)
        if at is not None and not is_negated(quote.words, at):
            found.append(place)
    return found + [len(pool.quotes) + place for place, name in enumerate(pool.names) if is_kind_of(name, wanted)]


def is_kind_of(label: str, wanted: frozenset[str]) -> bool:
    """Whether the name of a label holds all the wanted stems, its head among them: a sports car is a car, no sports."""
    words = [stem(word) for word in re.split(r"\W+", label) if word]
    return bool(words) and words[-1] in wanted and wanted <= set(words)


_Source = Callable[[Field, Pool], Iterable[str]]
_SINGLE: Final[dict[Aim, _Source]] = {
    Aim.TRANSCRIPT: _transcript,
    Aim.SCREEN: _screen,
    Aim.SUMMARY: _summary,
    Aim.HEADLINE: _headline,
    Aim.QUOTE: _sentences,
    Aim.POINTS: _sentences,
}
_SEVERAL: Final[dict[Aim, _Source]] = {
    Aim.TRANSCRIPT: lambda _, pool: (quote.text for quote in pool.speech),
    Aim.SCREEN: _lines,
    Aim.SUMMARY: _in_order,
    Aim.HEADLINE: _headline,
    Aim.TOPIC: _topics,
    Aim.KEYWORDS: _topics,
    Aim.QUOTE: _in_order,
    Aim.POINTS: _in_order,
    Aim.QUESTION: _questions,
    Aim.PERSON: _persons,
    Aim.PLACE: _places,
    Aim.OBJECT: _objects,
    Aim.LANGUAGE: _language,
    Aim.TIME: _times,
    Aim.CONFIDENCE: _nothing,
    **{aim: _shaped(aim) for aim in _SHAPES},
}
