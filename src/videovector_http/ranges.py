"""Stored files as answers, whole or by byte ranges (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from litestar.response import Stream

from videovector_core.errors import Refused
from videovector_core.ports import Blobs

_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
"""With more digits it is no place in a file, and Python reads no number of thousands of them."""


class RangeNotSatisfiable(Refused):
    """The range lies outside the `size` bytes of the file."""

    default_code = "range_not_satisfiable"

    def __init__(self, message: str, *, size: int) -> None:
        super().__init__(message)
        self.size = size


def served(
    blobs: Blobs, sha256: str, size: int, wanted: str | None, *, media_type: str, headers: Mapping[str, str]
) -> Stream:
    """Stream a blob of `size` bytes, or the range of it that the header `Range` asks for; `headers` are further ones.

    Raises:
        RangeNotSatisfiable: the range lies outside the blob.
    """
    start, end, status = served_range(wanted, size)
    told = {**headers, "Accept-Ranges": "bytes", "Content-Length": str(end - start)}
    if status == 206:
        told["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return Stream(blobs.read(sha256, start=start, end=end), status_code=status, media_type=media_type, headers=told)


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
        raise RangeNotSatisfiable(f"The range lies outside the {size} bytes of the file; ask for less.", size=size)
    return start, end, 206
