"""Keys of objects: the one place where paths that users give become names in a storage."""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import unquote

from attrs import field, frozen

from videovector_core.errors import Invalid

MAX_KEY: Final = 1024
"""Bytes of a key; the least that the storages allow."""

_LOOKS_LIKE_A_SLASH: Final = frozenset("\u2044\u2215\u2216\u29f5\u29f8\u29f9")


def refuse(reason: str) -> Invalid:
    """Say why a path cannot be used; the message does not repeat it."""
    return Invalid(f"This path cannot be used: {reason}.", code="validation_path")


def checked(path: str) -> str:
    """Return a path whose segments are all plain names; an empty one stays empty.

    Raises:
        Invalid: it is absolute, climbs, has empty or dot segments, backslashes, control characters, percent-encoded dots
            or slashes, or characters that look like those.
    """
    if len(path.encode(errors="replace")) > MAX_KEY:
        raise refuse(f"it is longer than {MAX_KEY} bytes")
    if path.startswith("/"):
        raise refuse("write it relative to the bucket, without a leading slash")
    for character in path:
        _plain(character)
    for segment in path.split("/") if path else ():
        if not segment:
            raise refuse("it has an empty segment")
        if not segment.strip(" ") or _unquoted(segment).strip(" ") in {".", ".."}:
            raise refuse("a segment is . or ..")
        if {"/", "\\", "\0"} & set(_unquoted(segment)):
            raise refuse("a percent sign hides a slash")
    return path


def checked_prefix(prefix: str) -> str:
    """Return a prefix of keys; it may end with a slash, or in the middle of a name."""
    checked(prefix.removesuffix("/"))
    if prefix == "/":
        raise refuse("write it relative to the bucket, without a leading slash")
    return prefix


@frozen
class ObjectKey:
    """A key that this server writes: relative, of plain segments, never climbing."""

    text: str = field()

    @text.validator
    def _check(self, _: object, value: str) -> None:
        if not value or checked(value).endswith("/"):
            raise refuse("it names no object")

    def __str__(self) -> str:
        return self.text


def joined(*parts: str | None) -> ObjectKey:
    """Join a base path, sub-paths and a name into the key of one object, each part checked before and after.

    An empty base is the root of the bucket. The key lies below the first part that is not empty.
    """
    given = [checked((part or "").removesuffix("/")) for part in parts]
    filled = [part for part in given if part]
    key = ObjectKey("/".join(filled))
    if given and given[0] and not key.text.startswith(given[0] + "/"):
        raise refuse("it leaves the base path")
    return key


def _plain(character: str) -> None:
    if character == "\\" or character in _LOOKS_LIKE_A_SLASH:
        raise refuse("it has a backslash, or what looks like a slash")
    if unicodedata.category(character) in {"Cc", "Cs", "Cf", "Zl", "Zp"}:
        raise refuse("it has control characters")
    folded = unicodedata.normalize("NFKC", character)
    if folded != character and set(folded) & set("./\\%:"):
        raise refuse("it has characters that look like dots or slashes")


def _unquoted(segment: str) -> str:
    """Undo percent-encoding until nothing changes: what is encoded twice is decoded by somebody twice."""
    while (plain := unquote(segment)) != segment:
        segment = plain
    return segment
