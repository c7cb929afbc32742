"""What the box around a stranger's SQL costs, and how soon it ends what runs over.

`SQL_ROWS` says over how many results of a real server the same is asked over HTTP (default 100,000; the promise is made for
1,000,000): the writing of the run's file by the worker, which the end of a run waits for, the first query after it, and the
following ones.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import httpx

from tests.bench.filled import Filled, filled
from tests.bench.rows import Row
from tests.sqlsearch import oversized, world
from videovector_adapters.duckdb import guard, views
from videovector_adapters.duckdb.parquet import write_parquet
from videovector_adapters.duckdb.sandbox import DuckdbSandbox
from videovector_core.errors import Invalid
from videovector_core.runs.tables import is_written, tables_work
from videovector_core.sqlsearch.cells import reader
from videovector_core.sqlsearch.model import Limits
from videovector_core.testing import stores_room as make

SEGMENTS = 1_000_000
FINISHED = 10_000
SERVED = int(os.environ.get("SQL_ROWS", "100000"))
_METADATA = """json_build_object('scene', json_build_object('location', (ARRAY['kitchen', 'street', 'office', 'park'])[1 + g % 4],
    'mood', (ARRAY['Calm', 'Tense'])[1 + g % 2], 'people', json_build_array(
        json_build_object('emotion', (ARRAY['happy', 'sad', 'angry'])[1 + g % 3], 'confidence', g % 100 / 100.0, 'age', g % 90))),
    'score', g % 1000 / 10.0, 'shots', g % 30, 'is_outdoor', g % 2 = 0, 'topics', json_build_array('news'))"""
TIMES = 5
PAUSE = 1.0
"""Seconds between two questions to a server, in which it has a new process ready."""
QUERIES = {
    "group-by": 'SELECT "scene.location", count(*), avg(score) FROM {t} GROUP BY 1 ORDER BY 1',
    "top-N": "SELECT segment_id, video_id, score FROM {t} ORDER BY score DESC, segment_id LIMIT 20",
    "unnest + group": "SELECT emotion, count(*), avg(confidence) FROM {people} GROUP BY 1 ORDER BY 1",
    "unnest of a list + group": 'SELECT e, count(*) FROM (SELECT unnest("scene.people[].emotion") e FROM {t}) '
    "GROUP BY 1 ORDER BY 1",
    "join of two runs": 'SELECT a."scene.location", count(*) FROM {t} a JOIN {u} b USING (segment_id) '
    "WHERE a.score > b.score - 1 GROUP BY 1 ORDER BY 1",
}
_MILLION = """
SELECT 'segment:seg_' || i || ':{run}' AS result_id, 'seg_' || lpad(i::VARCHAR, 8, '0') AS segment_id,
       'vid_' || (i // 200) AS video_id, 'Film ' || (i // 200) AS video_name, 'video' AS media_type, 'idx_a' AS index_id,
       '{run}' AS run_id, (i % 200 * 5)::DOUBLE AS start_time, (i % 200 * 5 + 5)::DOUBLE AS end_time,
       'we talk about number ' || i AS transcription, 'location: kitchen; number ' || i AS metadata_text,
       TIMESTAMPTZ '2026-03-01 00:00:00+00' AS executed_at,
       ['kitchen', 'street', 'office', 'park'][1 + i % 4] AS "scene.location", ['Calm', 'Tense'][1 + i % 2] AS "scene.mood",
       [p.emotion FOR p IN people] AS "scene.people[].emotion",
       [p.confidence FOR p IN people] AS "scene.people[].confidence", [p.age FOR p IN people] AS "scene.people[].age",
       flatten([p.tags FOR p IN people]) AS "scene.people[].tags[]", []::VARCHAR[] AS "scene.people[].hands[].holds",
       (hash(i + {seed}) % 100000)::DOUBLE / 1000 AS score, i % 30 AS shots, i % 2 = 0 AS is_outdoor,
       ['news', 'sport', 'food'][1:i % 4] AS "topics[]", '2026-03-01' AS "shot on", NULL::VARCHAR AS extra,
       people AS "scene.people[]"
FROM (SELECT i, list_transform(range(i % 5), lambda x: {{'emotion': ['happy', 'sad', 'angry'][1 + (i * 7 + x) % 3],
             'confidence': ((i + x) % 100)::DOUBLE / 100, 'age': ((i + x) % 90)::BIGINT, 'tags': ['hat'],
             'hands': []::STRUCT(holds VARCHAR)[]}}) AS people FROM range({rows}) t(i))
"""


async def bench() -> list[Row]:
    """Measure queries beside a bare engine, the first query of a run, and the end of hostile ones."""
    with tempfile.TemporaryDirectory() as place:
        made = await world.build(Path(place))
        alone = [*await _million(made), *await _first(made), *await _hostile(made), _guard(made)]
    return [*alone, *await _served()]


async def _million(made: world.World) -> list[Row]:
    stored = [table for table in made.catalog.tables if table.stored and table.name.startswith("run_")]
    bare = duckdb.connect(config={"threads": "2"})
    bare.execute("SET enable_progress_bar = false").fetchall()
    for seed, table in enumerate(stored):
        run = table.run.run_id if table.run else ""
        query = _MILLION.format(run=run, seed=seed, rows=SEGMENTS)
        bare.execute(f"COPY ({query}) TO '{made.files[table.name]}' (FORMAT parquet, COMPRESSION zstd)").fetchall()
    for statement in views.statements([t.name for t in made.catalog.tables], made.catalog.tables, made.files):
        bare.execute(statement).fetchall()
    box = DuckdbSandbox()
    rows = []
    try:
        for name, query in QUERIES.items():
            text = made.fill(query)
            alone = _best(partial(_fetched, bare, text))
            boxed = await _best_of(box, partial(box.query, text, made.catalog.tables, lend=made.lend, limit=100))
            most = alone * 1.5 + 0.1
            rows.append(
                Row(
                    f"{name}, {SEGMENTS:,} rows",
                    boxed * 1e3,
                    "ms",
                    f"bare {alone * 1e3:.0f} ms, most {most * 1e3:.0f} ms",
                )
            )
    finally:
        await box.close()
    return rows


def _fetched(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return connection.execute(query).fetchall()


def _best(run: Callable[[], Any], pause: float = 0.0) -> float:
    times = []
    for _ in range(TIMES):
        time.sleep(pause)
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


async def _best_of(box: DuckdbSandbox, run: Callable[[], Awaitable[Any]]) -> float:
    times = []
    for _ in range(TIMES):
        await box.warm()
        start = time.perf_counter()
        await run()
        times.append(time.perf_counter() - start)
    return min(times)


async def _first(made: world.World) -> list[Row]:
    """Write a run that has just finished, then ask it something with no process waiting."""
    table = made.catalog.tables[0]
    if table.run is None:
        raise LookupError("the first table is a run's")
    read = reader(table.columns)
    rows = [read(row) async for row in world.Files(FINISHED).of(table.run, table.level)]

    async def given() -> AsyncIterator[Mapping[str, Any]]:
        for row in rows:
            yield row

    start = time.perf_counter()
    await write_parquet(made.files[table.name], table.columns, given())
    written = time.perf_counter() - start
    box = DuckdbSandbox()
    try:
        start = time.perf_counter()
        await box.query(made.fill(QUERIES["group-by"]), made.catalog.tables, lend=made.lend, limit=100)
        cold = time.perf_counter() - start
        await box.warm()
        warm = await _best_of(box, lambda: box.query("SELECT 1", made.catalog.tables, lend=made.lend, limit=1))
    finally:
        await box.close()
    return [
        Row(f"first query after a run of {FINISHED:,} segments", (written + cold) * 1e3, "ms", "most 2,000 ms"),
        Row("of which: writing the file", written * 1e3, "ms", f"{FINISHED / written:,.0f} rows/s"),
        Row("of which: query with no process waiting", cold * 1e3, "ms"),
        Row("SELECT 1 with a process waiting", warm * 1e3, "ms"),
    ]


async def _served() -> list[Row]:
    """Ask a real server over HTTP; the same file answers a bare engine."""

    async def prepare(made: Filled) -> None:
        await made.rows({"metadata": _METADATA}, prompt=make.prompt(json_schema=world.SCHEMA))

    async with filled(SERVED, prepare) as made:
        start = time.perf_counter()
        await _written(made)
        took = time.perf_counter() - start
        rows = [
            Row(f"served: files of {SERVED:,} rows, before the run ends", took, "s", f"{SERVED / took:,.0f} rows/s")
        ]
        return [*rows, *await asyncio.to_thread(_asked, made)]


async def _written(made: Filled) -> None:
    """Have the worker write what it writes before a run is called ended."""
    async with made.database.begin() as tx:
        run = await tx.runs.get(made.user_id, made.runs[0])
        if run is None:
            raise LookupError(made.runs[0])
        await tx.work.add([tables_work(run)])
    while True:
        async with made.database.begin() as tx:
            if await is_written(tx.tables, run):
                return
        await asyncio.sleep(0.2)


def _asked(made: Filled) -> list[Row]:
    headers = {"X-API-Key": made.server.key}
    with httpx.Client(base_url=f"{made.server.url}/api/v2", headers=headers, timeout=600) as client:

        def ask(query: str) -> Any:
            asked = {"query": query, "result_limit": 100, "run_ids": list(made.runs)}
            answer = client.post(f"/search/sql/{made.index_id}", json=asked)
            assert answer.status_code == 200, answer.text
            return answer.json()

        catalog = client.post(f"/search/sql/{made.index_id}/catalog", json={}).json()
        name = next(one["table_name"] for one in catalog["tables"] if one["run_id"] == made.runs[0])
        first = _once(partial(ask, f"SELECT count(*) FROM {name}"))
        rows = [Row(f"served: first query of a run of {SERVED:,} rows", first * 1e3, "ms", "most 2,000 ms")]
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            file.write(client.get(f"/prompt-runs/{made.runs[0]}/results.parquet").content)
            file.flush()
            with duckdb.connect(config={"threads": "2"}) as bare:
                bare.execute(f"CREATE VIEW {name} AS SELECT * FROM '{file.name}'").fetchall()
                for kind in ("group-by", "top-N", "unnest of a list + group"):
                    query = QUERIES[kind].replace("{t}", name)
                    alone, through = _best(partial(_fetched, bare, query)), _best(partial(ask, query), PAUSE)
                    beside = f"bare {alone * 1e3:.0f} ms, most {(alone * 1.5 + 0.1) * 1e3:.0f} ms"
                    rows.append(Row(f"served: {kind}, {SERVED:,} rows", through * 1e3, "ms", beside))
        return rows


def _once(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


async def _hostile(made: world.World) -> list[Row]:
    limit = 1.0
    box = DuckdbSandbox(Limits(timeout_seconds=limit))
    over = 0.0
    try:
        for statement in oversized.HUNGRY:
            await box.warm()
            start = time.perf_counter()
            try:
                await box.query(made.fill(statement), made.catalog.tables, lend=made.lend, limit=100)
            except Invalid:
                over = max(over, time.perf_counter() - start - limit)
    finally:
        await box.close()
    return [Row(f"longest of {len(oversized.HUNGRY)} hungry queries beyond its limit", over * 1e3, "ms", "most 250 ms")]


def _guard(made: world.World) -> Row:
    text, names = made.fill(QUERIES["join of two runs"]), made.names()
    return Row(
        "reading and checking a query", _best(lambda: guard.check(text, names)) * 1e3, "ms", "done inside the process"
    )
