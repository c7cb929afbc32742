"""Byte ranges (RFC 9110, section 14)."""

from __future__ import annotations

import re
from typing import Final

from videovector_core.errors import Refused

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


class RangeNotSatisfiable(Refused):
    """The range lies outside the file."""

    default_code = "range_not_satisfiable"


def served_range(header: str | None, size: int) -> tuple[int, int, int]:
    """Return `(start, end, status)` for a `Range` header; several ranges and unknown units get the whole file."""
    found = _RANGE.fullmatch((header or "").strip())
    if found is None or found.groups() == ("", ""):
        return 0, size, 200
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise RangeNotSatisfiable(f"The range lies outside the {size} bytes of the file; ask for less.")
    return start, end, 206
