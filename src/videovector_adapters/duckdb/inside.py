"""The inside of the box: a process that serves one query and ends.

It is started and warmed before the query is known, learns the query and then the files, shuts the walls, opens an
empty engine over those files alone, and answers with plain JSON cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from videovector_adapters.duckdb import guard, walls
from videovector_adapters.duckdb.complaints import translated
from videovector_adapters.duckdb.output import collect, projection
from videovector_adapters.duckdb.reading import confirm
from videovector_core.sqlsearch.naming import literal, unlike

_SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
    "max_temp_directory_size": "0B",
    "threads": "1",
    "async_threads": "0",
}
"""One thread at first: threads that start before the walls are shut would stand outside of them."""

_WARM_UP: Final = """
SELECT to_json([{'a': 1}]), 1.5::DECIMAL(4, 2), 1::HUGEINT, now()::VARCHAR, uuid()::VARCHAR, strptime('1', '%d'),
       json_serialize_sql('SELECT 1'), CAST('{}' AS JSON)
"""


class Inside:
    """Serves `ready`, then `check`, then `plan` or `run`, once each."""

    def __init__(self, memory_bytes: int, threads: int, max_cell_bytes: int, max_result_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        self.threads = threads
        self.max_cell_bytes = max_cell_bytes
        self.max_result_bytes = max_result_bytes
        self.columns: dict[str, list[str]] = {}
        self.up: list[str] = []
        self.connection: duckdb.DuckDBPyConnection | None = None

    def ready(self) -> bool:
        """Load what a query needs, so that nothing is imported once the walls are shut."""
        guard.check("WITH a AS (SELECT 1 AS x) SELECT count(*) FROM a", {})
        self.connection = duckdb.connect(":memory:", config=_SETTINGS)
        self.connection.execute(_WARM_UP).fetchall()
        return True

    def check(self, query: str, tables: Mapping[str, Sequence[str]]) -> list[str]:
        """Put the query through the guard and return the tables that it reads."""
        self.columns = {name: list(columns) for name, columns in tables.items()}
        return list(guard.check(query, tables))

    def plan(self, query: str, used: Sequence[str], statements: Sequence[str]) -> list[list[str]]:
        """Plan the query over empty tables and return its columns (name, type)."""
        connection = self.opened([], statements)
        try:
            query = guard.bare(query)
            confirm(connection, guard.pinned(query), used)
            return [[name, kind] for name, kind in described(connection, query)]
        except duckdb.Error as error:
            raise translated(error, query, self._among(used)) from error

    def run(
        self, query: str, used: Sequence[str], statements: Sequence[str], paths: Sequence[str], limit: int
    ) -> dict[str, Any]:
        """Run the query over the files and return `columns`, `rows`, `truncated` and the `walls` that are up."""
        connection = self.opened(paths, statements)
        try:
            query = guard.bare(query)
            confirm(connection, guard.pinned(query), used)
            return {**self.answered(connection, query, limit), "walls": self.up}
        except duckdb.Error as error:
            raise translated(error, query, self._among(used), paths) from error

    def opened(self, paths: Sequence[str], statements: Sequence[str]) -> duckdb.DuckDBPyConnection:
        """Shut the walls and give the engine its tables, with its settings locked."""
        connection = self.connection
        if connection is None:
            raise RuntimeError("ready comes first")
        self.up = walls.shut([Path(path) for path in paths], self.memory_bytes * 13 // 16)
        for statement in (
            f"SET memory_limit = '{self.memory_bytes * 5 // 8}B'",
            f"SET threads = {self.threads}",
            f"SET allowed_paths = [{', '.join(map(literal, paths))}]",
            "SET enable_external_access = false",
            "SET TimeZone = 'UTC'",
            "SET enable_progress_bar = false",
            "SET lambda_syntax = 'ENABLE_SINGLE_ARROW'",
            *statements,
            "SET lock_configuration = true",
        ):
            connection.execute(statement).fetchall()
        return connection

    def answered(self, connection: duckdb.DuckDBPyConnection, query: str, limit: int) -> dict[str, Any]:
        """Run a query behind the engine's own walls and collect at most `limit` rows."""
        columns = described(connection, query)
        types = [kind for _, kind in columns]
        cut = f"SELECT {projection(types, self.max_cell_bytes)} FROM (\n{query}\n) LIMIT {limit + 1}"  # noqa: S608 - guarded
        cursor = connection.execute(cut)
        rows, truncated = collect(cursor.fetchmany, types, limit, self.max_cell_bytes, self.max_result_bytes)
        return {"columns": columns, "rows": rows, "truncated": truncated}

    def _among(self, used: Sequence[str]) -> dict[str, list[str]]:
        return {name: columns for name, columns in self.columns.items() if name in used} or self.columns


def described(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    """Plan a query and return its columns (name, type); of two columns with one name the later gets a number."""
    found = [(str(name), str(kind)) for name, kind, *_ in connection.execute(f"DESCRIBE {query}").fetchall()]
    return list(zip(unlike(name for name, _ in found), (kind for _, kind in found), strict=True))
