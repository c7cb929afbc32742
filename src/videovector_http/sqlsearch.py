"""SQL over what was extracted: the tables there are, a query, a draft of one, and a run's results as a file."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Unavailable
from videovector_core.sqlsearch.model import Catalog, Column, Level, RowContext, Table
from videovector_core.sqlsearch.service import SqlSearch
from videovector_http.context import Context
from videovector_http.ranges import served
from videovector_http.wire import sqlsearch as wire
from videovector_http.wire.convert import out

PARQUET = "application/vnd.apache.parquet"


@post("/search/sql/{index_id:str}/catalog", opt={"scope": Scope.SEARCH, "keyed": False}, status_code=200)
async def sql_catalog(
    index_id: FromPath[str],
    data: JSONBody[wire.SqlCatalogRequest],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.SqlCatalog:
    """List the tables that a query may name, newest run first, and what every query is held to."""
    found = await sql(context).catalog(caller, index_id=index_id, run_ids=data.run_ids, index_ids=data.index_ids)
    return wire.SqlCatalog(tables=[_table(table) for table in found.tables], limits=_limits(found))


@post("/search/sql/{index_id:str}", opt={"scope": Scope.SEARCH, "keyed": False}, status_code=200)
async def sql_query(
    index_id: FromPath[str],
    data: JSONBody[wire.SqlQuery],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.SqlResult:
    """Run one SELECT over the tables in scope."""
    found = await sql(context).execute(
        caller,
        index_id=index_id,
        query=data.query,
        run_ids=data.run_ids,
        index_ids=data.index_ids,
        result_limit=data.result_limit,
    )
    return wire.SqlResult(
        columns=[wire.SqlColumn(name=name, type=kind) for name, kind in found.columns],
        rows=list(found.rows),
        row_context=[_context(context, caller, one) for one in found.row_context],
        truncated=found.truncated,
        applied_result_limit=found.applied_result_limit,
        elapsed_ms=found.elapsed_ms,
    )


@post("/search/sql/{index_id:str}/generate", opt={"scope": Scope.SEARCH, "keyed": "outside"}, status_code=200)
async def sql_generate(
    index_id: FromPath[str],
    data: JSONBody[wire.SqlGenerate],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.SqlDraft:
    """Draft a query from an instruction; the draft is checked and planned, and not run."""
    found = await sql(context).generate(
        caller,
        index_id=index_id,
        instruction=data.instruction,
        existing_query=data.existing_query,
        run_ids=data.run_ids,
        index_ids=data.index_ids,
    )
    return out(found, wire.SqlDraft)


@get("/prompt-runs/{run_id:str}/results.parquet", opt={"scope": Scope.READ})
async def results_parquet(
    run_id: FromPath[str],
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    level: FromQuery[Level] = Level.SEGMENT,
) -> Response[Any]:
    """Return the results of a finished run as one typed Parquet file, by segment or by media item."""
    blob = await sql(context).results_file(caller, run_id, level)
    return served(
        context.vv.ports.blobs,
        blob.sha256,
        blob.size,
        request.headers.get("range"),
        media_type=PARQUET,
        headers={
            "Cache-Control": "private, no-cache",
            "ETag": f'"{blob.sha256}"',
            "Content-Disposition": f'attachment; filename="{_name(run_id)}-{level.value}.parquet"',
        },
    )


def sql(context: Context) -> SqlSearch:
    """Return SQL search, or raise `Unavailable` where the server was started without its engine."""
    if context.vv.sql is None:
        raise Unavailable(
            "This server has no engine for SQL; ask its operator to install videovector-core[sql].",
            code="sql_unavailable",
        )
    return context.vv.sql


def _table(table: Table) -> wire.SqlTable:
    columns = [_column(column) for column in table.columns]
    return out(table.run or {}, wire.SqlTable, table_name=table.name, row_count=table.row_count,
               columns=columns, default_query=table.default_query)  # fmt: skip


def _column(column: Column) -> wire.SqlColumn:
    return wire.SqlColumn(name=column.name, path=str(column.path) if column.path else None, type=str(column.type))


def _limits(found: Catalog) -> wire.SqlLimits:
    limits = found.limits
    return out(limits, wire.SqlLimits, max_query_chars=limits.query_chars, max_tables=limits.max_runs)


def _context(context: Context, caller: Caller, one: RowContext | None) -> wire.SqlRowContext | None:
    if one is None:
        return None
    picture = context.link(caller.user_id, "thumbnail", one.segment_id) if one.segment_id else None
    return out(one, wire.SqlRowContext, thumbnail_uri=picture)


def _name(run_id: str) -> str:
    return "".join(char for char in run_id if char.isalnum() or char in "_-")


ROUTES = [sql_catalog, sql_query, sql_generate, results_parquet]
