"""The driver's door: what PostgreSQL and psycopg raise becomes an error of the house, once, with its cause kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import psycopg
from psycopg import errors as pg

from videovector_core.errors import Conflict, Invalid, Unavailable, VideoVectorError

_AWAY: Final = (
    # includes serialization failures, deadlocks, a server that is shutting down, and all that the pool raises
    psycopg.OperationalError,
    psycopg.InterfaceError,
    pg.InvalidCatalogName,
)

_TOO_LARGE: Final[dict[type[psycopg.Error], tuple[str, str]]] = {
    # an OperationalError, so it is looked for before those that waiting mends
    pg.ProgramLimitExceeded: ("validation_too_large", "A value is too large to be kept under an index; shorten it."),
    pg.NumericValueOutOfRange: ("validation_number", "A number is too large to be kept."),
}


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise errors of the driver as errors of the house."""
    try:
        yield
    except (psycopg.Error, UnicodeEncodeError) as error:
        raise as_ours(error) from error


def as_ours(error: Exception) -> VideoVectorError:
    """Say in our words what the database reported."""
    for kind, (code, message) in _TOO_LARGE.items():
        if isinstance(error, kind):
            return Invalid(message, code=code)
    if isinstance(error, _AWAY):
        return Unavailable("The database does not answer; try again in a moment.", retry_after=2)
    if isinstance(error, psycopg.IntegrityError):
        return Conflict("Something else was kept under the same name at the same time; look again, then repeat.")
    if isinstance(error, UnicodeEncodeError | pg.CharacterNotInRepertoire | pg.UntranslatableCharacter) or (
        isinstance(error, psycopg.DataError) and "NUL" in str(error)
    ):
        return Invalid(
            "The text holds characters that cannot be kept (NUL, or half of a surrogate pair); remove them.",
            code="validation_text",
        )
    if isinstance(error, pg.UndefinedTable | pg.UndefinedColumn):
        return Unavailable("The database lacks a table of this version; run `videovector migrate`.", retry_after=60)
    return VideoVectorError(f"The database refused a statement ({type(error).__name__}).")
