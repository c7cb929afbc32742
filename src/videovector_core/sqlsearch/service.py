"""Use cases of SQL search: show what can be asked, answer a query, draft one, hand out the table."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid, NotFound
from videovector_core.ports import Blob
from videovector_core.sqlsearch import catalog as catalogs
from videovector_core.sqlsearch import template
from videovector_core.sqlsearch.contexts import Identifiers
from videovector_core.sqlsearch.model import Answer, Catalog, Draft, Level, RowContext, Rows
from videovector_core.sqlsearch.ports import RowContexts, SqlEngine
from videovector_core.sqlsearch.writing import Writing

MAX_INSTRUCTION: Final = 4_000


@define
class SqlSearch:
    """SQL over the extracted metadata of a tenant's searchable runs."""

    writing: Writing
    contexts: RowContexts
    engine: SqlEngine
    timer: Callable[[], float] = time.monotonic

    async def catalog(
        self,
        caller: Caller,
        *,
        index_id: str,
        run_ids: Sequence[str] | None = None,
        index_ids: Sequence[str] | None = None,
    ) -> Catalog:
        """List the tables in scope; without `run_ids` those of the newest searchable runs."""
        caller.require(Scope.SEARCH)
        self.engine.prepare()
        limits = self.engine.limits
        if run_ids and len(set(run_ids)) > limits.max_runs:
            raise Invalid(f"A query may span {limits.max_runs} runs; name fewer.", code="sql_invalid")
        found = await self.writing.runs.searchable(
            caller.user_id, index_id=index_id, index_ids=index_ids or None, run_ids=run_ids or None
        )
        return catalogs.build(found, limits)

    async def execute(
        self,
        caller: Caller,
        *,
        index_id: str,
        query: str,
        run_ids: Sequence[str] | None = None,
        index_ids: Sequence[str] | None = None,
        result_limit: int | None = None,
    ) -> Answer:
        """Run one SELECT over the tables in scope.

        Raises:
            Invalid: `sql_invalid`, `sql_not_allowed`, `sql_timeout` or `sql_resource_limit`.
        """
        start = self.timer()
        limit = self._limit(result_limit)
        scope = await self.catalog(caller, index_id=index_id, run_ids=run_ids, index_ids=index_ids)
        rows = await self.engine.query(query, scope.tables, lend=partial(self._lent, scope), limit=limit)
        contexts = await self._contexts(caller, scope, rows)
        return Answer(
            columns=rows.columns,
            rows=tuple(_as_object(rows, row) for row in rows.rows),
            row_context=contexts,
            truncated=rows.truncated,
            applied_result_limit=limit,
            elapsed_ms=round((self.timer() - start) * 1000),
        )

    async def generate(
        self,
        caller: Caller,
        *,
        index_id: str,
        instruction: str,
        existing_query: str | None = None,
        run_ids: Sequence[str] | None = None,
        index_ids: Sequence[str] | None = None,
    ) -> Draft:
        """Draft a query by rules. A draft that breaks a rule of the engine is never returned."""
        if not instruction.strip() or len(instruction) > MAX_INSTRUCTION:
            raise Invalid(f"Write an instruction of 1 to {MAX_INSTRUCTION} characters.")
        scope = await self.catalog(caller, index_id=index_id, run_ids=run_ids, index_ids=index_ids)
        written = template.draft(instruction, existing=existing_query, catalog=scope)
        checked = await self.engine.check(written.query, scope.tables)
        return evolve(written, tables_used=checked.tables_used)

    async def results_file(self, caller: Caller, run_id: str, level: Level = Level.SEGMENT) -> Blob:
        """Return the Parquet file of a run's results: the same file that queries read.

        Raises:
            NotFound: the run is unknown, or asks nothing of whole media.
            Conflict: the run is not searchable yet.
        """
        caller.require(Scope.READ)
        run = await self.writing.runs.named(caller.user_id, run_id)
        for table in catalogs.build([run], self.engine.limits).tables:
            if table.stored and table.level is level:
                return await self.writing.file(table)
        raise NotFound(
            f"The run {run_id!r} has no media-level results, because its prompt asks for none; ask for level=segment.",
            code="resource_video_result_not_found",
        )

    def _limit(self, asked: int | None) -> int:
        limits = self.engine.limits
        if asked is None:
            return limits.default_result_limit
        if not 1 <= asked <= limits.max_result_limit:
            raise Invalid(f"result_limit must be between 1 and {limits.max_result_limit}.")
        return asked

    @asynccontextmanager
    async def _lent(self, scope: Catalog, names: Collection[str]) -> AsyncIterator[Mapping[str, Path]]:
        async with AsyncExitStack() as stack:
            wanted = [table for table in scope.tables if table.name in names]
            yield {table.name: await stack.enter_async_context(self.writing.lend(table)) for table in wanted}

    async def _contexts(self, caller: Caller, scope: Catalog, rows: Rows) -> tuple[RowContext | None, ...]:
        keys = Identifiers(rows)
        if not keys.wanted:
            return (None,) * len(rows.rows)
        run_ids = _read_runs(scope, rows.tables_used)
        found = await self.contexts.contexts(
            caller.user_id, run_ids=run_ids, result_ids=keys.ids("result_id"), segment_ids=keys.ids("segment_id")
        )
        return keys.matched(found)


def _as_object(rows: Rows, row: Sequence[Any]) -> dict[str, Any]:
    return {name: value for (name, _), value in zip(rows.columns, row, strict=True)}


def _read_runs(scope: Catalog, used: Collection[str]) -> list[str]:
    """Name the runs that a query read: those of its tables, and every run when it read the union."""
    tables = [table for table in scope.tables if table.name in used]
    everything = any(table.run is None for table in tables)
    runs = [table.run.run_id for table in (scope.tables if everything else tables) if table.run]
    return list(dict.fromkeys(runs))
