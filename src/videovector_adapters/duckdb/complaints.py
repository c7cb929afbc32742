"""What the engine complains of, as errors that a caller can act on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import duckdb

from videovector_adapters.duckdb.hints import nearest, place
from videovector_adapters.duckdb.refusals import too_much
from videovector_core.errors import Invalid, ProcessingFailed, VideoVectorError

_CALLERS: Final = (
    duckdb.ParserException,
    duckdb.SyntaxException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.InvalidTypeException,
    duckdb.TypeMismatchException,
    duckdb.OutOfRangeException,
    duckdb.NotImplementedException,
    duckdb.ConstraintException,
    duckdb.SequenceException,
)
_BROKEN: Final = (duckdb.InternalException, duckdb.FatalException)
"""How the engine ends where it did not count on a query; it serves no other, so nobody else hears of it."""

_MISSING: Final = re.compile(
    r'Referenced (?:column|table) "([^"]+)"|column named "([^"]+)"|(?:Table|View) with name (\S+) does not exist'
)
_CARET: Final = re.compile(r"^LINE \d+: (.*)\n( *)\^", re.MULTILINE)
_PREFIX: Final = len("LINE 1: ")


def translated(
    error: duckdb.Error, query: str, columns: Mapping[str, Sequence[str]], paths: Sequence[str] = ()
) -> VideoVectorError:
    """Turn an engine's error into `sql_invalid`, `sql_not_allowed` or `sql_resource_limit`; the rest is ours to mend.

    `paths` are the files behind the tables; no message names them.
    """
    text = _first_line(str(error))
    for path in paths:
        text = text.replace(path, "the table")
    if isinstance(error, duckdb.OutOfMemoryException) or (isinstance(error, _BROKEN) and "allocat" in text.lower()):
        return too_much()
    if isinstance(error, duckdb.PermissionException):
        return Invalid("The query reaches outside its tables; that is not allowed.", code="sql_not_allowed")
    if isinstance(error, _BROKEN):
        return Invalid("The engine breaks off at this query; write it another way.", code="sql_invalid")
    if isinstance(error, _CALLERS):
        return _invalid(text, str(error), query, columns)
    return ProcessingFailed("The query could not be run.", details={"kind": type(error).__name__})


def _invalid(text: str, whole: str, query: str, columns: Mapping[str, Sequence[str]]) -> Invalid:
    details: dict[str, Any] = {}
    found = _MISSING.search(whole)
    name = next((part for part in found.groups() if part), None) if found else None
    if name:
        meant = nearest(name, [column for names in columns.values() for column in names])
        details["did_you_mean"] = meant
        text = f'There is no column or table "{name}"; ' + (
            f'did you mean "{meant[0]}"?' if meant else "the catalog lists what there is."
        )
    where = place(query, name) or place(query, _pointed_at(whole))
    if where:
        details["position"] = where
    return Invalid(text, code="sql_invalid", details=details)


def _pointed_at(text: str) -> str | None:
    """Return the word above the caret in the engine's message."""
    found = _CARET.search(text)
    if not found:
        return None
    word = re.match(r"\w+", found[1][max(0, len(found[2]) - _PREFIX) :])
    return word[0] if word else None


def _first_line(text: str) -> str:
    line = text.split("\n", 1)[0]
    return re.sub(r"^[A-Z][A-Za-z ]+ Error: ", "", line)[:500]
