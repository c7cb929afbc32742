"""Terms of a text in any language, and their BM25 weights.

A vector engine that multiplies by inverse document frequency and adds up products ranks by BM25 when documents carry
the saturated term frequency and queries carry one for each term. That is Okapi BM25 (Robertson and Zaragoza, "The
Probabilistic Relevance Framework: BM25 and Beyond", 2009) with k1 = 1.2 and b = 0.75, no query saturation, and a fixed
average length, so that a document's weights do not change when other documents come and go:

    score(q, d) = sum over t of q and d:  idf(t) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / AVERAGE_LENGTH))
    idf(t)      = ln(1 + (N - n(t) + 0.5) / (n(t) + 0.5))

N and n(t) count texts of one user only, so that a score tells nothing of other users' texts. Engines count at the time
of the query, in time that grows with N. Above `CORPUS` texts they count over a sample, the same on every engine: level
k keeps the points whose ids start with k zero bits, one in 2**k, and the lowest level that fits is used.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final

K1: Final = 1.2
B: Final = 0.75
AVERAGE_LENGTH: Final = 128
"""Terms in a typical segment's metadata text."""
MAX_TERM: Final = 64
"""Longer runs of letters are cut here: they are data, not words."""
CORPUS: Final = 32_768
"""At most so many texts are counted for inverse document frequency."""
SAMPLE_LEVELS: Final = 17
"""Levels of the sample, from 0 (every text) to 16 (one in 65,536)."""

_JOINERS: Final = frozenset("-'.@_&:/")
_SUFFIXES: Final = frozenset("+#")
_UNSPACED: Final = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # ideographic iteration and zero
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7AF),  # Hangul: spaced, but its particles stick to the nouns
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u2010": "-", "\u2011": "-"})
_ACCENTS: Final = re.compile("[\u0300-\u036f]")


FUNCTION_WORDS: Final = frozenset(
    [
        "a",
        "about",
        "after",
        "again",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "down",
        "during",
        "each",
        "few",
        "for",
        "from",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "hers",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "me",
        "more",
        "most",
        "my",
        "no",
        "nor",
        "not",
        "now",
        "of",
        "off",
        "on",
        "once",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "own",
        "s",
        "same",
        "she",
        "should",
        "so",
        "some",
        "such",
        "t",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "under",
        "until",
        "up",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
"""English words that join others and name nothing themselves."""


def normalised(text: str) -> str:
    """Fold what readers take for the same: compatibility forms, case, apostrophes, thousands separators."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _THOUSANDS.sub("", folded.translate(_APOSTROPHES))


def tokens(text: str) -> Iterator[str]:
    """Yield the terms of `text` in order, repeats included.

    Words are runs of letters, marks and digits. A compound ("e-mail", "AB-1234", "3.14") gives its parts and the exact
    whole, and the letters-only join ("email"). An accented word also gives its plain form. Scripts that are written
    without spaces give single characters and pairs of neighbours.
    """
    for found in _runs(normalised(text)):
        run = found.removesuffix("'s")
        parts = [part for part in re.split(r"[-'.@_&:/]", run) if part]
        for part in parts:
            yield from _word(part)
        if len(parts) > 1:
            yield run[:MAX_TERM]
            if not _numeric(parts):
                yield "".join(parts)[:MAX_TERM]


@lru_cache(maxsize=65536)
def term_id(term: str) -> int:
    """Return the id of a term, from 0 to 2**32 - 1, the same on every machine and in every version."""
    return int.from_bytes(blake2b(term.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big")


def document_weights(text: str) -> dict[int, float]:
    """Return the saturated frequency of each term: the document's side of BM25. Empty when there is no term."""
    counts = Counter(map(term_id, tokens(text)))
    norm = K1 * (1 - B + B * counts.total() / AVERAGE_LENGTH)
    return {term: count * (K1 + 1) / (count + norm) for term, count in counts.items()}


def query_weights(text: str) -> dict[int, float]:
    """Return 1 for each distinct term of a query. Empty when there is no term."""
    return dict.fromkeys(map(term_id, tokens(text)), 1.0)


def content_words(text: str) -> set[str]:
    """Return the terms of a query that name something: all but English function words.

    A small collection cannot tell by frequency that such words are common, so they are listed. A query of nothing
    else ("to be or not to be") keeps them all.
    """
    found = set(tokens(text))
    return found - FUNCTION_WORDS or found


def inverse_document_frequency(documents: int, containing: int) -> float:
    """Return the weight of a term that `containing` of `documents` texts have; never negative."""
    return math.log(1 + (documents - containing + 0.5) / (containing + 0.5))


def sample_level(point_id: str) -> int:
    """Return the highest level of the sample that a point (a UUID made by hashing) belongs to."""
    return SAMPLE_LEVELS - 1 - int(point_id[:4], 16).bit_length()


def corpus_level(count: Callable[[int], int]) -> int:
    """Return the lowest level that has at most `CORPUS` texts; `count(k)` counts those of level k and above."""
    for level in range(SAMPLE_LEVELS - 1, -1, -1):
        if count(level) > CORPUS:
            return min(level + 1, SAMPLE_LEVELS - 1)
    return 0


def _runs(text: str) -> Iterator[str]:
    """Cut at everything that is neither word, nor a joiner between words, nor a suffix such as in C++; no mark leads."""
    run: list[str] = []
    for at, char in enumerate(text):
        following = text[at + 1] if at + 1 < len(text) else " "
        inside = bool(run) and ((char in _JOINERS and _wordy(following)) or (char in _SUFFIXES and len(run) <= 2))
        if char.isalnum() or (_wordy(char) and run) or (inside and run[-1] not in _JOINERS):
            run.append(char)
        elif run:
            yield "".join(run)
            run = []
    if run:
        yield "".join(run)


def _word(word: str) -> Iterator[str]:
    if any(map(_unspaced, word)):
        for script in re.split(_UNSPACED_RUN, word):
            yield from (_pairs(script) if script and _unspaced(script[0]) else _spaced(script))
        return
    yield from _spaced(word)


def _spaced(word: str) -> Iterator[str]:
    if not word:
        return
    yield word[:MAX_TERM]
    if not word.isascii():
        plain = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", word)))
        if plain and plain != word:
            yield plain[:MAX_TERM]
    elif not word.isalnum() and (stem := word.rstrip("+#")):
        yield stem


def _pairs(run: str) -> Iterator[str]:
    yield from run
    yield from (run[at : at + 2] for at in range(len(run) - 1))


def _numeric(parts: list[str]) -> bool:
    return all(part.isdigit() for part in parts)


@lru_cache(maxsize=16384)
def _wordy(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M" or char in "\u200c\u200d"


def _unspaced(char: str) -> bool:
    return char > "\u0dff" and any(low <= ord(char) <= high for low, high in _UNSPACED)


_UNSPACED_RUN: Final = re.compile("([" + "".join(f"{chr(low)}-{chr(high)}" for low, high in _UNSPACED) + "]+)")
