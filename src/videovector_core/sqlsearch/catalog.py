"""What may be asked: the tables in scope, each with a query to start from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import evolve

from videovector_core.sqlsearch.model import Catalog, Kind, Limits, RunTable, Table
from videovector_core.sqlsearch.naming import quoted, short_ids
from videovector_core.sqlsearch.tables import tables_of, union

_FIELDS_SHOWN: Final = 6
_FIRST: Final = {
    Kind.SEGMENTS: ("segment_id", "video_name", "start_time", "end_time"),
    Kind.VIDEOS: ("result_id", "video_name"),
    Kind.ITEMS: ("result_id", "video_name", "start_time", "item_index"),
    Kind.UNION: ("segment_id", "run_id", "video_name", "start_time", "end_time", "metadata_text"),
}
_ORDER: Final = ("video_name", "start_time", "item_index")


def build(runs: Sequence[RunTable], limits: Limits) -> Catalog:
    """Make the catalogue of runs, newest first: each run's tables, then the view over all of them."""
    kept = runs[: limits.max_runs]
    shorts = short_ids([run.run_id for run in kept])
    tables = [table for run in kept for table in tables_of(run, shorts[run.run_id])]
    finished = tuple(evolve(table, default_query=starter(table, limits)) for table in (*tables, union()))
    return Catalog(finished, limits, omitted_runs=len(runs) - len(kept))


def starter(table: Table, limits: Limits) -> str:
    """Write a query that shows some rows of a table: where they are, and their first fields."""
    columns = [*shown(table), *[column.name for column in table.columns if column.path][:_FIELDS_SHOWN]]
    order = order_of(table)
    return (
        f"SELECT {', '.join(map(quoted, columns))}\n"
        f"FROM {quoted(table.name)}\n"
        f"ORDER BY {', '.join(map(quoted, order))}\n"
        f"LIMIT {limits.default_result_limit}"
    )


def shown(table: Table) -> tuple[str, ...]:
    """Name the columns that tell a person where a row comes from."""
    return tuple(name for name in _FIRST[table.kind] if table.column(name))


def order_of(table: Table) -> list[str]:
    """Name the columns by which rows stand in the order of media, of time and of items."""
    return [name for name in _ORDER if table.column(name)]
