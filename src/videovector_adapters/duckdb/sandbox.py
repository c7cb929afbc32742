"""The outside of the box: warm processes that serve one query each, and the hard end of those that run over."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from attrs import define, field

from videovector_adapters.children import Child, ChildLost
from videovector_adapters.children import Limits as ProcessLimits
from videovector_adapters.duckdb import views
from videovector_adapters.duckdb.refusals import too_long, too_much
from videovector_core.errors import ProcessingFailed, Unavailable
from videovector_core.sqlsearch.model import Checked, Limits, Rows, Table
from videovector_core.sqlsearch.ports import Lend

log: Final = logging.getLogger(__name__)
TARGET: Final = "videovector_adapters.duckdb.inside:Inside"
ADDRESS_SPACE: Final = 2 * 1024**3
"""Bytes of address space, most of it never touched; what a query may really use is the far smaller data limit."""

_START: Final = 30.0
_WALLS: Final = {"files": "Landlock", "calls": "seccomp"}
"""What the kernel may lack, by the name of the wall."""


@define
class DuckdbSandbox:
    """Runs queries in throw-away processes (the `SqlEngine` port).

    `spare` processes wait warmed up; `most` queries run at a time, the others wait their turn.
    """

    limits: Limits = field(factory=Limits)
    spare: int = 2
    most: int = 4
    threads: int = 2
    _waiting: deque[asyncio.Task[Child]] = field(factory=deque, init=False)
    _ending: set[asyncio.Task[None]] = field(factory=set, init=False)
    _closed: bool = field(default=False, init=False)
    _told: bool = field(default=False, init=False)
    _room: asyncio.Semaphore = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.most)

    async def check(self, query: str, tables: Sequence[Table]) -> Checked:
        """Check a query and plan it over empty tables."""
        async with self._box() as box:
            used = await box.call("check", query=query, tables=_names(tables))
            await box.call("plan", query=query, used=used, statements=views.statements(used, tables, None))
        return Checked(query, tuple(used))

    async def query(self, query: str, tables: Sequence[Table], *, lend: Lend, limit: int) -> Rows:
        """Check a query and run it over the files that `lend` gives."""
        async with self._box() as box:
            used = await box.call("check", query=query, tables=_names(tables))
            async with lend(views.stored(used, tables)) as lent:
                # the walls let in the very names that they are given, so none may lead through a link
                files = {name: path.resolve() for name, path in lent.items()}
                made = views.statements(used, tables, files)
                paths = [str(path) for path in files.values()]
                answer = await box.call("run", query=query, used=used, statements=made, paths=paths, limit=limit)
        self.note_walls(answer["walls"])
        return Rows(
            columns=tuple((name, kind) for name, kind in answer["columns"]),
            rows=tuple(tuple(row) for row in answer["rows"]),
            truncated=bool(answer["truncated"]),
            tables_used=tuple(used),
        )

    def note_walls(self, up: Collection[str]) -> None:
        """Tell in the log, once, which walls of the kernel do not stand around queries; `up` names those that do."""
        lacking = [name for wall, name in _WALLS.items() if wall not in up]
        if lacking and not self._told:
            self._told = True
            log.warning(
                "the kernel has no %s: queries in SQL are held back by the check, the engine and the limits of their process",
                " and no ".join(lacking),
            )

    def prepare(self) -> None:
        """Start the spare processes, so that a query that comes soon finds one."""
        self._refill()

    async def warm(self) -> None:
        """Start the spare processes and wait for them."""
        self._refill()
        await asyncio.gather(*self._waiting)

    async def close(self) -> None:
        """End every process."""
        self._closed = True
        waiting, self._waiting = list(self._waiting), deque()
        for child in await asyncio.gather(*waiting, return_exceptions=True):
            if isinstance(child, Child):
                await child.close()
        await asyncio.gather(*self._ending)

    @asynccontextmanager
    async def _box(self) -> AsyncIterator[_Box]:
        async with self._room:
            child = await self._taken()
            try:
                yield _Box(child, self.limits.timeout_seconds)
            finally:
                self._refill()  # only now, when others wait: starting takes half a second of a core from the query
                ending = asyncio.create_task(child.close())
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)

    async def _taken(self) -> Child:
        if self._closed:
            raise Unavailable("The server is ending; try again in a moment.")
        if not self._waiting:
            self._refill()
        child = self._waiting.popleft()
        if not self._waiting:
            self._refill()
        try:
            return await child
        except ProcessingFailed as error:
            raise Unavailable("SQL search cannot start its process; try again in a moment.") from error

    def _refill(self) -> None:
        while not self._closed and len(self._waiting) < max(1, self.spare):
            self._waiting.append(asyncio.create_task(self._started()))

    async def _started(self) -> Child:
        child = Child(TARGET, self._arguments(), self._process_limits(), {"MALLOC_ARENA_MAX": "2"})
        await child.call("ready", deadline=_START)
        return child

    def _arguments(self) -> dict[str, int]:
        return {
            "memory_bytes": self.limits.memory_bytes,
            "threads": self.threads,
            "max_cell_bytes": self.limits.max_cell_bytes,
            "max_result_bytes": self.limits.max_result_bytes,
        }

    def _process_limits(self) -> ProcessLimits:
        seconds = math.ceil(self.limits.timeout_seconds * self.threads) + 5
        return ProcessLimits(memory_bytes=ADDRESS_SPACE, cpu_seconds=seconds, open_files=256, file_bytes=0)


@define
class _Box:
    """One process and the seconds that its query has left; what happens outside of it does not count."""

    child: Child
    left: float

    async def call(self, method: str, **arguments: Any) -> Any:
        start = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self.left):
                return await self.child.call(method, deadline=self.left, **arguments)
        except TimeoutError as error:
            raise too_long() from error
        except ChildLost as error:
            raise (too_long() if error.code == "timeout" else too_much()) from error
        except ProcessingFailed as error:
            if error.code == "resource_limit":
                raise too_much() from error
            raise
        finally:
            self.left -= asyncio.get_running_loop().time() - start


def _names(tables: Sequence[Table]) -> dict[str, list[str]]:
    return {table.name: [column.name for column in table.columns] for table in tables}
