"""The tools of a turn: the use cases of search, within a scope that was frozen when the turn was asked.

No tool takes an id of an index, a run or a media item. What was found before is named by its label (`rs1:3`), so
nobody who decides, model or not, can reach anything that the turn may not see.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.chat import arguments
from videovector_core.chat.arguments import Argument, Refusal
from videovector_core.chat.citations import quoted
from videovector_core.chat.items import hit_item, hits_told, row_items, rows_told
from videovector_core.chat.model import ResultSet, SetKind, Story, Turn, Use
from videovector_core.chat.ports import ChatTx
from videovector_core.errors import Invalid, NotFound
from videovector_core.fields import FieldPath, leaves
from videovector_core.ports import Begin
from videovector_core.runs.model import Run
from videovector_core.search.filters import (
    ABSENT,
    OPERATORS,
    SYSTEM,
    VALUELESS,
    Condition,
    Filter,
    Operator,
    ValueType,
    declared_type,
)
from videovector_core.search.model import Hit
from videovector_core.search.service import Search, Where
from videovector_core.sqlsearch.model import Catalog
from videovector_core.sqlsearch.service import SqlSearch

SHOWN_RUNS: Final = 30
SHOWN_FIELDS: Final = 60
_OF_ARRAYS: Final = OPERATORS[ValueType.ARRAY] - VALUELESS
_CONDITION: Final = {
    "type": "object",
    "properties": {
        "field": {"type": "string", "description": "Path of a field as list_scope names it."},
        "operator": {"type": "string", "enum": [one.value for one in Operator]},
        "value": {"description": "What it is compared with; none for is_empty and is_not_empty."},
    },
    "required": ["field", "operator"],
    "additionalProperties": False,
}


@frozen
class Found:
    """What a tool returned: a sentence for people, a text for whoever decides next, and results, if it has any."""

    summary: str
    told: str
    results: ResultSet | None = None


@frozen
class Within:
    """The scope as it still is: what was deleted since is not in it."""

    caller: Caller
    index_ids: tuple[str, ...]
    runs: dict[str, Run]

    @property
    def where(self) -> Where:
        """The scope as search takes it."""
        return Where(index_ids=self.index_ids, run_ids=tuple(self.runs))

    @property
    def schemas(self) -> list[Mapping[str, Any]]:
        """The schemas of the runs, the newest first."""
        return [run.prompt.json_schema for run in self.runs.values()]


Do = Callable[["Tools", Within, Story, ResultSet, dict[str, Any]], Awaitable[Found]]


@frozen
class Tool:
    """A tool as it is described, and what it does with its arguments and an empty result set of its own."""

    name: str
    about: str
    do: Do = field(repr=False)
    arguments: tuple[Argument, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments."""
        return arguments.schema(self.arguments)


@frozen
class Tools:
    """Everything that a turn may use."""

    begin: Begin[ChatTx]
    search: Search
    sql: SqlSearch | None = None

    @property
    def offered(self) -> tuple[Tool, ...]:
        """The tools there are; those of SQL only where its engine is."""
        return tuple(tool for tool in TOOLS if self.sql is not None or not tool.name.startswith("sql_"))

    async def within(self, turn: Turn) -> Within:
        """Return what is left of a turn's scope."""
        caller = Caller(turn.user_id, frozenset({Scope.READ}))
        async with self.begin() as tx:
            there = {index.index_id for index in await tx.indexes.all(turn.user_id, defaults=True)}
            index_ids = tuple(one for one in turn.index_ids if one in there)
            runs: list[Run] = []
            if index_ids and turn.run_ids:
                runs = await tx.runs.searchable(turn.user_id, run_ids=turn.run_ids, index_ids=index_ids)
        return Within(caller, index_ids, {run.run_id: run for run in runs})

    async def run(self, story: Story, call: str, use: Use) -> Found:
        """Carry a call out.

        Raises:
            Refusal: there is no such tool, or its arguments are not what it takes.
        """
        tool = next((one for one in self.offered if one.name == use.name), None)
        if tool is None:
            raise Refusal(f"There is no tool {use.name[:60]!r}; there are: {', '.join(t.name for t in self.offered)}.")
        given = arguments.read(tool.arguments, use.arguments)
        empty = ResultSet(f"rs{len(story.sets) + 1}", SetKind.SEGMENTS, tool.name, call, [])
        return await tool.do(self, await self.within(story.turn), story, empty, given)

    async def catalog(self, within: Within) -> Catalog | None:
        """Return the tables of the scope; nothing where there is no engine or nothing to ask."""
        if self.sql is None or not within.runs:
            return None
        index, runs = within.index_ids[0], list(within.runs)[: self.sql.engine.limits.max_runs]
        return await self.sql.catalog(within.caller, index_id=index, index_ids=within.index_ids, run_ids=runs)


async def _list_scope(tools: Tools, within: Within, _: Story, __: ResultSet, ___: dict[str, Any]) -> Found:
    async with tools.begin() as tx:
        known = {index.index_id: index.name for index in await tx.indexes.all(within.caller.user_id, defaults=True)}
    runs = [
        {
            "prompt": run.prompt.name,
            "executed_at": run.executed_at.isoformat(),
            "fields": [
                {"path": str(leaf.path), "type": leaf.type, **({"values": list(leaf.enum)[:30]} if leaf.enum else {})}
                for leaf in leaves(run.prompt.json_schema)[:SHOWN_FIELDS]
            ],
        }
        for run in list(within.runs.values())[:SHOWN_RUNS]
    ]
    told = {"indexes": [known[one] for one in within.index_ids][:100], "runs": runs, "texts": list(SYSTEM)}
    summary = f"{_many(len(within.index_ids), 'index', 'indexes')}, {_many(len(within.runs), 'run')} in scope."
    return Found(summary, json.dumps(told, ensure_ascii=False))


async def _text_search(tools: Tools, within: Within, _: Story, empty: ResultSet, given: dict[str, Any]) -> Found:
    if not within.runs:
        return _segments(empty, "Text search", [])
    hits = await tools.search.text(within.caller, given["query"], within.where, top_k=given["top_k"])
    return _segments(empty, f"Moments for: {given['query']}", hits)


async def _filter_search(tools: Tools, within: Within, _: Story, empty: ResultSet, given: dict[str, Any]) -> Found:
    conditions = [_condition(within.schemas, one) for one in given["conditions"]]
    title = "Moments where " + " and ".join(_spoken(one) for one in given["conditions"])
    if not within.runs:
        return _segments(empty, title, [])
    page = await tools.search.filter(within.caller, within.where, Filter(conditions), limit=given["limit"])
    return _segments(empty, title, page.items, truncated=page.after is not None)


async def _sql_catalog(tools: Tools, within: Within, _: Story, __: ResultSet, ___: dict[str, Any]) -> Found:
    catalog = await tools.catalog(within)
    tables = catalog.tables if catalog else ()
    told = [
        {"table": table.name, "columns": {column.name: str(column.type) for column in table.columns[:SHOWN_FIELDS]}}
        for table in tables[:SHOWN_RUNS]
    ]
    return Found(f"{_many(len(tables), 'table')}.", json.dumps({"dialect": "DuckDB", "tables": told}))


async def _sql_query(tools: Tools, within: Within, _: Story, empty: ResultSet, given: dict[str, Any]) -> Found:
    if tools.sql is None or not within.runs:
        return Found("There is nothing to query.", "The scope holds no searchable runs.")
    answer = await tools.sql.execute(
        within.caller,
        index_id=within.index_ids[0],
        query=given["query"],
        index_ids=within.index_ids,
        run_ids=list(within.runs)[: tools.sql.engine.limits.max_runs],
        result_limit=given["limit"],
    )
    items = row_items(answer, within.runs)
    cut = answer.truncated or len(items) < len(answer.rows)
    results = ResultSet(empty.id, SetKind.ROWS, "Rows of a query", empty.tool_call_id, items, truncated=cut)
    return Found(f"{_many(len(items), 'row')}.", rows_told(results), results)


async def _get_segments(tools: Tools, within: Within, story: Story, empty: ResultSet, given: dict[str, Any]) -> Found:
    source = _named(story, given["near"])
    run, video = within.runs.get(source["run_id"]), source["video_id"]
    if run is None:
        raise NotFound.of("run", source["run_id"])
    async with tools.begin() as tx:
        named = source.get("segment_id")
        row = await tx.results.get(run.run_id, named) if named is not None else None
        first = max(0, row.ordinal - given["count"] // 2) if row is not None else 0
        rows = await tx.results.page(run.run_id, video, limit=given["count"] + 1, after=(first - 1,))
    wanted = [one.result_id for one in rows[: given["count"]]]
    found = await tools.search.hydrate(within.caller, within.runs, wanted)
    hits = [found[one] for one in wanted if one in found]
    truncated = first > 0 or len(rows) > len(wanted)
    return _segments(empty, f"Segments around {given['near']}", hits, truncated=truncated)


async def _get_video_result(
    tools: Tools, within: Within, story: Story, empty: ResultSet, given: dict[str, Any]
) -> Found:
    source = _named(story, given["of"])
    wanted = f"video:{source['video_id']}:{source['run_id']}"
    found = await tools.search.hydrate(within.caller, within.runs, [wanted])
    return _segments(empty, f"The whole of {given['of']}", list(found.values()))


def _segments(empty: ResultSet, title: str, hits: Sequence[Hit], *, truncated: bool = False) -> Found:
    items = [hit_item(hit) for hit in hits]
    results = ResultSet(empty.id, SetKind.SEGMENTS, quoted(title), empty.tool_call_id, items, truncated=truncated)
    return Found(f"{_many(len(items), 'result')}.", hits_told(results), results)


def _named(story: Story, label: str) -> Mapping[str, Any]:
    """Return the result that a label of this turn names."""
    found = story.item(label.strip().strip("[]"))
    source: Mapping[str, Any] | None = found[1].get("context", found[1]) if found is not None else None
    if source is None or not source.get("result_id"):
        raise Refusal(f"{label[:60]!r} names no result of this turn; use a label such as rs1:1.")
    return source


def _condition(schemas: Sequence[Mapping[str, Any]], given: Any) -> Condition:
    if not isinstance(given, dict) or not {"field", "operator"} <= set(given) <= {"field", "operator", "value"}:
        raise Refusal("A condition has field, operator and value, and nothing else.")
    path, operator = str(given["field"]), str(given["operator"])
    if operator not in set(Operator):
        raise Refusal(f"There is no operator {operator[:40]!r}; use one of: {', '.join(Operator)}.")
    kind = "array" if Operator(operator) in _OF_ARRAYS else kind_of(schemas, path)
    return Condition.read(path, operator, kind, given.get("value", ABSENT))


def kind_of(schemas: Sequence[Mapping[str, Any]], path: str) -> str:
    """Return the type of a field in the newest schema that has it.

    Raises:
        Invalid: no schema has it, or it is an object, which has no value of its own.
    """
    kind = declared_type(schemas, FieldPath.parse(path))
    if kind is None:
        raise Invalid(f"No field {path[:80]!r} is in scope; list_scope names those there are.")
    return kind


def _spoken(condition: Mapping[str, Any]) -> str:
    value = f" {condition['value']}" if "value" in condition else ""
    return f"{condition['field']} {str(condition['operator']).replace('_', ' ')}{value}"


def _many(count: int, one: str, several: str | None = None) -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"


TOOLS: Final = (
    Tool("list_scope", "Names the indexes, the runs and the fields that this turn may look at.", _list_scope),
    Tool(
        "text_search",
        "Finds moments by meaning and by words: what is said, shown or was extracted.",
        _text_search,
        (
            Argument("query", "string", "What to look for, in plain words.", required=True, most=2_000),
            Argument("top_k", "integer", "Results at the most.", default=10, most=20),
        ),
    ),
    Tool(
        "filter_search",
        "Finds moments whose extracted fields meet every one of up to four conditions.",
        _filter_search,
        (
            Argument("conditions", "array", "The conditions.", required=True, most=4, items=_CONDITION),
            Argument("limit", "integer", "Results at the most.", default=10, most=20),
        ),
    ),
    Tool("sql_catalog", "Names the tables and columns that sql_query may read.", _sql_catalog),
    Tool(
        "sql_query",
        "Runs one SELECT over the tables of sql_catalog: for counts, sums, groups and orders.",
        _sql_query,
        (
            Argument("query", "string", "One SELECT statement in DuckDB's dialect.", required=True),
            Argument("limit", "integer", "Rows at the most.", default=20, most=50),
        ),
    ),
    Tool(
        "get_segments",
        "Lists the segments around a result of this turn, in order of time.",
        _get_segments,
        (
            Argument("near", "string", "Label of a result, such as rs1:3.", required=True, most=60),
            Argument("count", "integer", "Segments at the most.", default=10, most=20),
        ),
    ),
    Tool(
        "get_video_result",
        "Returns what is known of the whole media item that a result of this turn lies in.",
        _get_video_result,
        (Argument("of", "string", "Label of a result, such as rs1:3.", required=True, most=60),),
    ),
)
