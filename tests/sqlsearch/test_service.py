"""Use cases of SQL search over real files and a real box, with runs held in memory."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field

from tests.sqlsearch.world import FIRST, FOREIGN, SECOND, Files, run_table, segment_row
from videovector_adapters.duckdb.sandbox import DuckdbSandbox
from videovector_adapters.duckdb.tables import ParquetTables
from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Conflict, Forbidden, Invalid, NotFound
from videovector_core.ports import Blob
from videovector_core.sqlsearch.model import Level, Limits, ResultRow, RowContext, RunTable
from videovector_core.sqlsearch.service import SqlSearch
from videovector_core.sqlsearch.writing import Writing

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]
T, U = "run_bbbbbbbbbb", "run_aaaaaaaaaa"
CALLER = Caller("user_a")


@define
class Runs:
    """Searchable runs and their rows; `changed` holds rows that a retry repaired."""

    runs: list[RunTable]
    changed: dict[str, ResultRow] = field(factory=dict)
    read: int = 0

    async def searchable(
        self, user_id: str, *, index_id: str, index_ids: Sequence[str] | None, run_ids: Sequence[str] | None
    ) -> Sequence[RunTable]:
        own = [run for run in self.runs if run.user_id == user_id]
        for run_id in run_ids or ():
            if run_id not in {run.run_id for run in own}:
                raise NotFound.of("run", run_id)
            if run_id == "run_pending":
                raise Conflict("not yet", code="conflict_run_not_searchable")
        return [run for run in own if not run_ids or run.run_id in run_ids]

    async def named(self, user_id: str, run_id: str) -> RunTable:
        for run in self.runs:
            if (run.user_id, run.run_id) == (user_id, run_id):
                return run
        raise NotFound.of("run", run_id)

    async def ended(self, user_id: str, run_id: str) -> RunTable | None:
        return await self.named(user_id, run_id)

    async def rows(self, run: RunTable, level: Level) -> AsyncIterator[ResultRow]:
        self.read += 1
        async for row in Files(marker="theirs" if run.user_id != "user_a" else "").of(run, level):
            yield self.changed.get(row.result_id, row)


@define
class Contexts:
    """Where results come from, restricted as the port promises."""

    asked: list[Any] = field(factory=list)

    async def contexts(
        self, user_id: str, *, run_ids: Sequence[str], result_ids: Sequence[str], segment_ids: Sequence[str]
    ) -> Sequence[RowContext]:
        self.asked.append((user_id, tuple(run_ids)))
        rows = [segment_row(run_id, number) for run_id in run_ids for number in range(24)]
        return [
            RowContext(
                row.result_id, row.video_id, row.run_id, row.segment_id, row.index_id, row.start_time, row.end_time
            )
            for row in rows
            if row.result_id in result_ids or row.segment_id in segment_ids
        ]


@define
class Disk:
    """Blobs in a directory."""

    place: Path

    async def put(self, chunks: AsyncIterable[bytes]) -> Blob:
        data = b"".join([chunk async for chunk in chunks])
        name = hashlib.sha256(data).hexdigest()
        (self.place / name).write_bytes(data)
        return Blob(name, len(data))

    def local(self, sha256: str) -> AbstractAsyncContextManager[Path]:
        @asynccontextmanager
        async def lent() -> AsyncIterator[Path]:
            yield self.place / sha256

        return lent()

    def read(self, sha256: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        raise NotImplementedError

    async def has(self, sha256: str) -> bool:
        return (self.place / sha256).exists()

    async def delete(self, sha256: str) -> None:
        (self.place / sha256).unlink(missing_ok=True)


@define
class Remembered:
    """Which file holds which version."""

    files: dict[tuple[str, Level], tuple[str, Blob]] = field(factory=dict)

    async def find(self, run: RunTable, level: Level) -> Blob | None:
        version, blob = self.files.get((run.run_id, level), ("", None))
        return blob if version == run.version else None

    async def save(self, run: RunTable, level: Level, blob: Blob) -> None:
        self.files[run.run_id, level] = (run.version, blob)

    async def forget(self, run: RunTable, level: Level) -> None:
        self.files.pop((run.run_id, level), None)


@pytest.fixture
def vv(tmp_path: Path, engine: DuckdbSandbox) -> Any:
    runs = Runs([run_table(FIRST), run_table(SECOND), run_table(FOREIGN, user_id="user_b")])
    return SqlSearch(Writing(runs, ParquetTables(Disk(tmp_path)), Remembered()), Contexts(), engine)


def execute(vv: Any, query: str, **options: Any) -> Any:
    return vv.execute(CALLER, index_id="idx_a", query=query, **options)


async def test_the_first_query_of_the_catalogue_answers(vv: Any) -> None:
    """What the catalogue suggests first runs as it stands, and its rows know where they come from."""
    made = await vv.catalog(CALLER, index_id="idx_a")
    answer = await execute(vv, made.tables[0].default_query, result_limit=5)
    assert len(answer.rows) == len(answer.row_context) == answer.applied_result_limit == 5
    assert answer.truncated
    assert answer.rows[0]["segment_id"] == "seg_0000"
    assert answer.row_context[0].result_id == f"segment:seg_0000:{FIRST}"
    assert answer.elapsed_ms >= 0
    assert ("start_time", "DOUBLE") in answer.columns


async def test_cells_are_plain_json(vv: Any) -> None:
    """NULLs, lists, structs, JSON, times, decimals and huge or missing numbers all become JSON values."""
    answer = await execute(
        vv,
        f"""SELECT transcription, "topics[]", "scene.people[]"[1] AS p, extra, executed_at, "shot on"::DATE AS day,
        1.50::DECIMAL(4, 2) AS d, 2::HUGEINT ** 100 AS h, 10::HUGEINT AS small, 'nan'::DOUBLE AS nan,
        INTERVAL 90 SECOND AS i, TIMESTAMP '2026-01-01 10:00:00' AS t, is_outdoor, 'x'::BLOB AS b, score AS score, 1 AS score
        FROM {T} WHERE segment_id = 'seg_0015'""",
    )
    assert answer.rows == (
        {
            "transcription": None,
            "topics[]": ["news", "sport", "food"],
            "p": None,
            "extra": {"camera": {"lens": 15}},
            "executed_at": "2026-03-01T12:15:00Z",
            "day": "2026-03-16",
            "d": 1.5,
            "h": 2.0**100,
            "small": 10,
            "nan": None,
            "i": "00:01:30",
            "t": "2026-01-01T10:00:00",
            "is_outdoor": False,
            "b": "x",
            "score": 1.5,
            "score_2": 1,
        },
    )


async def test_results_are_cut_to_size(vv: Any) -> None:
    """A cell over its limit is cut and says so; rows beyond the limit of rows or of bytes are left out and counted as more."""
    vv.engine = DuckdbSandbox(Limits(max_cell_bytes=100, max_result_bytes=3_000), spare=1)
    try:
        answer = await execute(
            vv, "SELECT repeat('é', 60) AS text, list_transform(range(80), x -> x) AS list FROM range(50)"
        )
    finally:
        await vv.engine.close()
    assert answer.rows[0]["text"] == "é" * 50 + "… [cut at 100 bytes]"
    assert answer.rows[0]["list"].endswith("… [cut at 100 bytes]")
    assert answer.truncated
    assert 5 < len(answer.rows) < 20


async def test_a_repaired_segment_shows_in_the_next_query(vv: Any) -> None:
    """A new version of a run is written anew; an unchanged one is written once, even when two ask at a time."""
    count = f"SELECT count(*) AS n FROM {T} WHERE \"scene.location\" = 'repaired'"
    first, second = await asyncio.gather(execute(vv, count), execute(vv, count))
    assert first.rows == second.rows == ({"n": 0},)
    assert vv.writing.runs.read == 1
    row = segment_row(FIRST, 3)
    vv.writing.runs.changed[row.result_id] = evolve(row, metadata={"scene": {"location": "repaired"}})
    vv.writing.runs.runs[0] = evolve(vv.writing.runs.runs[0], version="2")
    assert (await execute(vv, count)).rows == ({"n": 1},)
    assert vv.writing.runs.read == 2


async def test_only_what_is_read_is_written(vv: Any) -> None:
    """A query opens the files of the tables that it names and no others."""
    await execute(vv, f"SELECT count(*) FROM {U}__scene_people")
    assert list(vv.writing.files.files) == [(SECOND, Level.SEGMENT)]


async def test_contexts_cannot_be_forged(vv: Any) -> None:
    """A context is looked up among the runs that the query read, for the caller, whatever ids a row shows."""
    forged = f"'segment:seg_0001:{FOREIGN}'"
    answer = await execute(vv, f"SELECT {forged} AS result_id FROM {T} LIMIT 1")
    assert answer.row_context == (None,)
    assert vv.contexts.asked == [("user_a", (FIRST,))]
    answer = await execute(vv, f"SELECT segment_id FROM {T} JOIN {U} USING (segment_id) LIMIT 1")
    assert answer.row_context == (None,)  # the segment has a result in both runs
    answer = await execute(
        vv, f"SELECT {T}.segment_id, {T}.run_id FROM {T} JOIN {U} USING (segment_id) ORDER BY 1 LIMIT 1"
    )
    assert answer.row_context[0].run_id == FIRST


async def test_other_tenants_do_not_exist(vv: Any) -> None:
    """A foreign run is unknown by name and by id."""
    with pytest.raises(Invalid) as caught:
        await execute(vv, "SELECT * FROM run_ffffffffff")
    assert caught.value.code == "sql_invalid"
    with pytest.raises(NotFound):
        await execute(vv, "SELECT 1", run_ids=[FOREIGN])
    assert (await execute(vv, "SELECT DISTINCT run_id FROM segments ORDER BY 1")).rows == (
        {"run_id": FIRST},
        {"run_id": SECOND},
    )


async def test_a_scope_of_indexes_narrows_a_run(vv: Any) -> None:
    """Of a run that spans more indexes than the scope, only the rows inside the scope are there."""
    vv.writing.runs.runs[0] = evolve(vv.writing.runs.runs[0], only_index_ids=("idx_other",))
    assert (await execute(vv, f"SELECT count(*) AS n FROM {T}")).rows == ({"n": 0},)


@pytest.mark.parametrize(
    ("query", "meant", "position"),
    [
        (f"SELECT emotion FROM {T}", "scene.people[].emotion", {"line": 1, "column": 8}),
        (f"SELECT segment_id,\n  scor FROM {T}", "score", {"line": 2, "column": 3}),
        (f'SELECT "topics" FROM {T}', "topics[]", {"line": 1, "column": 9}),
        ("SELECT start FROM segments", "start_time", {"line": 1, "column": 8}),
    ],
)
async def test_unknown_columns_are_told_what_was_meant(
    vv: Any, query: str, meant: str, position: dict[str, int]
) -> None:
    """An unknown column is `sql_invalid`, with its place and the likely column."""
    with pytest.raises(Invalid) as caught:
        await execute(vv, query)
    assert caught.value.code == "sql_invalid"
    assert meant in caught.value.details["did_you_mean"]
    assert caught.value.details["position"] == position


@pytest.mark.parametrize("limit", [0, 2001, -1])
async def test_limits_of_rows_are_checked(vv: Any, limit: int) -> None:
    """The number of rows asked for lies between 1 and the published most."""
    with pytest.raises(Invalid):
        await execute(vv, "SELECT 1", result_limit=limit)


async def test_scopes_and_runs_are_checked(vv: Any) -> None:
    """The search scope is needed, and more runs than one query may span are refused."""
    nobody = Caller("user_a", scopes=frozenset())
    with pytest.raises(Forbidden):
        await vv.catalog(nobody, index_id="idx_a")
    with pytest.raises(Forbidden):
        await vv.results_file(Caller("user_a", scopes=frozenset([Scope.SEARCH])), FIRST)
    with pytest.raises(Invalid):
        await vv.catalog(CALLER, index_id="idx_a", run_ids=[f"run_{n}" for n in range(Limits().max_runs + 1)])


async def test_results_are_handed_out_as_a_file(vv: Any) -> None:
    """The file of a run's results is the one that queries read; another tenant's is not found."""
    blob = await vv.results_file(CALLER, FIRST)
    assert await vv.writing.files.find(vv.writing.runs.runs[0], Level.SEGMENT) == blob
    with pytest.raises(NotFound):
        await vv.results_file(CALLER, FOREIGN)


async def test_the_sentence_of_the_reference_runs(vv: Any) -> None:
    """The API reference's own instruction becomes a query that gives the scenes it asks for."""
    written = await vv.generate(
        CALLER,
        index_id="idx_a",
        instruction="Show the top 20 scenes where scene.people[].emotion is happy.",
        run_ids=[FIRST],
    )
    assert written.warnings == ()
    answer = await execute(vv, written.query)
    expected = [
        n for n in range(24) if any(p["emotion"] == "happy" for p in segment_row(FIRST, n).metadata["scene"]["people"])
    ]
    assert [row["segment_id"] for row in answer.rows] == [f"seg_{n:04d}" for n in expected][:20]
    assert all(context is not None for context in answer.row_context)
