"""The box with its first wall taken away: many statements in one process, the kernel's and the engine's walls standing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from videovector_adapters.duckdb import guard
from videovector_adapters.duckdb.inside import Inside, described
from videovector_adapters.duckdb.reading import confirm
from videovector_core.errors import Invalid


class Batch(Inside):
    """Runs statements one after the other; what each gave is reported before the next begins."""

    def unguarded(self, statements: Sequence[str], setup: Sequence[str], paths: Sequence[str]) -> Iterator[list[Any]]:
        connection = self.opened(paths, setup)
        for statement in statements:
            yield [self._attempt(connection, statement)]

    def guarded(
        self, queries: Sequence[str], setup: Sequence[str], paths: Sequence[str], names: dict[str, list[str]]
    ) -> Iterator[dict[str, Any]]:
        used = [list(guard.check(query, names)) for query in queries]
        connection = self.opened(paths, setup)
        for query, tables in zip(queries, used, strict=True):
            try:
                confirm(connection, guard.pinned(guard.bare(query)), tables)
                yield self.answered(connection, guard.bare(query), 2000)
            except (Invalid, duckdb.Error) as error:
                yield {"refused": str(error)}

    def planned(self, queries: Sequence[str], setup: Sequence[str]) -> list[list[str]]:
        """Plan queries over empty tables and return those that cannot be, with the reason."""
        connection = self.opened([], setup)
        wrong = []
        for query in queries:
            try:
                described(connection, query)
            except duckdb.Error as error:
                wrong.append([query, str(error)])
        return wrong

    def _attempt(self, connection: duckdb.DuckDBPyConnection, statement: str) -> str:
        """Return everything that a statement gave, errors included."""
        try:
            return repr(connection.execute(statement).fetchmany(500))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the caller would see
            return f"{type(error).__name__}: {error}"
        finally:
            self._recover(connection)

    @staticmethod
    def _recover(connection: duckdb.DuckDBPyConnection) -> None:
        for statement in ("SELECT 1", "ROLLBACK", "USE memory.main"):
            try:
                connection.execute(statement).fetchall()
            except duckdb.Error:
                continue
