"""What SQL search needs from outside."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from videovector_core.ports import Blob
from videovector_core.sqlsearch.model import (
    Checked,
    Column,
    Level,
    Limits,
    ResultRow,
    RowContext,
    Rows,
    RunTable,
    Table,
)

Lend: TypeAlias = Callable[[Collection[str]], AbstractAsyncContextManager[Mapping[str, Path]]]
"""Lends the files of stored tables, by table name, for as long as the context lasts."""


class RunTables(Protocol):
    """Knows the searchable runs of a tenant and their rows."""

    async def searchable(
        self, user_id: str, *, index_id: str, index_ids: Sequence[str] | None, run_ids: Sequence[str] | None
    ) -> Sequence[RunTable]:
        """Return the searchable runs in scope, newest first; `index_ids` takes the place of `index_id`.

        Raises:
            NotFound: an index or a run is unknown, or somebody else's.
            Conflict: a run that was named is not searchable yet (code `conflict_run_not_searchable`).
            Invalid: a run that was named lies outside the indexes.
        """
        ...

    async def named(self, user_id: str, run_id: str) -> RunTable:
        """Return one run, with all its indexes in scope.

        Raises:
            NotFound: it is unknown, or somebody else's.
            Conflict: it is not searchable yet (code `conflict_run_not_searchable`).
        """
        ...

    async def ended(self, user_id: str, run_id: str) -> RunTable | None:
        """Return a run whose rows are all there, though it may not be called ended yet; `None` when it is gone."""
        ...

    def rows(self, run: RunTable, level: Level) -> AsyncIterator[ResultRow]:
        """Stream the successful results of a run in a fixed order, without those of deleted media."""
        ...


class RowContexts(Protocol):
    """Finds where results come from; the live database, not the files, so that what was deleted is gone at once."""

    async def contexts(
        self, user_id: str, *, run_ids: Sequence[str], result_ids: Sequence[str], segment_ids: Sequence[str]
    ) -> Sequence[RowContext]:
        """Return the results of these runs of this tenant with one of these ids; other ids are passed over in silence."""
        ...


class Tables(Protocol):
    """Writes rows as columnar files, named by their content, and lends them back.

    The same rows and columns make the same bytes. Memory does not grow with the number of rows.
    """

    async def write(self, columns: Sequence[Column], rows: AsyncIterable[Mapping[str, Any]]) -> Blob:
        """Store rows whose cells are in the types of their columns."""
        ...

    def lend(self, blob: Blob) -> AbstractAsyncContextManager[Path]:
        """Lend a file that was written; `NotFound` when it is gone."""
        ...


class TableFiles(Protocol):
    """Remembers which file holds which version of a run's results; a newer version replaces the older one."""

    async def find(self, run: RunTable, level: Level) -> Blob | None:
        """Return the file of exactly this version."""
        ...

    async def save(self, run: RunTable, level: Level, blob: Blob) -> None:
        """Remember the file of this version."""
        ...

    async def forget(self, run: RunTable, level: Level) -> None:
        """Forget a file whose bytes are lost."""
        ...


class SqlEngine(Protocol):
    """Runs a stranger's SELECT over the tables that it is handed, and nothing else.

    Every refusal is `Invalid`: `sql_invalid` (with `details.position` and `details.did_you_mean`), `sql_not_allowed`,
    `sql_timeout` or `sql_resource_limit`.
    """

    @property
    def limits(self) -> Limits: ...

    def prepare(self) -> None:
        """Begin to make ready for a query that will come soon, without waiting."""
        ...

    async def check(self, query: str, tables: Sequence[Table]) -> Checked:
        """Check a query and plan it over empty tables."""
        ...

    async def query(self, query: str, tables: Sequence[Table], *, lend: Lend, limit: int) -> Rows:
        """Check a query and run it; `lend` is asked only for the stored tables that the query reads."""
        ...
