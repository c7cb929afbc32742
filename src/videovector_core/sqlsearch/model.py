"""Values of SQL search: types, columns, tables, limits, answers and drafts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from attrs import Factory, field, frozen

from videovector_core.fields import FieldPath
from videovector_core.sqlsearch.naming import quoted


@frozen
class SqlType:
    """A column type in DuckDB's spelling; a struct has `fields`, a list has `item`."""

    name: str
    fields: tuple[StructField, ...] = ()
    item: SqlType | None = None

    def __str__(self) -> str:
        if self.item is not None:
            return f"{self.item}[]"
        if self.fields:
            return f"STRUCT({', '.join(f'{quoted(field.name)} {field.type}' for field in self.fields)})"
        return self.name

    @classmethod
    def list_of(cls, item: SqlType) -> SqlType:
        """Return the type of lists of `item`."""
        return cls("LIST", item=item)

    @classmethod
    def struct(cls, fields: Sequence[StructField]) -> SqlType:
        """Return the type of objects with these fields."""
        return cls("STRUCT", fields=tuple(fields))


@frozen
class StructField:
    """A field of a struct. `key` is the property that it holds; two that differ in case only have different names."""

    name: str
    type: SqlType
    key: str


VARCHAR: Final = SqlType("VARCHAR")
BIGINT: Final = SqlType("BIGINT")
DOUBLE: Final = SqlType("DOUBLE")
BOOLEAN: Final = SqlType("BOOLEAN")
JSON: Final = SqlType("JSON")
TIMESTAMPTZ: Final = SqlType("TIMESTAMP WITH TIME ZONE")


@frozen
class Column:
    """A column. `name` is what stands between double quotes in a query; `path` is the field it holds, if it holds one."""

    name: str
    type: SqlType
    path: FieldPath | None = None
    description: str = ""
    enum: tuple[Any, ...] | None = None


class Level(StrEnum):
    """The two kinds of results that a run has."""

    SEGMENT = "segment"
    VIDEO = "video"


class Kind(StrEnum):
    """What the rows of a table are."""

    SEGMENTS = "segments"
    """One row per segment result of one run."""
    VIDEOS = "videos"
    """One row per media-level result of one run."""
    ITEMS = "items"
    """One row per item of an array of objects of one run."""
    UNION = "union"
    """One row per segment result of every run in scope, common columns only."""


@frozen
class RunTable:
    """A searchable run as SQL sees it. `version` changes whenever a row does, so what was written under it stays true.

    `index_ids` are the indexes that its media lie in; `only_index_ids` limits a query to some of them.
    """

    run_id: str
    user_id: str
    version: str
    schema: Mapping[str, Any] = field(eq=False)
    video_schema: Mapping[str, Any] | None = field(default=None, eq=False)
    index_id: str | None = None
    index_name: str | None = None
    prompt_id: str | None = None
    prompt_name: str | None = None
    executed_at: datetime | None = None
    row_count: int = 0
    video_row_count: int = 0
    only_index_ids: tuple[str, ...] | None = None


@frozen
class ResultRow:
    """A segment result or a media-level result (no segment, no times). Times are seconds from the media's start."""

    result_id: str
    video_id: str
    run_id: str
    metadata: Mapping[str, Any] = field(factory=dict)
    segment_id: str | None = None
    video_name: str | None = None
    media_type: str | None = None
    index_id: str | None = None
    start_time: float | None = None
    end_time: float | None = None
    transcription: str | None = None
    metadata_text: str | None = None
    executed_at: datetime | None = None


@frozen
class Table:
    """A table that a query may name. Views have a `base`, the table whose file holds their rows.

    For a view of items, `array` is the path of the array of objects.
    """

    name: str
    kind: Kind
    columns: tuple[Column, ...]
    run: RunTable | None = None
    base: str | None = None
    array: FieldPath | None = None
    default_query: str = ""

    @property
    def stored(self) -> bool:
        """Whether the rows lie in a file of their own."""
        return self.kind in {Kind.SEGMENTS, Kind.VIDEOS}

    @property
    def level(self) -> Level:
        """Which results the rows come from."""
        return Level.VIDEO if self.kind is Kind.VIDEOS else Level.SEGMENT

    @property
    def row_count(self) -> int | None:
        """The rows of a stored table; unknown for views."""
        if self.run is None or not self.stored:
            return None
        return self.run.video_row_count if self.kind is Kind.VIDEOS else self.run.row_count

    def column(self, name: str) -> Column | None:
        """Find a column by its name, in any case."""
        return next((column for column in self.columns if column.name.casefold() == name.casefold()), None)


@frozen
class Limits:
    """What one query may have; the catalogue publishes them."""

    query_chars: int = 20_000
    timeout_seconds: float = 10.0
    default_result_limit: int = 100
    max_result_limit: int = 2_000
    max_runs: int = 50
    max_cell_bytes: int = 32 * 1024
    max_result_bytes: int = 8 * 1024 * 1024
    memory_bytes: int = 256 * 1024 * 1024


@frozen
class Catalog:
    """The tables in scope. `omitted_runs` counts searchable runs beyond the limit, the oldest ones."""

    tables: tuple[Table, ...]
    limits: Limits
    omitted_runs: int = 0


@frozen
class Checked:
    """A query that may run: the tables it names, as the catalogue spells them."""

    query: str
    tables_used: tuple[str, ...]


@frozen
class Rows:
    """What the engine returned: plain JSON cells in rows parallel to `columns` (name, type)."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool
    tables_used: tuple[str, ...]


@frozen
class RowContext:
    """Where a row of a result comes from, so that it can be watched."""

    result_id: str
    video_id: str
    run_id: str
    segment_id: str | None = None
    index_id: str | None = None
    start_time: float | None = None
    end_time: float | None = None


@frozen
class Answer:
    """The result of a query. `row_context` is parallel to `rows`, with `None` where a row belongs to no single result."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[dict[str, Any], ...]
    row_context: tuple[RowContext | None, ...]
    truncated: bool
    applied_result_limit: int
    elapsed_ms: int


@frozen
class Draft:
    """A query that was written for somebody; it was checked and planned, not run."""

    query: str
    explanation: str
    tables_used: tuple[str, ...] = ()
    warnings: tuple[str, ...] = Factory(tuple)
