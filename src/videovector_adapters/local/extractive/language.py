"""Words, sentences and phrases of a text. Everything returned is a piece of the text, letter for letter."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import frozen

_WORD: Final = re.compile(r"\d+(?:[.,]\d+)*|\w+(?:['\u2019-]\w+)*")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?\u2026])[\"'\u201d\u2019)\]]*\s+|(?<=[\u3002\uff01\uff1f])")
_ABBREVIATED: Final = re.compile(r"(?:\b(?:mr|mrs|ms|dr|st|prof|no|vs|e\.g|i\.e)|\b[a-z])\.$", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"[,;:\u2014\u2013]\s|\s-\s")
_SUFFIXES: Final = (
    ("ies", "y"),
    ("sses", "ss"),
    ("xes", "x"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("ing", ""),
    ("ed", ""),
    ("s", ""),
)


def stem(word: str) -> str:
    """Cut the commonest English endings off, so that forms of a word compare equal."""
    small = word.casefold()
    for suffix, instead in _SUFFIXES:
        if small.endswith(suffix) and len(small) - len(suffix) >= 3 and not small.endswith(("ss", "us", "is")):
            return small[: -len(suffix)] + instead
    return small


def listed(words: str) -> list[str]:
    """Split a table of words."""
    return words.split()


def stemmed(words: str) -> frozenset[str]:
    """Return the stems of a table of words."""
    return frozenset(map(stem, listed(words)))


_NUMBERS: Final[dict[str, float]] = {
    **{
        word: place
        for place, word in enumerate(
            listed(
                "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
                "seventeen eighteen nineteen"
            )
        )
    },
    **{
        word: 10 * place
        for place, word in enumerate(listed("twenty thirty forty fifty sixty seventy eighty ninety"), 2)
    },
}
_NEGATING: Final = frozenset({"no", "not", "never", "without", "nor", "cannot", "hardly", "nobody", "none", "neither"})
_MULTIPLES: Final = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_MAX_PHRASE: Final = 3
_LONGEST: Final = 60
"""Characters of a word; longer ones are something else."""
_SINGLE_WEIGHT: Final = (1.0, 1.6, 1.9)
"""What a phrase of one, two and three words weighs: longer ones say more, and are rarer."""

STOPWORDS: Final = frozenset(
    listed("""a about above after again against all also although am an and any are aren't as ask asked at away back be because
    been before being below between both but by came can can't cannot come comes could couldn't did didn't do does
    doesn't doing don't done down during each either else even ever every few find for from further gave get gets getting
    give given go goes going gone gonna good got had hadn't has hasn't hello have haven't having he he's hello her here here's
    hers herself hi him himself his how however i i'd i'll i'm i've if in into is isn't it it's its itself just keep kind
    knew know known let let's like little look looked looking lot made make makes making many may maybe me mean might more
    most much must my myself name need never no nor not now of off oh ok okay on once one ones only onto or other others our
    ours ourselves out over own perhaps please put quite rather really right said same saw say saying says see seem seems
    seen shall she she's should shouldn't since so some something sort still such sure take taken tell than thank thanks
    that that's the their theirs them themselves then there there's these they they'll they're they've thing things think
    this those though thought through to today told too took try trying two uh um under until up upon us use used using
    very want wanted wants was wasn't way we we'll we're we've welcome well went were weren't what what's when where whether which
    while who whom whose why will with within without won't would wouldn't yeah yes yet you you'll you're you've your
    yours yourself yourselves""")
)


@frozen
class Token:
    """A word as it stands in the text, and where."""

    text: str
    start: int
    end: int

    @property
    def plain(self) -> str:
        """The word in small letters."""
        return self.text.casefold().replace("\u2019", "'")

    @property
    def is_content(self) -> bool:
        """Whether the word carries a meaning of its own."""
        return 1 < len(self.text) <= _LONGEST and self.plain not in STOPWORDS


def tokens(text: str) -> list[Token]:
    """Split a text into words and numbers."""
    return [Token(match[0], match.start(), match.end()) for match in _WORD.finditer(text)]


def name_words(name: str) -> list[str]:
    """Split the name of a field, such as `on_screenText`, into small words."""
    return [word.casefold() for word in _CAMEL.split(name) if word]


def stems(text: str) -> list[str]:
    """Return the stems of the words that carry meaning, in order."""
    return [stem(token.text) for token in tokens(text) if token.is_content]


def sentences(text: str) -> Iterator[str]:
    """Split a text at the ends of sentences; abbreviations and initials end none."""
    pending = 0
    for match in _SENTENCE_END.finditer(text):
        if _ABBREVIATED.search(text[max(pending, match.start() - 8) : match.start()]):
            continue
        yield text[pending : match.end()].strip()
        pending = match.end()
    if text[pending:].strip():
        yield text[pending:].strip()


def clause(text: str, room: int) -> str:
    """Return the beginning of a sentence that fits into `room` characters, ending with a clause where there is one."""
    if len(text) <= room:
        return text.rstrip(" .,;:")
    ends = [match.start() for match in _CLAUSE.finditer(text[: room + 1]) if match.start() >= room // 4]
    if ends:
        return text[: ends[-1]].rstrip()
    words = [token.end for token in tokens(text) if token.end <= room]
    return text[: words[-1]] if words else text[:room]


def keyphrases(texts: Sequence[str], *, most: int = 10) -> list[str]:
    """Return salient phrases of one to three words, best first: frequent, long, or written like names.

    A short text has few: about one for every three different words.
    """
    weights: defaultdict[tuple[str, ...], float] = defaultdict(float)
    written: dict[tuple[str, ...], str] = {}
    for text in texts:
        for phrase, surface, weight in _candidates(text):
            weights[phrase] += weight
            written.setdefault(phrase, surface)
    ranked = sorted(weights, key=lambda phrase: (-weights[phrase] * _SINGLE_WEIGHT[len(phrase) - 1], -len(phrase)))
    chosen: list[tuple[str, ...]] = []
    enough = min(most, 2 + len({word for phrase in ranked for word in phrase}) // 3)
    for phrase in ranked:
        if len(chosen) == enough:
            break
        if not any(set(phrase) <= set(other) or set(other) <= set(phrase) for other in chosen):
            chosen.append(phrase)
    return [written[phrase] for phrase in chosen]


def _candidates(text: str) -> Iterator[tuple[tuple[str, ...], str, float]]:
    for run in _runs(text):
        for size in range(1, min(_MAX_PHRASE, len(run)) + 1):
            for first in range(len(run) - size + 1):
                part = run[first : first + size]
                if size == 1 and (len(part[0].text) < 3 or part[0].text[0].isdigit()):
                    continue
                named = part[0].start > 0 and part[0].text[0].isupper()
                yield (
                    tuple(stem(token.text) for token in part),
                    text[part[0].start : part[-1].end],
                    1.3 if named else 1.0,
                )


def _runs(text: str) -> Iterator[list[Token]]:
    """Yield stretches of meaningful words with nothing but single spaces between them."""
    run: list[Token] = []
    for token in tokens(text):
        if run and (not token.is_content or text[run[-1].end : token.start] != " "):
            yield run
            run = []
        if token.is_content:
            run.append(token)
    if run:
        yield run


def numbers(words: Sequence[Token]) -> Iterator[tuple[float, int]]:
    """Yield the numbers that a text states, in digits or English words, each with the place of its last word."""
    place = 0
    while place < len(words):
        value, used = _number(words, place)
        if used:
            yield value, place + used - 1
        place += used or 1


def _number(words: Sequence[Token], place: int) -> tuple[float, int]:
    first, used = _small(words[place].plain), 1
    if first is None:
        return 0.0, 0
    value = float(first)
    following = [word.plain for word in words[place + 1 : place + 3]]
    if following and 20 <= value < 100 and value % 10 == 0 and 0 < _NUMBERS.get(following[0], 0) < 10:
        value, used = value + _NUMBERS[following[0]], 2
        following = following[1:]
    if following and following[0] in _MULTIPLES:
        value, used = value * _MULTIPLES[following[0]], used + 1
    return value, used


def _small(word: str) -> float | None:
    if word[0].isdigit():
        try:
            return float(word.replace(",", ""))
        except ValueError:
            return None
    tens, _, ones = word.partition("-")
    if ones and tens in _NUMBERS and ones in _NUMBERS:
        return _NUMBERS[tens] + _NUMBERS[ones]
    return _NUMBERS.get(word)


def unique(texts: Iterable[str]) -> list[str]:
    """Return texts in order, without those that differ from an earlier one in case and spaces only."""
    seen: dict[str, str] = {}
    for text in texts:
        seen.setdefault(" ".join(text.casefold().split()), text)
    return list(seen.values())


def is_negated(words: Sequence[Token], place: int) -> bool:
    """Whether one of the three words before a place turns it into its opposite."""
    before = [word.plain for word in words[max(0, place - 3) : place]]
    return any(word in _NEGATING or word.endswith("n't") for word in before)
