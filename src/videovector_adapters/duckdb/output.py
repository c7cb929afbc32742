"""From the engine's values to JSON cells, cut to size."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

_FETCH: Final = 64
_INT64: Final = 2**63
_LONGEST: Final = 20
"""Characters of the longest number of 64 bits, with its sign."""
_PLAIN: Final = frozenset(
    {
        "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE",
        "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    }
)  # fmt: skip
_NESTED: Final = ("STRUCT", "MAP", "UNION")


def projection(types: list[str], most: int) -> str:
    """Write the select list that turns every column into a number, a boolean or a text of bounded size."""
    return ", ".join(f"{_cell(place, kind, most)} AS c{place}" for place, kind in enumerate(types, 1))


def _cell(place: int, kind: str, most: int) -> str:
    if kind in _PLAIN or kind.startswith("DECIMAL("):
        return f"#{place}"
    text = f"to_json(#{place})::VARCHAR" if _is_nested(kind) else f"#{place}::VARCHAR"
    return f"CASE WHEN strlen({text}) > {most} THEN left({text}, {most}) || '…' ELSE {text} END"


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(_NESTED)


def collect(
    fetch: Callable[[int], list[tuple[Any, ...]]], types: list[str], limit: int, most_cell: int, most_bytes: int
) -> tuple[list[list[Any]], bool]:
    """Fetch rows until the limit of rows or of bytes; tell whether there was more."""
    rows: list[list[Any]] = []
    size = 0
    while batch := fetch(_FETCH):
        for raw in batch:
            row = [_plain(value, kind, most_cell) for value, kind in zip(raw, types, strict=True)]
            size += sum(_weight(value) for value in raw)
            if len(rows) == limit or size > most_bytes:
                return rows, True
            rows.append(row)
    return rows, False


def _weight(value: Any) -> int:
    return len(value) if isinstance(value, str) else 8


def _plain(value: Any, kind: str, most: int) -> Any:
    if isinstance(value, str):
        return _text(value, kind, most)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return _whole(value)
    return value


def _text(value: str, kind: str, most: int) -> Any:
    data = value.encode()
    if len(data) > most:
        return f"{data[:most].decode('utf-8', 'ignore')}… [cut at {most} bytes]"
    if _is_nested(kind) or kind == "JSON":
        return _document(value)
    if kind.startswith("TIMESTAMP"):
        return value.replace(" ", "T", 1).replace("+00", "Z")
    return value


def _document(text: str) -> Any:
    """Read JSON; a number beyond 64 bits becomes text, and what nests too deep to be read stays text."""
    try:
        return json.loads(text, parse_constant=lambda _: None, parse_int=_number)
    except RecursionError:
        return text


def _number(digits: str) -> int | str:
    return _whole(int(digits)) if len(digits) <= _LONGEST else digits


def _whole(value: int) -> int | str:
    """Keep a number that the frames between processes can carry, and write out any other."""
    return value if -_INT64 <= value < 2 * _INT64 else str(value)
