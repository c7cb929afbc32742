"""Writing the rows of runs as files: when a run ends or was repaired, and at once when a query finds none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from videovector_core.errors import NotFound
from videovector_core.ports import Blob
from videovector_core.runs.settling import Settling, SettlingTx
from videovector_core.sqlsearch.cells import reader
from videovector_core.sqlsearch.model import Level, RunTable, Table
from videovector_core.sqlsearch.ports import RunTables, TableFiles, Tables
from videovector_core.sqlsearch.tables import tables_of
from videovector_core.work import Lease, WorkItem


def _in_silence() -> None:
    """Tell nobody."""


@define
class Writing:
    """The files of stored tables: found, or written once, however many ask for them meanwhile."""

    runs: RunTables
    tables: Tables
    files: TableFiles
    _under_way: dict[tuple[str, Level, str], asyncio.Task[Blob]] = field(factory=dict, init=False)

    async def file(self, table: Table, progress: Callable[[], None] = _in_silence) -> Blob:
        """Find the file of a stored table, or write it; `progress` is called with every row that is read."""
        if table.run is None:
            raise ValueError(f"{table.name} is not stored")
        found = await self.files.find(table.run, table.level)
        if found is not None:
            return found
        key = (table.run.run_id, table.level, table.run.version)
        if key not in self._under_way:
            task = asyncio.create_task(self._written(table, table.run, progress))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(self._under_way[key])

    @asynccontextmanager
    async def lend(self, table: Table) -> AsyncIterator[Path]:
        """Lend the file of a stored table; one whose bytes are lost is written again."""
        async with AsyncExitStack() as stack:
            try:
                path = await stack.enter_async_context(self.tables.lend(await self.file(table)))
            except NotFound:
                if table.run is not None:
                    await self.files.forget(table.run, table.level)
                path = await stack.enter_async_context(self.tables.lend(await self.file(table)))
            yield path

    async def _written(self, table: Table, run: RunTable, progress: Callable[[], None]) -> Blob:
        blob = await self.tables.write(table.columns, self._rows(table, run, progress))
        await self.files.save(run, table.level, blob)
        return blob

    async def _rows(
        self, table: Table, run: RunTable, progress: Callable[[], None]
    ) -> AsyncIterator[Mapping[str, Any]]:
        read = reader(table.columns)
        async for row in self.runs.rows(run, table.level):
            progress()
            yield read(row)


@frozen
class WritingAhead:
    """Handler of the work that a run waits for before it is called ended, so that the first query finds its files."""

    writing: Writing
    settling: Settling

    async def handle(self, work: WorkItem, lease: Lease[SettlingTx]) -> None:
        """Write what a run has no file of, then call it ended."""
        run = await self.writing.runs.ended(work.user_id, work.payload["run_id"])
        if run is None:
            return
        for table in tables_of(run, "run"):
            if table.stored:
                await self.writing.file(table, lease.progress)
        async with lease.commit() as tx:
            await self.settling.written(tx, work)
