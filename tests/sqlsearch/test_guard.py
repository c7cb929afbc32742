"""The first wall alone: what the parser and its lists stop, and what they let through."""

from __future__ import annotations

import contextlib
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sqlsearch import analyst, hidden, hostile, idioms, oversized
from tests.sqlsearch.world import World
from videovector_adapters.duckdb import guard
from videovector_adapters.duckdb.functions import AMPLIFIERS, FUNCTIONS, SOURCES
from videovector_adapters.duckdb.reading import confirm
from videovector_core.errors import Invalid


def refusal(query: str, tables: dict[str, list[str]] | None = None) -> Invalid:
    with pytest.raises(Invalid) as caught:
        guard.check(query, tables or {})
    return caught.value


HOSTILE = [*hostile.REFUSED, *hidden.HIDDEN]
HONEST = [*analyst.QUERIES, *idioms.QUERIES]


@pytest.mark.parametrize("statement", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_statements_are_refused(statement: str, world: World) -> None:
    """Every file, network, catalogue, settings, writing and oversized form is refused before an engine sees it."""
    error = refusal(world.fill(statement), world.names())
    assert error.code in {"sql_not_allowed", "sql_invalid"}
    assert error.message


@pytest.mark.parametrize("query", HONEST, ids=range(len(HONEST)))
def test_honest_queries_pass(query: str, world: World) -> None:
    """A query that only computes over its tables is never refused."""
    assert set(guard.check(world.fill(query), world.names())) <= set(world.names())


def test_there_are_enough_statements() -> None:
    """Lists that lose statements by mistake are found: far more than 250 hostile ones and 100 honest ones."""
    assert len(set(HOSTILE + oversized.HUNGRY + hostile.INERT)) >= 600
    assert len(set(HONEST)) >= 300


@pytest.fixture
def unspelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the search for likely spellings, which takes far longer than the decision."""
    monkeypatch.setattr(guard, "nearest", lambda *_: [])


def engine_functions() -> list[tuple[str, str]]:
    rows = duckdb.connect().execute("SELECT DISTINCT function_name, function_type FROM duckdb_functions()").fetchall()
    return [(name, kind) for name, kind in rows if name.isidentifier()]


@pytest.mark.usefixtures("unspelled")
def test_the_engine_has_no_function_that_slips_through() -> None:
    """Of all the engine's functions only the listed ones may be called, whatever the parser makes of them."""
    for name, _ in engine_functions():
        if name.casefold() not in FUNCTIONS | AMPLIFIERS:
            for call in (f"SELECT {name}()", f"SELECT x.{name}(1) FROM t"):
                try:
                    guard.check(call, {"t": ["x"]})
                except Invalid:
                    continue
                assert name in HARMLESS, call


HARMLESS = frozenset({"current_date"})
"""Functions that the parser gives a type shared with a listed one, or that are keywords; all only compute."""


@pytest.mark.usefixtures("unspelled")
def test_no_table_function_but_those_that_unfold_opens() -> None:
    """In place of a table only what unfolds its own arguments may be called."""
    for name, kind in engine_functions():
        if kind in {"table", "pragma", "table_macro"} and name not in SOURCES:
            refusal(f"SELECT * FROM {name}('x')")
            refusal(f"SELECT * FROM {name}()")


def test_listed_functions_exist() -> None:
    """A name on the list that the engine does not know is a mistake of ours."""
    known = {name.casefold() for name, _ in engine_functions()}
    grammar = {"coalesce", "date", "grouping", "grouping_id", "ifnull", "percentile_cont", "percentile_disc"}
    assert known | grammar >= FUNCTIONS | AMPLIFIERS


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_answered_with_a_refusal_or_a_pass(text: str) -> None:
    """The guard knows no other outcome: no text makes it fail in another way."""
    with contextlib.suppress(Invalid):
        guard.check(text, {"t": ["x"]})


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(
    ["SELECT", "*", "FROM", "t", "read_text", "(", ")", "'x'", ";", "WITH", "a", "AS", ",", "1", "UNION", "WHERE", "x",
     "duckdb_settings", ".", '"', "--", "/*", "*/", "\n", "COPY", "TO", "current_setting", "->", "[", "]", ":="]
), max_size=25).map(" ".join))  # fmt: skip
def test_no_mixture_of_words_calls_a_closed_function(query: str) -> None:
    """What passes names no closed function in a place where it would be called."""
    try:
        guard.check(query, {"t": ["x"]})
    except Invalid:
        return
    squeezed = query.replace(" ", "").split("--")[0]
    assert "read_text(" not in squeezed.replace("/*", "")
    assert "current_setting(" not in squeezed.replace("/*", "")


@pytest.mark.parametrize(
    ("query", "code", "position", "meant"),
    [
        ("SELECT * FROM run_", "sql_invalid", {"line": 1, "column": 15}, ["run_a"]),
        ("SELECT 1\nFROM segmnts", "sql_invalid", {"line": 2, "column": 6}, ["segments"]),
        ("SELECT lenth('x')", "sql_not_allowed", {"line": 1, "column": 8}, ["length"]),
        ("SELECT a b c", "sql_invalid", {"line": 1, "column": 12}, None),
    ],
)
def test_refusals_say_where_and_what_was_meant(
    query: str, code: str, position: dict[str, int], meant: list[str] | None
) -> None:
    """A refusal has a stable code, a line and column from 1, and the likely spelling where there is one."""
    error = refusal(query, {"run_a": ["x"], "segments": ["segment_id"]})
    assert (error.code, error.details.get("position")) == (code, position)
    if meant is not None:
        assert error.details["did_you_mean"][0] == meant[0]


def test_a_bare_path_is_told_to_be_quoted() -> None:
    """The commonest mistake, a field path without quotes, is named."""
    assert '"scene.people[].emotion"' in refusal("SELECT scene.people[].emotion FROM t", {"t": []}).message


def test_tables_are_named_as_the_catalogue_spells_them() -> None:
    """Names of tables match in any case, and the catalogue's spelling is returned, each table once."""
    assert guard.check("SELECT * FROM RUN_A a JOIN run_a b ON true, Segments", {"run_a": [], "segments": []}) == (
        "run_a",
        "segments",
    )


def test_expressions_shadow_tables() -> None:
    """A common table expression hides a table of its name, and only where it is visible."""
    tables = {"run_a": ["x"], "run_b": ["x"]}
    assert guard.check("WITH run_a AS (SELECT 1 AS x) SELECT * FROM run_a", tables) == ()
    assert guard.check("SELECT * FROM (WITH run_a AS (SELECT 1) SELECT * FROM run_a), run_a", tables) == ("run_a",)
    assert guard.check("WITH c AS (SELECT * FROM run_b) SELECT * FROM c", tables) == ("run_b",)
    repeated = "WITH RECURSIVE run_a AS ({} UNION ALL SELECT x + 1 FROM run_a WHERE x < 3) SELECT * FROM run_a"
    assert guard.check(repeated.format("SELECT 1 AS x"), tables) == ()
    assert guard.check(repeated.format("SELECT x FROM run_a"), tables) == ("run_a",)


def test_what_follows_the_statement_is_cut() -> None:
    """Semicolons and comments after the statement do not reach the engine."""
    assert guard.bare("SELECT 1 ; -- x\n ;") == "SELECT 1"
    assert guard.bare("SELECT ';' /* ; */") == "SELECT ';'"


def test_a_tree_too_deep_to_be_read_is_refused() -> None:
    """The engine's tree of a query may nest deeper than a reader of JSON goes."""

    class Deep:
        def execute(self, *_: Any) -> Any:
            return self

        def fetchall(self) -> list[tuple[str]]:
            return [("[" * 100_000 + "]" * 100_000,)]

    engine: Any = Deep()
    with pytest.raises(Invalid, match="Nesting") as caught:
        confirm(engine, "SELECT 1", ())
    assert caught.value.code == "sql_not_allowed"
