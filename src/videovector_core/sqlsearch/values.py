"""Values of an instruction in the types of columns."""

from __future__ import annotations

import re
from typing import Any, Final

from videovector_core.sqlsearch.model import Column

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?Z?)?$")


def scalar(column: Column) -> str:
    """Return the type of a column's values, or of the items of its lists."""
    return str(column.type.item or column.type)


def fitting(value: str, column: Column) -> Any:
    """Return a value in the column's type, `None` when it cannot be read so; an enumerated one as the schema spells it."""
    kind = scalar(column)
    if kind.startswith("TIMESTAMP"):
        return value if _DATE.match(value) else None
    if kind in {"BIGINT", "DOUBLE"}:
        try:
            return int(value) if value.lstrip("-").isdigit() else float(value)
        except ValueError:
            return None
    if kind == "BOOLEAN":
        return {"true": True, "yes": True, "false": False, "no": False}.get(value.casefold())
    return next((v for v in column.enum or () if isinstance(v, str) and v.casefold() == value.casefold()), value)
