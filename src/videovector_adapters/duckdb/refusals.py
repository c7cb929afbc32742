"""Refusals of queries that are over a limit."""

from __future__ import annotations

from videovector_core.errors import Invalid


def too_much() -> Invalid:
    """Return the refusal of a query that needs more than one query may have."""
    return Invalid(
        "The query needs more memory or processor time than one query may have; read fewer columns or rows.",
        code="sql_resource_limit",
    )


def too_long() -> Invalid:
    """Return the refusal of a query that ran out of time."""
    return Invalid("The query ran out of time; read fewer rows or narrow its conditions.", code="sql_timeout")
