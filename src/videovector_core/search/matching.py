"""The meaning of a filter: the pure evaluator that every store is compared with, and the rows that databases index."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from videovector_core.fields import NAME, FieldPath, Step, values
from videovector_core.runs.model import SegmentResult
from videovector_core.search.filters import ABSENT, Condition, Filter, Operator, Scalar, buckets, normalised, number


def filter_document(result: SegmentResult) -> dict[str, Any]:
    """Return what filters see of a result: its fields, what is said, and the text that is searched."""
    return {**result.document(), "metadata_text": result.metadata_text}


def matches(document: Mapping[str, Any], wanted: Filter) -> bool:
    """Say whether a document meets a filter."""
    if not _holds(document, wanted.all_of) or any(_holds(document, (one,)) for one in wanted.none_of):
        return False
    return not wanted.any_of or any(_holds(document, group) for group in wanted.any_of)


def _holds(document: Mapping[str, Any], group: Sequence[Condition]) -> bool:
    return all(_some_item(document, array, shared) for array, shared in buckets(group).items())


def _some_item(document: Mapping[str, Any], array: FieldPath | None, shared: Sequence[Condition]) -> bool:
    """Say whether one item of the array meets all conditions; where there are no items, one that has nothing is tried."""
    size = len(array.steps) if array else 0
    items = [instance.value for instance in values(document, array)] if array else [document]
    return any(
        all(_meets(_at(item, condition.path.steps[size:]), condition) for condition in shared)
        for item in items or [ABSENT]
    )


def _at(value: Any, steps: Sequence[Step]) -> Any:
    for step in steps:
        if not isinstance(value, Mapping) or step.name not in value:
            return ABSENT
        value = value[step.name]
    return value


def _meets(value: Any, condition: Condition) -> bool:
    if condition.operator in _ITEMS:
        return isinstance(value, list) and any(_ITEMS[condition.operator](item, condition.value) for item in value)
    return _TESTS[condition.operator](value, condition.value)


def _empty(value: Any) -> bool:
    return value is ABSENT or value is None or value == [] or (isinstance(value, str) and not normalised(value))


def _equal(value: Any, wanted: Scalar) -> bool:
    if isinstance(wanted, bool):
        return value is wanted
    if isinstance(wanted, str):
        return isinstance(value, str) and normalised(value) == wanted
    return number(value) == wanted


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: isinstance(value, str) and test(normalised(value), wanted)


def _amount(test: Callable[[Decimal, Decimal], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: (found := number(value)) is not None and test(found, wanted)


def _length(test: Callable[[int, int], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: isinstance(value, list) and test(len(value), wanted)


_ITEMS: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    Operator.ITEM_EQUALS: _equal,
    Operator.ITEM_CONTAINS: _text(operator.contains),
}
_TESTS: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQUALS: _equal,
    Operator.CONTAINS: _text(operator.contains),
    Operator.STARTS_WITH: _text(str.startswith),
    Operator.ENDS_WITH: _text(str.endswith),
    Operator.IS_EMPTY: lambda value, _: _empty(value),
    Operator.IS_NOT_EMPTY: lambda value, _: not _empty(value),
    Operator.GREATER_THAN: _amount(operator.gt),
    Operator.GREATER_EQUAL: _amount(operator.ge),
    Operator.LESS_THAN: _amount(operator.lt),
    Operator.LESS_EQUAL: _amount(operator.le),
    Operator.LENGTH_EQUALS: _length(operator.eq),
    Operator.LENGTH_GREATER: _length(operator.gt),
    Operator.LENGTH_LESS: _length(operator.lt),
}


@frozen
class Entry:
    """One value of a document as an inverted table keeps it.

    `element` holds the positions in arrays that lead to it, as in `2.0.`; `parent` those of the array that an item
    lies in. `filled` says that the value is not empty.
    """

    path: str
    element: str
    parent: str
    filled: bool
    text: str | None = None
    amount: Decimal | None = None
    flag: bool | None = None
    length: int | None = None


def entries(document: Mapping[str, Any], path: str = "", element: str = "") -> Iterator[Entry]:
    """List the values of a document that a filter can tell from absent ones, and every item of an array."""
    for name, value in document.items():
        if not NAME.fullmatch(name):
            continue  # such a name is in no schema and no path leads there
        here = f"{path}.{name}" if path else name
        if not _empty(value) or isinstance(value, list):
            yield _entry(value, here, element, element)
        if isinstance(value, Mapping):
            yield from entries(value, here, element)
        elif isinstance(value, list):
            for place, item in enumerate(value):
                at = f"{element}{place}."
                yield _entry(item, f"{here}[]", at, element)
                if isinstance(item, Mapping):
                    yield from entries(item, f"{here}[]", at)


def _entry(value: Any, path: str, element: str, parent: str) -> Entry:
    return Entry(
        path,
        element,
        parent,
        filled=not _empty(value),
        text=normalised(value) if isinstance(value, str) else None,
        amount=number(value),
        flag=value if isinstance(value, bool) else None,
        length=len(value) if isinstance(value, list) else None,
    )
