"""The evidence of a segment, or of the results of many, as quotes that values can be taken from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Literal

from attrs import evolve, field, frozen

from videovector_adapters.local.extractive.language import Token, name_words, sentences, stem, stems, tokens, unique
from videovector_core.models.ports import Evidence, Label, Transcript, Vector

_RUN_ON: Final = 300
"""Characters of speech without the end of a sentence after which a pause counts as one."""
_LIKELY: Final = 0.15
"""Picture labels below this probability are no evidence."""
MAX_QUOTES: Final = 2000
_MAX_QUOTE: Final = 4000
"""Characters; what comes after them is no evidence."""
_TIMES: Final = frozenset({"start", "end", "start_time", "end_time"})


@frozen(slots=False)
class Quote:
    """A sentence that was said, a line that was shown, or a value that was found earlier; times in seconds."""

    text: str
    source: Literal["speech", "screen", "result"]
    start: float | None = None
    end: float | None = None
    field: frozenset[str] = frozenset()
    """Stems of the name of the field that an earlier result had this value in."""

    @cached_property
    def words(self) -> list[Token]:
        """The words of the quote."""
        return tokens(self.text)

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of the first word of each stem."""
        found: dict[str, int] = {}
        for place, word in enumerate(self.words):
            found.setdefault(stem(word.text), place)
        return found

    def first(self, wanted: frozenset[str]) -> int | None:
        """Return the place of the first of the wanted stems when the quote has them all, `None` otherwise."""
        return min(self.places[one] for one in wanted) if wanted and wanted <= self.places.keys() else None

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of its meaningful words."""
        return frozenset(stems(self.text))


@frozen
class Found:
    """A value in an earlier result, which a field of the same name may take over."""

    field: frozenset[str]
    value: Any


@frozen
class Sense:
    """Vectors of texts; texts without one are similar to nothing."""

    vectors: Mapping[str, Vector] = field(factory=dict)

    def similarity(self, one: str, other: str) -> float:
        """Return the cosine of two texts, 0 when it is not known."""
        left, right = self.vectors.get(one), self.vectors.get(other)
        return sum(a * b for a, b in zip(left, right, strict=True)) if left and right else 0.0


@frozen(slots=False)
class Pool:
    """All evidence there is. A narrowed pool holds what belongs to one item of an array."""

    quotes: tuple[Quote, ...] = ()
    labels: tuple[Label, ...] = ()
    found: tuple[Found, ...] = ()
    language: str | None = None
    sense: Sense = Sense()
    is_item: bool = False

    def of(self, source: str) -> list[Quote]:
        """Return the quotes of one source, in time order."""
        return [quote for quote in self.quotes if quote.source == source]

    @cached_property
    def speech(self) -> list[Quote]:
        """What was said."""
        return self.of("speech")

    @cached_property
    def screen(self) -> list[str]:
        """The different lines that were shown."""
        return unique(quote.text for quote in self.of("screen"))

    @cached_property
    def _index(self) -> dict[str, set[int]]:
        """The places of the quotes that hold each stem."""
        found: defaultdict[str, set[int]] = defaultdict(set)
        for place, quote in enumerate(self.quotes):
            for word in quote.places:
                found[word].add(place)
        return found

    def holding(self, wanted: frozenset[str]) -> list[int]:
        """Return the places of the quotes that hold all the wanted stems, in order."""
        sets = sorted((self._index.get(word, set()) for word in wanted), key=len)
        return sorted(sets[0].intersection(*sets[1:])) if sets else []

    @cached_property
    def names(self) -> list[str]:
        """What pictures show, likeliest first."""
        best = sorted(self.labels, key=lambda label: -label.probability)
        return unique(label.name for label in best)

    @cached_property
    def salient(self) -> list[Quote]:
        """Full quotes, the most telling first: those that share words with many others, and earlier ones."""
        frequency = Counter(word for quote in self.quotes for word in quote.stems)
        scored = [
            (-self._salience(quote, frequency) / (1 + place / (len(self.quotes) * 4)), place, quote)
            for place, quote in enumerate(self.quotes)
        ]
        return [quote for _, _, quote in sorted(scored, key=lambda entry: entry[:2])]

    def _salience(self, quote: Quote, frequency: Counter[str]) -> float:
        count = len(quote.words)
        whole = min(count, 6) / 6 * (1.0 if count <= 40 else 0.6)
        shared = sum(frequency[word] for word in quote.stems) / (len(quote.stems) ** 0.5 or 1)
        spoken = {"speech": 1.0, "result": 0.9, "screen": 0.7}[quote.source]
        return whole * spoken * (shared + 0.01)

    def narrowed(self, quotes: Sequence[Quote] = (), labels: Sequence[Label] = ()) -> Pool:
        """Return the evidence of one item."""
        return evolve(self, quotes=tuple(quotes), labels=tuple(labels), found=(), is_item=True)

    def about(self, text: str) -> list[Quote]:
        """Return the quotes that hold a text."""
        return [quote for quote in self.quotes if text.casefold() in quote.text.casefold()]


def from_evidence(evidence: Evidence) -> Pool:
    """Gather the evidence of a segment."""
    shown: dict[str, Quote] = {}
    for second, line in evidence.on_screen:
        if line.strip():
            shown.setdefault(" ".join(line.casefold().split()), Quote(line.strip(), "screen", second, second))
    return Pool(
        quotes=_bounded([*_spoken(evidence.transcript), *shown.values()]),
        labels=tuple(label for label in evidence.labels if label.probability >= _LIKELY),
        language=evidence.transcript.language,
    )


def _bounded(quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    return tuple(evolve(quote, text=quote.text[:_MAX_QUOTE]) for quote in quotes[:MAX_QUOTES])


def _spoken(transcript: Transcript) -> Iterator[Quote]:
    """Put phrases together into sentences; a sentence has the times of the phrases that it touches."""
    text, start = "", 0.0
    for phrase in transcript.phrases:
        start = start if text else phrase.start
        text = f"{text} {phrase.text.strip()}".strip()
        *whole, rest = (
            [*sentences(text), ""] if text.endswith((".", "!", "?", "\u3002")) else list(sentences(text)) or [""]
        )
        for sentence in whole:
            yield Quote(sentence, "speech", start, phrase.end)
        if whole:
            start = phrase.start
        if len(rest) > _RUN_ON:
            yield Quote(rest, "speech", start, phrase.end)
            rest = ""
        text = rest
    if text:
        yield Quote(text, "speech", start, transcript.phrases[-1].end)


def from_results(results: Sequence[Mapping[str, Any]]) -> Pool:
    """Gather the evidence of a whole media item from what was found in its segments, in time order.

    `transcription` counts as speech, lines of `metadata_text` as the fields that they name, and everything else as
    fields under the last name of their path. Ids and times of the segment are no evidence.
    """
    found: list[Found] = []
    quotes: dict[tuple[str, str], Quote] = {}
    for result in results:
        start, end = (_second(result, name) for name in ("start", "end"))
        for name, value in _flat(result, ""):
            kind: Literal["speech", "result"] = "speech" if name.casefold() == "transcription" else "result"
            words = frozenset(stem(word) for word in name_words(name))
            if kind == "result":
                found.append(Found(words, value))
            if isinstance(value, str):
                for sentence in sentences(value):
                    key = (kind, " ".join(sentence.casefold().split()))
                    quotes.setdefault(
                        key, Quote(sentence, kind, start, end, words if kind == "result" else frozenset())
                    )
    return Pool(quotes=_bounded([*quotes.values()]), found=tuple(found))


def _second(result: Mapping[str, Any], name: str) -> float | None:
    value = result.get(name, result.get(f"{name}_time"))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the scalars of a result, each under the last name on its way."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _TIMES and not str(key).endswith("_id"):
                yield from _flat(inner, str(key).rpartition(".")[2].removesuffix("[]"))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _flat(inner, name)
    elif name == "metadata_text" and isinstance(value, str):
        for line in value.splitlines():
            label, colon, rest = line.partition(": ")
            if colon:
                yield label.rpartition("\u203a")[2].strip(), rest
    elif value not in (None, ""):
        yield name, value.strip() if isinstance(value, str) else value
