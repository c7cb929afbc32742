"""SQL over extracted metadata: what there is, a query, and a draft of one."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, field

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    IndexId,
    IndexIds,
    Instruction,
    JsonObject,
    PlayUrl,
    PromptId,
    ResultId,
    RunId,
    RunIds,
    SegmentId,
    VideoId,
)

MAX_ROWS = 2000

SqlText: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=20_000,
        pattern=r"^[^\x00]*$",
        description="One SELECT.",
        examples=['SELECT "scene.location", count(*) FROM segments GROUP BY 1'],
    ),
]


class SqlCatalogRequest(Body):
    """Which runs the catalog is about; nothing means every searchable one."""

    run_ids: RunIds | None = None
    index_ids: IndexIds | None = None


class SqlColumn(Shape):
    """A column of a table or of a result."""

    name: str
    path: Annotated[str, Meta(description="The metadata leaf; null for a system column.")] | None = None
    type: Annotated[str, Meta(examples=["VARCHAR"])]


class SqlTable(Shape):
    """A table that a query may name."""

    table_name: str
    index_id: IndexId | None = None
    index_name: str | None = None
    run_id: RunId | None = None
    prompt_id: PromptId | None = None
    prompt_name: str | None = None
    row_count: int | None = None
    columns: list[SqlColumn]
    default_query: Annotated[str, Meta(description="A query that runs as it stands.")]


class SqlLimits(Shape):
    """What every query is held to."""

    default_result_limit: int = 100
    max_result_limit: int = MAX_ROWS
    max_query_chars: int = 20_000
    timeout_seconds: float = 10.0
    max_tables: int = 50
    max_cell_bytes: int = 32_768


class SqlCatalog(Shape):
    """The tables, and the limits."""

    tables: list[SqlTable]
    limits: SqlLimits = SqlLimits()


class SqlQuery(Body):
    """A query."""

    query: SqlText
    run_ids: RunIds | None = None
    index_ids: IndexIds | None = None
    result_limit: Annotated[int, Meta(ge=1, le=MAX_ROWS)] = 100


class SqlRowContext(Shape):
    """Which moment a row speaks of."""

    result_id: ResultId | None = None
    segment_id: SegmentId | None = None
    video_id: VideoId | None = None
    run_id: RunId | None = None
    index_id: IndexId | None = None
    start_time: float | None = None
    end_time: float | None = None
    thumbnail_uri: PlayUrl | None = None


class SqlResult(Shape):
    """Rows, and beside each the moment it speaks of (null for an aggregate)."""

    columns: list[SqlColumn] = field(default_factory=list)
    rows: list[JsonObject]
    row_context: list[SqlRowContext | None]
    truncated: bool = False
    applied_result_limit: int
    elapsed_ms: float | None = None


class SqlGenerate(Body):
    """What is wanted, in plain words; the draft is checked and not run."""

    instruction: Instruction
    existing_query: SqlText | None = None
    run_ids: RunIds | None = None
    index_ids: IndexIds | None = None


class SqlDraft(Shape):
    """A query that runs as it stands."""

    query: str
    explanation: str | None = None
    tables_used: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
