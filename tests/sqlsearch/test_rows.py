"""Rows on their way through cells and files into the engine."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sqlsearch.world import FIRST, run_table, segment_row
from videovector_adapters.duckdb import parquet, views
from videovector_core.sqlsearch import catalog
from videovector_core.sqlsearch.cells import fitter, reader
from videovector_core.sqlsearch.model import BIGINT, BOOLEAN, DOUBLE, JSON, VARCHAR, Limits, ResultRow, SqlType

TABLES = catalog.build([run_table(FIRST)], Limits()).tables
COLUMNS = TABLES[0].columns


async def stream(rows: Sequence[Mapping[str, Any]]) -> AsyncIterator[Mapping[str, Any]]:
    for row in rows:
        yield row


def made(metadata: Any, columns: Any = COLUMNS) -> dict[str, Any]:
    return reader(columns)(ResultRow("r", "v", "run", metadata=metadata))


@pytest.mark.parametrize(
    ("metadata", "name", "expected"),
    [
        ({}, "scene.location", None),
        ({"scene": None}, "scene.location", None),
        ({"scene": {"location": ""}}, "scene.location", ""),
        ({}, "topics[]", None),
        ({"topics": None}, "topics[]", None),
        ({"topics": []}, "topics[]", []),
        ({"topics": ["a", None]}, "topics[]", ["a", None]),
        ({"scene": {"people": [{"emotion": "sad"}, {}]}}, "scene.people[].emotion", ["sad", None]),
        ({"scene": {"people": [{}, {"age": 3}]}}, "scene.people[].age", [None, 3]),
        ({"scene": {"people": [{"tags": ["a"]}, {}, {"tags": ["b", "c"]}]}}, "scene.people[].tags[]", ["a", "b", "c"]),
        ({"score": 3}, "score", 3.0),
        ({"shots": 3.0}, "shots", 3),
        ({"shots": 2**63}, "shots", None),
        ({"shots": True}, "shots", None),
        ({"is_outdoor": 1}, "is_outdoor", None),
        ({"extra": {"a": [1]}}, "extra", '{"a":[1]}'),
        ({"shot on": "\ud800x"}, "shot on", "?x"),
    ],
)
def test_cells(metadata: Any, name: str, expected: Any) -> None:
    """Absent is NULL, empty stays empty, lists of one array run in parallel, and what does not fit is NULL."""
    assert made(metadata)[name] == expected


def test_items_keep_all_their_fields() -> None:
    """The column of whole items holds each item as the schema declares it, absent fields as NULL."""
    document = {"scene": {"people": [{"emotion": "sad", "hands": [{"holds": "cup"}, {}]}]}}
    assert made(document)["scene.people[]"] == [
        {"emotion": "sad", "confidence": None, "age": None, "tags": None, "hands": [{"holds": "cup"}, {"holds": None}]}
    ]


SCALARS: dict[SqlType, Any] = {VARCHAR: str, BIGINT: int, DOUBLE: float, BOOLEAN: bool, JSON: str}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(anything, st.sampled_from(list(SCALARS)))
def test_whatever_comes_fits_or_is_null(value: Any, kind: SqlType) -> None:
    """A cell is a value of its column's type or NULL, whatever the document holds."""
    cell = fitter(kind)(value)
    assert cell is None or type(cell) is SCALARS[kind]


people = st.fixed_dictionaries(
    {},
    optional={
        "emotion": st.text(max_size=8) | st.none(),
        "age": st.integers(-(2**63), 2**63 - 1) | st.none(),
        "confidence": st.floats(allow_nan=False, allow_infinity=False),
        "tags": st.lists(st.text(max_size=3), max_size=3),
        "hands": st.lists(st.fixed_dictionaries({}, optional={"holds": st.text(max_size=3)}), max_size=2),
    },
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "scene": st.fixed_dictionaries(
            {}, optional={"location": st.text(max_size=9), "people": st.lists(people, max_size=3)}
        ),
        "topics": st.lists(st.text(max_size=4), max_size=4),
        "is_outdoor": st.booleans(),
        "shots": st.integers(-(2**63), 2**63 - 1),
        "extra": st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=2),
    },
)


# One loop and one engine for all examples: starting them takes longer than what is tested.


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="module")
def bare() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as one:
        yield one


@contextlib.contextmanager
def undone(engine: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Undo what is made in the engine."""
    engine.execute("BEGIN")
    try:
        yield
    finally:
        engine.execute("ROLLBACK")


@settings(max_examples=40, deadline=None)
@given(st.lists(documents, min_size=1, max_size=6))
def test_files_give_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    runner: asyncio.Runner,
    bare: duckdb.DuckDBPyConnection,
    given_documents: list[Any],
) -> None:
    """Every cell comes out of the engine as it went in, and the views of items agree with the documents."""
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    rows = [made(document) for document in given_documents]
    runner.run(parquet.write_parquet(path, COLUMNS, stream(rows)))
    with undone(bare):
        for statement in views.statements([table.name for table in TABLES[:3]], TABLES, {TABLES[0].name: path}):
            bare.execute(statement).fetchall()
        names = [column.name for column in COLUMNS]
        out = bare.execute(f"SELECT * FROM {TABLES[0].name}").fetchall()
        assert [dict(zip(names, row, strict=True)) for row in out] == rows
        seen = bare.execute(f'SELECT item_index, emotion, age, "tags[]" FROM {TABLES[1].name}').fetchall()
        held = bare.execute(f"SELECT people_index, item_index, holds FROM {TABLES[2].name}").fetchall()
    items = [(i, p) for d in given_documents for i, p in enumerate(d.get("scene", {}).get("people", []))]
    assert seen == [(i, p.get("emotion"), p.get("age"), p.get("tags")) for i, p in items]
    assert held == [(i, j, h.get("holds")) for i, p in items for j, h in enumerate(p.get("hands", []))]


async def test_row_groups_are_bounded(tmp_path: Path) -> None:
    """A file is written in groups, so that memory does not grow with the rows; no row is lost between them."""
    rows = [reader(COLUMNS)(segment_row(FIRST, number)) for number in range(1_300)]
    schema = parquet.arrow_schema(COLUMNS)
    with pq.ParquetWriter(tmp_path / "x", schema) as writer:
        group = parquet._Group(writer, schema, most_rows=500)
        for start in range(0, len(rows), 250):
            group.add(rows[start : start + 250])
        group.close()
    file = pq.ParquetFile(tmp_path / "x")
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [500, 500, 300]
    file.close()


async def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    """Files are named by their content, so writing a version again must not make a second file."""
    digests = set()
    for name in ("a", "b"):
        rows = [reader(COLUMNS)(segment_row(FIRST, number)) for number in range(50)]
        assert await parquet.write_parquet(tmp_path / name, COLUMNS, stream(rows)) == 50
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
