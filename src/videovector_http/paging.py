"""Parameters of lists. The bounds are enforced by the parameter itself, so these stand alone: `limit: Limit = 50`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from litestar.params import QueryParameter

Limit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=100, description="Rows of a page.")]
LongLimit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=200, description="Rows at the most.")]
SomeLimit: TypeAlias = Annotated[
    int | None, QueryParameter(ge=1, le=200, description="Rows at the most; all without it.")
]
Cursor: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        min_length=1, max_length=4096, description="`next_cursor` of the page before; send the same filters again."
    ),
]
