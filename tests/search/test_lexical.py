"""Terms and their BM25 weights."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from uuid import NAMESPACE_OID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videovector_core.vectors import lexical
from videovector_core.vectors.lexical import (
    AVERAGE_LENGTH,
    K1,
    B,
    document_weights,
    inverse_document_frequency,
    query_weights,
    term_id,
    tokens,
)


def found(query: str, text: str) -> bool:
    return bool(query_weights(query).keys() & document_weights(text).keys())


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("STRASSE", "Die Straße ist lang"),
        ("\uff26\uff35\uff2c\uff2c", "full width"),
        ("cafe", "Un café, s'il vous plaît"),
        ("email", "Send an e-mail"),
        ("AB-1234", "part AB-1234 failed"),
        ("O'Brien", "Miles O\u2019Brien\u2019s toolbox"),
        ("1234.5", "a total of 1,234.5 euros"),
        ("C++", "written in C++."),
        ("東京", "今日は東京に行きます"),
        ("北", "北京"),
        ("किताब", "हिन्दी में किताब"),
        ("ไทย", "ภาษาไทย"),
        ("세계", "안녕하세요 세계를"),
        ("Ελλάδα", "ΕΛΛΆΔΑ"),
        ("Привет", "привет, мир"),
        ("مرحبا", "مرحبا بالعالم"),
    ],
)
def test_a_text_is_found_by_what_a_reader_would_type(query: str, text: str) -> None:
    """Case, width, accents, apostrophes, hyphens and missing spaces do not hide a word, in any script."""
    assert found(query, text)


@pytest.mark.parametrize(
    ("query", "text"), [("art", "party"), ("314", "pi is 3.14"), ("किता", "किताब"), ("12", "1234")]
)
def test_a_part_of_a_word_is_not_the_word(query: str, text: str) -> None:
    """Spaced scripts match whole words, and numbers match whole numbers."""
    assert not found(query, text)


def test_exact_names_and_numbers_keep_a_term_of_their_own() -> None:
    """A compound is worth more than its parts: the whole is a rarer term beside them."""
    assert list(tokens("AB-1234")) == ["ab", "1234", "ab-1234", "ab1234"]
    assert list(tokens("3.14")) == ["3", "14", "3.14"]
    assert list(tokens("東京都")) == ["東", "京", "都", "東京", "京都"]


@given(st.text())
def test_any_text_has_terms_within_bounds(text: str) -> None:
    """No text raises; terms are short and not empty, ids have 32 bits, weights lie between 0 and k1 + 1."""
    assert all(0 < len(term) <= lexical.MAX_TERM and not term.isspace() for term in tokens(text))
    weights = document_weights(text)
    assert all(0 <= term < 2**32 and 0 < weight < K1 + 1 for term, weight in weights.items())
    assert query_weights(text).keys() == weights.keys()


@given(st.text(), st.text())
def test_texts_beside_each_other_keep_their_terms(one: str, other: str) -> None:
    """The terms of two paragraphs are the terms of each: what stands elsewhere cannot change a word."""
    both = Counter(tokens(f"{one}\n\n{other}"))
    assert both == Counter(tokens(one)) + Counter(tokens(other))


@given(st.lists(st.sampled_from(["red", "car", "tree", "sky"]), min_size=1, max_size=40))
def test_weights_times_frequency_are_bm25(words: list[str]) -> None:
    """Inverse document frequency times the dot product is the textbook formula, written here once more."""
    corpus = [words, ["red", "sky"], ["tree"]]
    query = ["red", "car"]

    def textbook(document: list[str]) -> float:
        total = 0.0
        for term in query:
            tf, n = document.count(term), sum(term in one for one in corpus)
            idf = math.log(1 + (len(corpus) - n + 0.5) / (n + 0.5))
            total += idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * len(document) / AVERAGE_LENGTH))
        return total

    weights = [document_weights(" ".join(one)) for one in corpus]
    total = 0.0
    for term, weight in query_weights(" ".join(query)).items():
        idf = inverse_document_frequency(len(corpus), sum(term in one for one in weights))
        total += idf * weight * weights[0].get(term, 0.0)
    assert total == pytest.approx(textbook(words))


def test_term_ids_are_the_same_in_every_process() -> None:
    """Ids are stored: they do not depend on the process, its hash seed or its order of work."""
    code = "from videovector_core.vectors.lexical import term_id; print(term_id('kiosk'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == term_id("kiosk")
    assert term_id("kiosk") != term_id("kiosks")


def test_a_longer_text_gives_the_same_word_less_weight() -> None:
    """Length normalisation: one mention in a long text counts less than one in a short text."""
    short, long = document_weights("kiosk"), document_weights("kiosk " + "other words " * 200)
    assert short[term_id("kiosk")] > long[term_id("kiosk")]


@given(st.integers(0, 5_000_000))
def test_the_counted_corpus_is_whole_or_bounded(texts: int) -> None:
    """Small corpora are counted whole; of large ones a sample is, never more than CORPUS and never less than half."""
    level = lexical.corpus_level(lambda level: texts >> level)
    assert texts >> level <= lexical.CORPUS
    assert level == 0 or texts >> (level - 1) > lexical.CORPUS


def test_one_in_two_to_the_k_is_of_level_k() -> None:
    """Sample levels follow from ids alone and halve from level to level."""
    levels = Counter(lexical.sample_level(str(uuid5(NAMESPACE_OID, str(number)))) for number in range(8192))
    assert lexical.sample_level("00000000-0000-5000-8000-000000000000") == 16
    assert levels[0] == pytest.approx(4096, rel=0.1)
    assert levels[1] == pytest.approx(2048, rel=0.1)


def test_function_words_name_nothing():
    """A query is looked up by its words with content; one without any keeps all of its words."""
    assert lexical.content_words("what can you do for your nation") == {"nation"}
    assert lexical.content_words("To be or not to be") == {"to", "be", "or", "not"}
