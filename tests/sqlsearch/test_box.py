"""The second wall alone, and both together: what a process holds, what it gives, and how it ends."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import Awaitable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.needs import needs
from tests.sqlsearch import analyst, hidden, hostile, idioms, oversized
from tests.sqlsearch.world import MARKER, World
from videovector_adapters.children import Child, ChildLost
from videovector_adapters.children import Limits as ProcessLimits
from videovector_adapters.duckdb import views
from videovector_adapters.duckdb.sandbox import ADDRESS_SPACE, TARGET, DuckdbSandbox
from videovector_core.errors import Invalid
from videovector_core.sqlsearch.model import Limits, Rows

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]
HONEST = [*analyst.QUERIES, *idioms.QUERIES]
ENDED = {"sql_timeout", "sql_resource_limit"}


def batch(memory: int = 256 << 20) -> Child:
    arguments = {"memory_bytes": memory, "threads": 2, "max_cell_bytes": 32768, "max_result_bytes": 8 << 20}
    limits = ProcessLimits(memory_bytes=ADDRESS_SPACE, cpu_seconds=120, open_files=256, file_bytes=0)
    environment = {"PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "2"}
    return Child("tests.sqlsearch.unguarded:Batch", arguments, limits, environment)


async def outcome(asked: Awaitable[Rows]) -> tuple[Rows | None, Invalid | None]:
    try:
        return await asked, None
    except Invalid as error:
        return None, error


def setup(world: World) -> dict[str, Any]:
    used = [table.name for table in world.catalog.tables]
    return {
        "setup": views.statements(used, world.catalog.tables, world.files),
        "paths": [str(path) for path in world.files.values()],
    }


async def started() -> Child:
    child = batch()
    await child.call("ready", deadline=30)
    return child


async def without_parser(world: World, statements: Sequence[str], deadline: float) -> list[str]:
    """Run statements in one process, and the rest in the next when it ends; return what each gave."""
    given: list[str] = []
    following = asyncio.create_task(started())
    while len(given) < len(statements):
        child, following = await following, asyncio.create_task(started())
        rest = list(statements[len(given) :])
        try:
            await child.call("unguarded", deadline=deadline, progress=given.extend, statements=rest, **setup(world))
        except ChildLost as lost:
            given.append(f"ended: {lost.code}")
        finally:
            await child.close()
    await (await following).close()
    return given


async def in_lanes(world: World, statements: Sequence[str], deadline: float, lanes: int = 2) -> list[str]:
    """Do the same in two processes at a time, since most of the time is spent waiting for one to end."""
    size = -(-len(statements) // lanes)
    parts = [statements[start : start + size] for start in range(0, len(statements), size)]
    given = await asyncio.gather(*(without_parser(world, part, deadline) for part in parts))
    return [one for part in given for one in part]


def unfriendly(world: World) -> list[str]:
    lists = (
        hostile.FILES,
        hostile.NETWORK,
        hostile.CATALOG,
        hostile.SETTINGS,
        hostile.WRITES,
        hostile.TRICKS,
        hidden.HIDDEN,
    )
    return [world.fill(statement) for statements in lists for statement in statements if "\x00" not in statement]


async def test_without_the_parser_nothing_of_others_comes_out(world: World) -> None:
    """With the first wall gone the process still gives no row, file, environment or path that is not the caller's."""
    environment = ("PATH=", "HOME=", "PYTHONPATH=")
    for statement, given in zip(unfriendly(world), await in_lanes(world, unfriendly(world), 1.5), strict=True):
        shown = given.replace(statement, "")
        assert MARKER not in shown, statement
        assert "root:" not in shown, statement
        assert not any(name in shown for name in environment), statement
        assert "127.0.0.1" not in shown or "Error" in shown or "Exception" in shown, statement
    assert list(world.out.iterdir()) == []
    assert world.secret.read_text() == MARKER


async def test_without_the_parser_oversized_work_ends(world: World) -> None:
    """With the first wall gone every oversized statement is refused by the engine or ended with its process."""
    given = await in_lanes(world, [world.fill(text) for text in oversized.SIZES], 0.25)
    assert len(given) == len(oversized.SIZES)
    assert max(map(len, given)) < 1 << 20


async def test_hungry_queries_end_at_their_limit(world: World) -> None:
    """What passes the lists and wants more than a query may have ends with a stable code and takes its process along."""
    box = DuckdbSandbox(Limits(timeout_seconds=0.25), spare=2, most=2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peaks: dict[int, int] = {}
    watching = asyncio.create_task(_watch(peaks))
    try:
        asked = [
            box.query(world.fill(one), world.catalog.tables, lend=world.lend, limit=100) for one in oversized.HUNGRY
        ]
        for statement, (_, error) in zip(oversized.HUNGRY, await asyncio.gather(*map(outcome, asked)), strict=True):
            assert error is not None, statement
            assert error.code in ENDED, statement
    finally:
        watching.cancel()
        await box.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024
    assert len(peaks) >= len(oversized.HUNGRY)
    assert max(peaks.values()) <= 256 * 1024


async def _watch(peaks: dict[int, int]) -> None:
    """Note the greatest memory, in KiB, of each box below this process; a box that was killed cannot tell it itself."""
    while True:
        for place in Path("/proc").glob("[0-9]*"):  # noqa: ASYNC240 - no disk behind it
            try:
                status = (place / "status").read_text()
                if f"PPid:\t{os.getpid()}\n" in status and TARGET in (place / "cmdline").read_text():
                    lines = dict(line.split(":", 1) for line in status.splitlines())
                    peaks[int(place.name)] = int(lines.get("VmHWM", "0").split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
        await asyncio.sleep(0.01)


async def test_both_walls_together(world: World) -> None:
    """Through both walls a hostile statement is answered with a refusal, a harmless one with nothing of others."""
    box = DuckdbSandbox(spare=2)
    try:
        asked = [box.query(world.fill(one), world.catalog.tables, lend=world.lend, limit=9) for one in hostile.INERT]
        answers = await asyncio.gather(*map(outcome, asked))
        for statement, (given, error) in zip(hostile.INERT, answers, strict=True):
            assert given is None or given.rows == (), statement
            assert error is None or error.code in {"sql_invalid", "sql_not_allowed"}, statement
            assert error is None or str(world.out.parent) not in repr((error.message, error.details)), statement
    finally:
        await box.close()


@pytest.fixture(scope="module")
def answers(world: World) -> dict[str, Any]:
    """What every honest query gives inside one box."""

    async def ask() -> list[Any]:
        given: list[Any] = []
        child = batch()
        queries = [world.fill(query) for query in HONEST]
        try:
            await child.call("ready", deadline=30)
            await child.call(
                "guarded", deadline=20, progress=given.append, queries=queries, names=world.names(), **setup(world)
            )
        finally:
            await child.close()
        return given

    return dict(zip(HONEST, asyncio.run(ask()), strict=True))


@pytest.fixture(scope="module")
def bare(world: World) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine without any wall over the same files."""
    connection = duckdb.connect()
    connection.execute("SET lambda_syntax = 'ENABLE_SINGLE_ARROW'")
    for statement in views.statements([t.name for t in world.catalog.tables], world.catalog.tables, world.files):
        connection.execute(statement)
    yield connection
    connection.close()


VOLATILE = ("now()", "SAMPLE", "random()", "uuid()")


@pytest.mark.parametrize("query", HONEST, ids=range(len(HONEST)))
def test_honest_queries_give_what_a_bare_engine_gives(
    query: str, world: World, answers: dict[str, Any], bare: duckdb.DuckDBPyConnection
) -> None:
    """Neither the guard nor the box changes an answer: as many columns and rows, of the same types."""
    answer = answers[query]
    assert "refused" not in answer
    described = bare.execute(f"DESCRIBE {world.fill(query)}").fetchall()
    rows = bare.execute(f"SELECT to_json(t)::VARCHAR FROM ({world.fill(query).rstrip(';')}\n) t").fetchall()
    assert [kind for _, kind in answer["columns"]] == [row[1] for row in described]
    assert len(answer["rows"]) == len(rows)
    if len(rows) == 1 and not any(word in query for word in VOLATILE):
        assert len(answer["rows"][0]) == len(described)


async def test_the_walls_are_up_where_the_kernel_has_them(world: World, tmp_path: Path) -> None:
    """Inside, files but its own, sockets, new processes and signals are closed by the kernel, not only by the engine."""
    needs(sys.platform == "linux" and os.uname().release >= "5.13", "a Linux kernel with Landlock")
    child = Child("tests.sqlsearch.walled:Walled", {}, ProcessLimits(), {"PYTHONPATH": str(ROOT)})
    try:
        own = next(iter(world.files.values()))
        found = await child.call("tries", deadline=20, own=str(own), other=str(world.secret), out=str(tmp_path / "x"))
    finally:
        await child.close()
    assert found["up"] == ["memory", "writes", "files", "calls"]
    assert found["own"] == "read"
    closed = {name: result for name, result in found.items() if name not in {"up", "own"}}
    assert all(result.startswith(("PermissionError", "MemoryError")) for result in closed.values()), closed


async def test_a_wall_that_the_kernel_lacks_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """The log names what is not there, once for each box; where both walls stand it says nothing."""
    box = DuckdbSandbox()
    box.note_walls(["memory", "writes", "files", "calls"])
    assert not caplog.messages
    box.note_walls(["memory", "writes", "calls"])
    box.note_walls(["memory", "writes"])
    assert [(record.levelname, "Landlock" in record.message) for record in caplog.records] == [("WARNING", True)]
