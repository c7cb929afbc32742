"""The cells of a row: what a result holds in each column, in the column's type.

Results were checked against their schema when they were stored. What still does not fit a column (an integer beyond
64 bits, say) becomes NULL, never another value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from videovector_core.fields import Step
from videovector_core.sqlsearch.model import Column, ResultRow, SqlType

_MOST: Final = 2**63


def cells(row: ResultRow, columns: Sequence[Column]) -> dict[str, Any]:
    """Return the row as `{column name: value}`.

    A leaf inside arrays is the list of its values in document order; an item that lacks the leaf holds a NULL there,
    so that lists of the same array run in parallel. An absent array is NULL, an empty one is an empty list.
    """
    return {
        column.name: getattr(row, column.name) if column.path is None else _at(row.metadata, column)
        for column in columns
    }


def _at(document: Any, column: Column) -> Any:
    steps = column.path.steps if column.path else ()
    if column.type.item is None:
        return fitted(next(_values(document, steps), None), column.type)
    first = next(place for place, step in enumerate(steps) if step.many)
    array = next(_values(document, (*steps[:first], Step(steps[first].name))), None)
    if not isinstance(array, list):
        return None
    item = column.type.item
    return [fitted(value, item) for inside in array for value in _values(inside, steps[first + 1 :])]


def _values(value: Any, steps: Sequence[Step]) -> Iterator[Any]:
    """Yield the values at a path; an object that lacks it yields one `None`, an absent array inside yields nothing."""
    if not steps:
        yield value
        return
    step, inner = steps[0], None
    if isinstance(value, Mapping):
        inner = value.get(step.name)
    if not step.many:
        yield from _values(inner, steps[1:])
    elif isinstance(inner, list):
        for item in inner:
            yield from _values(item, steps[1:])


def fitted(value: Any, kind: SqlType) -> Any:
    """Return the value in the given type, `None` where it does not fit without loss."""
    if value is None:
        return None
    if kind.item is not None:
        item = kind.item
        return [fitted(inner, item) for inner in value] if isinstance(value, list) else None
    if kind.fields:
        return _struct(value, kind) if isinstance(value, Mapping) else None
    return _FIT[kind.name](value)


def _struct(value: Mapping[str, Any], kind: SqlType) -> dict[str, Any]:
    return {field.name: fitted(value.get(field.key), field.type) for field in kind.fields}


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


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


_FIT: Final = {
    "BIGINT": _integer,
    "DOUBLE": _number,
    "BOOLEAN": lambda value: value if isinstance(value, bool) else None,
    "VARCHAR": _text,
    "JSON": _json,
}
