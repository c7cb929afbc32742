"""What conditions mean, by the pure evaluator."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search import conditions
from videovector_core.search.filters import Condition, Filter, normalised
from videovector_core.search.matching import entries, matches

SEEDS = st.integers(0, 2**32).map(Random)
PEOPLE = {"people": [{"emotion": "happy", "confidence": 0.2}, {"emotion": "sad", "confidence": 0.9}]}
HAPPY = Condition.read("people[].emotion", "equals", "string", "happy")
SURE = Condition.read("people[].confidence", "greater_equal", "number", 0.8)


def test_conditions_on_one_array_mean_one_item() -> None:
    """A happy person and a sure person are there, but nobody who is both."""
    assert matches(PEOPLE, Filter([HAPPY]))
    assert matches(PEOPLE, Filter([SURE]))
    assert not matches(PEOPLE, Filter([HAPPY, SURE]))
    assert matches(PEOPLE, Filter([HAPPY], [[SURE]]))


EMPTY = [
    ({}, True),
    ({"a": None}, True),
    ({"a": ""}, True),
    ({"a": " \t"}, True),
    ({"a": []}, True),
    ({"a": "x"}, False),
]


@pytest.mark.parametrize(("document", "empty"), EMPTY)
def test_empty_is_missing_null_blank_or_without_items(document: dict[str, Any], empty: bool) -> None:
    """A field is empty or it is not, and the two operators are opposites."""
    for kind in ("string", "array"):
        assert matches(document, Filter([Condition.read("a", "is_empty", kind)])) is empty
        assert matches(document, Filter([Condition.read("a", "is_not_empty", kind)])) is not empty


def test_a_missing_field_meets_nothing_but_is_empty() -> None:
    """Where there are no items, their fields are missing."""
    absent: tuple[dict[str, Any], ...] = ({}, {"people": []}, {"people": None})
    for document in absent:
        assert matches(document, Filter([Condition.read("people[].emotion", "is_empty", "string")]))
        assert not matches(document, Filter([Condition.read("people[].emotion", "is_not_empty", "string")]))
        assert not matches(document, Filter([Condition.read("people[].emotion", "is_empty", "string"), SURE]))
        assert not matches(document, Filter([Condition.read("people[].hands", "length_less", "array", 9)]))


@pytest.mark.parametrize(
    ("value", "wanted"), [("Straße", "STRASSE"), ("\ufb01ne", "fine"), ("  a ", "A"), ("e\u0301", "\u00e9")]
)
def test_texts_are_equal_as_people_read_them(value: str, wanted: str) -> None:
    """Case, compatibility forms, compositions and blanks around make no difference."""
    assert matches({"a": value}, Filter([Condition.read("a", "equals", "string", wanted)]))


def test_numbers_are_compared_exactly() -> None:
    """One tenth is one tenth, neighbours of 2**60 differ, no integer is too large, and a boolean is no number."""
    assert matches({"a": 0.1}, Filter([Condition.read("a", "equals", "number", 0.1)]))
    assert not matches({"a": 2**60 + 1}, Filter([Condition.read("a", "equals", "integer", 2**60)]))
    assert matches({"a": 10**400}, Filter([Condition.read("a", "greater_than", "number", 1e300)]))
    assert matches({"a": 0.5}, Filter([Condition.read("a", "less_than", "number", 10**400)]))
    assert not matches({"a": True}, Filter([Condition.read("a", "equals", "integer", 1)]))


@given(SEEDS)
def test_denial_is_the_opposite(random: Random) -> None:
    """Of any condition and document, either the condition holds or its denial."""
    document, one = conditions.document(random), conditions.condition(random)
    assert matches(document, Filter([one])) is not matches(document, Filter(none_of=[one]))


@given(SEEDS)
def test_more_conditions_never_find_more(random: Random) -> None:
    """What meets several conditions meets each of them; what meets one is met by any choice that has it."""
    document = conditions.document(random)
    several = [conditions.condition(random) for _ in range(3)]
    each = [matches(document, Filter([one])) for one in several]
    assert not matches(document, Filter(several)) or all(each)
    assert matches(document, Filter(any_of=[[one] for one in several])) is any(each)


@given(SEEDS)
def test_the_order_of_conditions_is_immaterial(random: Random) -> None:
    """Conditions may come in any order."""
    document = conditions.document(random)
    several = [conditions.condition(random) for _ in range(4)]
    assert matches(document, Filter(several)) is matches(document, Filter(several[::-1]))


@given(SEEDS)
def test_every_row_of_a_document_has_a_name_of_its_own(random: Random) -> None:
    """Rows are told apart by path and positions, and their texts can be kept by a database."""
    rows = list(entries(conditions.document(random)))
    assert len({(row.path, row.element) for row in rows}) == len(rows)
    for row in rows:
        if row.text is not None:
            row.text.encode()
            assert "\0" not in row.text


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    """The form in which texts are compared is final."""
    assert normalised(normalised(text)) == normalised(text)
