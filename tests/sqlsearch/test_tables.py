"""Golden tests of tables, columns and names."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.sqlsearch.world import FIRST, SECOND, run_table
from videovector_core.sqlsearch import catalog, naming
from videovector_core.sqlsearch.model import Kind, Limits, RunTable
from videovector_core.sqlsearch.tables import tables_of

T = "run_bbbbbbbbbb"


def columns(run: RunTable, name: str) -> dict[str, str]:
    table = next(table for table in catalog.build([run], Limits()).tables if table.name == name)
    return {column.name: str(column.type) for column in table.columns}


def of_schema(**properties: Any) -> RunTable:
    return evolve(run_table(FIRST), schema={"type": "object", "properties": properties}, video_schema=None)


def test_a_run_has_its_tables_and_views() -> None:
    """One table per kind of result, one view per array of objects, and the union last."""
    assert [(table.name, table.kind) for table in catalog.build([run_table(FIRST)], Limits()).tables] == [
        (T, Kind.SEGMENTS),
        (f"{T}__scene_people", Kind.ITEMS),
        (f"{T}__scene_people_hands", Kind.ITEMS),
        ("video_results_bbbbbbbbbb", Kind.VIDEOS),
        ("segments", Kind.UNION),
    ]


def test_columns_of_segments() -> None:
    """System columns first, then one column per leaf named by its canonical path and typed by the schema."""
    assert columns(run_table(FIRST), T) == {
        "result_id": "VARCHAR",
        "segment_id": "VARCHAR",
        "video_id": "VARCHAR",
        "video_name": "VARCHAR",
        "media_type": "VARCHAR",
        "index_id": "VARCHAR",
        "run_id": "VARCHAR",
        "start_time": "DOUBLE",
        "end_time": "DOUBLE",
        "transcription": "VARCHAR",
        "metadata_text": "VARCHAR",
        "executed_at": "TIMESTAMP WITH TIME ZONE",
        "scene.location": "VARCHAR",
        "scene.mood": "VARCHAR",
        "scene.people[].emotion": "VARCHAR[]",
        "scene.people[].confidence": "DOUBLE[]",
        "scene.people[].age": "BIGINT[]",
        "scene.people[].tags[]": "VARCHAR[]",
        "scene.people[].hands[].holds": "VARCHAR[]",
        "score": "DOUBLE",
        "shots": "BIGINT",
        "is_outdoor": "BOOLEAN",
        "topics[]": "VARCHAR[]",
        "shot on": "VARCHAR",
        "extra": "JSON",
        "scene.people[]": 'STRUCT("emotion" VARCHAR, "confidence" DOUBLE, "age" BIGINT, "tags" VARCHAR[], '
        '"hands" STRUCT("holds" VARCHAR)[])[]',
    }


def test_columns_of_items() -> None:
    """A view of items names fields from the item on, counts items from 0 and tells the outer items too."""
    assert list(columns(run_table(FIRST), f"{T}__scene_people"))[7:] == [
        "end_time", "item_index", "emotion", "confidence", "age", "tags[]", "hands[]",
    ]  # fmt: skip
    assert list(columns(run_table(FIRST), f"{T}__scene_people_hands"))[8:] == ["people_index", "item_index", "holds"]


def test_columns_of_videos() -> None:
    """Media-level results have no segment, no times and no transcription."""
    assert list(columns(run_table(FIRST), "video_results_bbbbbbbbbb")) == [
        "result_id", "video_id", "video_name", "media_type", "index_id", "run_id", "metadata_text", "executed_at",
        "summary", "chapters[]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string", "null"]}, {"a": "VARCHAR"}),
        ({"type": "string", "format": "date-time"}, {"a": "VARCHAR"}),
        ({"type": "object", "additionalProperties": True}, {"a": "JSON"}),
        ({"type": "array", "items": {"type": "object", "additionalProperties": True}}, {"a[]": "JSON[]"}),
        ({"type": "array", "items": {"type": "integer"}}, {"a[]": "BIGINT[]"}),
        ({"type": "object", "properties": {"B c": {"type": "boolean"}}}, {"a.B c": "BOOLEAN"}),
    ],
)
def test_types(schema: dict[str, Any], expected: dict[str, str]) -> None:
    """Each kind of schema node has one column type."""
    found = columns(of_schema(a=schema), T)
    assert {name: kind for name, kind in found.items() if name.startswith("a")} == expected


def test_names_that_differ_in_case_stay_apart() -> None:
    """An engine that ignores case still sees two columns; the later one gets a number."""
    names = list(columns(of_schema(Name={"type": "string"}, name={"type": "string"}, Score={"type": "number"}), T))
    assert names[12:] == ["Name", "name_2", "Score"]
    view = columns(
        of_schema(a={"type": "array", "items": {"type": "object", "properties": {"item_index": {"type": "string"}}}}),
        f"{T}__a",
    )
    assert list(view)[-2:] == ["item_index", "item_index_2"]


def test_views_that_would_have_one_name_get_two() -> None:
    """Two arrays whose paths read the same as a name get different views, the same ones every time."""
    array = {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string"}}}}
    run = of_schema(a={"type": "object", "properties": {"b": array}}, a_b=array)
    assert [table.name for table in tables_of(run, "s")] == ["run_s", "run_s__a_b", "run_s__a_b_2"]


def test_names_do_not_depend_on_the_other_runs() -> None:
    """A run's tables are called the same whatever else is in scope."""
    alone = {table.name for table in catalog.build([run_table(FIRST)], Limits()).tables}
    assert alone <= {table.name for table in catalog.build([run_table(SECOND), run_table(FIRST)], Limits()).tables}


def test_short_ids_that_meet_are_written_out() -> None:
    """Two runs whose ids end alike keep their whole ids."""
    ids = ["run_aaaa0123456789", "run_bbbb0123456789", "run_123"]
    assert naming.short_ids(ids) == {
        "run_aaaa0123456789": "aaaa0123456789",
        "run_bbbb0123456789": "bbbb0123456789",
        "run_123": "123",
    }


@given(st.lists(st.text(max_size=6), max_size=8))
def test_no_two_names_are_alike(names: list[str]) -> None:
    """However the names came in, they go out different in every case."""
    assert len({name.casefold() for name in naming.unlike(names)}) == len(names)


def test_the_catalogue_is_bounded() -> None:
    """Beyond the limit of runs the oldest are left out, and counted."""
    runs = [run_table(f"run_{number:032x}") for number in range(5)]
    made = catalog.build(runs, Limits(max_runs=2))
    assert {table.run.run_id for table in made.tables if table.run} == {runs[0].run_id, runs[1].run_id}
    assert made.omitted_runs == 3
    assert [table.name for table in catalog.build([], Limits()).tables] == ["segments"]


def test_starter_queries() -> None:
    """The first table of the catalogue has a query that can be run as it stands."""
    assert catalog.build([of_schema(a={"type": "string"})], Limits()).tables[0].default_query == (
        'SELECT "segment_id", "video_name", "start_time", "end_time", "a"\n'
        f'FROM "{T}"\n'
        'ORDER BY "video_name", "start_time"\n'
        "LIMIT 100"
    )
