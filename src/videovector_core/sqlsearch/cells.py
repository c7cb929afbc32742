"""The cells of a row: what a result holds in each column, in the column's type.

Results were checked against their schema when they were stored. What still does not fit a column (an integer beyond
64 bits, say) becomes NULL, never another value. Columns are turned into functions once, for the many rows of a run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, TypeAlias

from videovector_core.fields import Step
from videovector_core.sqlsearch.model import Column, ResultRow, SqlType

_MOST: Final = 2**63
Fit: TypeAlias = Callable[[Any], Any]
"""Gives a value in a column's type, `None` where it does not fit without loss."""
ReadRow: TypeAlias = Callable[[ResultRow], dict[str, Any]]
"""Gives the cells of a row as `{column name: value}`."""


def reader(columns: Sequence[Column]) -> ReadRow:
    """Return what reads the cells of rows with these columns.

    A leaf inside arrays is the list of its values in document order; an item that lacks the leaf holds a NULL there,
    so that lists of the same array run in parallel. An absent array is NULL, an empty one is an empty list.
    """
    own = [(column.name, attrgetter(column.name)) for column in columns if column.path is None]
    found = [(column.name, _finder(column)) for column in columns if column.path is not None]

    def read(row: ResultRow) -> dict[str, Any]:
        cells = {name: get(row) for name, get in own}
        document = row.metadata
        for name, find in found:
            cells[name] = find(document)
        return cells

    return read


def _finder(column: Column) -> Fit:
    steps = column.path.steps if column.path else ()
    names = [step.name for step in steps]
    if column.type.item is None:
        fit = fitter(column.type)
        return lambda document: fit(_inside(document, names))
    first = next(place for place, step in enumerate(steps) if step.many)
    return _list_finder(names[: first + 1], steps[first + 1 :], fitter(column.type.item))


def _list_finder(array: Sequence[str], steps: Sequence[Step], fit: Fit) -> Fit:
    if any(step.many for step in steps):

        def values(items: Sequence[Any]) -> list[Any]:
            return [fit(value) for item in items for value in _values(item, steps)]
    else:
        names = [step.name for step in steps]

        def values(items: Sequence[Any]) -> list[Any]:
            return [fit(_inside(item, names)) for item in items]

    def find(document: Any) -> list[Any] | None:
        items = _inside(document, array)
        return values(items) if isinstance(items, list) else None

    return find


def _inside(value: Any, names: Sequence[str]) -> Any:
    """Return what lies at a path of properties, `None` where it breaks off."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _values(value: Any, steps: Sequence[Step]) -> Iterator[Any]:
    """Yield the values at a path; an object that lacks it yields one `None`, an absent array inside yields nothing."""
    if not steps:
        yield value
        return
    step, inner = steps[0], None
    if isinstance(value, dict):
        inner = value.get(step.name)
    if not step.many:
        yield from _values(inner, steps[1:])
    elif isinstance(inner, list):
        for item in inner:
            yield from _values(item, steps[1:])


def fitter(kind: SqlType) -> Fit:
    """Return what brings values into a type."""
    if kind.item is not None:
        item = fitter(kind.item)
        return lambda value: [item(inner) for inner in value] if isinstance(value, list) else None
    if kind.fields:
        return _struct([(field.name, field.key, fitter(field.type)) for field in kind.fields])
    return _FIT[kind.name]


def _struct(parts: Sequence[tuple[str, str, Fit]]) -> Fit:
    def fit(value: Any) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            return None
        return {name: fit_part(value.get(key)) for name, key, fit_part in parts}

    return fit


def _integer(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    whole = int(value)
    return whole if -_MOST <= whole < _MOST else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _text(value: Any) -> str | None:
    """Keep strings, with lone surrogates replaced: no file can hold them."""
    if not isinstance(value, str):
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, separators=(",", ":"))


_FIT: Final[Mapping[str, Fit]] = {
    "BIGINT": _integer,
    "DOUBLE": _number,
    "BOOLEAN": lambda value: value if isinstance(value, bool) else None,
    "VARCHAR": _text,
    "JSON": _json,
}
