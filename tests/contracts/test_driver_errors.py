"""What the driver reports is told in our words, and told apart by whether waiting helps."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors as pg

from videovector_adapters.postgres.errors import as_ours
from videovector_core.errors import Conflict, Invalid, Unavailable, VideoVectorError


@pytest.mark.parametrize(
    ("reported", "told"),
    [
        (pg.AdminShutdown(), Unavailable),
        (pg.SerializationFailure(), Unavailable),
        (psycopg.InterfaceError(), Unavailable),
        (pg.ProgramLimitExceeded(), Invalid),
        (pg.NumericValueOutOfRange(), Invalid),
        (pg.UniqueViolation(), Conflict),
        (pg.SyntaxError(), VideoVectorError),
    ],
)
def test_a_report_of_the_driver_becomes_an_error_of_the_house(
    reported: psycopg.Error, told: type[VideoVectorError]
) -> None:
    """A server that is away is waited for; a value that it can never keep is refused."""
    assert type(as_ours(reported)) is told
