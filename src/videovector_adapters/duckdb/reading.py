"""The engine's own reading of a query, held against the lists a second time.

Two parsers can read one text differently. The guard reads it with its parser; what will run is what the engine reads,
so the engine is asked for its tree before anything is planned.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

from videovector_adapters.duckdb.functions import AMPLIFIERS, FUNCTIONS, OPERATORS, SOURCES
from videovector_core.errors import Invalid

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CLOSED: Final = frozenset({"SHOW_REF", "VALUE_PARAMETER", "COLUMN_DATA", "DELIM_GET"})
_CALLS: Final = frozenset({"FUNCTION", "WINDOW"})


def confirm(connection: DuckDBPyConnection, query: str, used: Collection[str]) -> None:
    """Raise `Invalid` unless the engine, too, reads one SELECT over `used` with listed functions."""
    try:
        answer = json.loads(_one(connection, "SELECT json_serialize_sql(?::VARCHAR)", query))
    except RecursionError as error:
        raise _refused("Nesting this deep") from error
    if answer.get("error"):
        if answer.get("error_type") == "parser":
            return  # the engine says it better itself when it is asked to run it
        raise _refused("This kind of statement")
    trees = answer["statements"]
    if len(trees) != 1:
        raise _refused("More than one statement")
    nodes = list(_walk(trees[0]))
    own = {entry["key"].casefold() for node in nodes for entry in (node.get("cte_map") or {}).get("map", ())}
    tables = own | {name.casefold() for name in used}
    for node in nodes:
        if isinstance(node.get("type"), str):
            _check(node, tables)


def _check(node: dict[str, Any], tables: Collection[str]) -> None:
    kind = node.get("type")
    if kind in _CLOSED:
        raise _refused("This kind of statement")
    if kind == "BASE_TABLE" and _qualified(node, "table_name") | (node["table_name"].casefold() not in tables):
        raise _refused(f"Reading {node['table_name'][:80]!r}")
    if kind == "TABLE_FUNCTION":
        name = node["function"]["function_name"].casefold()
        if name not in SOURCES:
            raise _refused(f"{name[:60]} as a table")
    if node.get("class") in _CALLS:
        # `column.lower()` reads like a function of a schema; what is listed only computes, wherever the engine finds it
        name = node["function_name"].casefold()
        more = AMPLIFIERS | OPERATORS if not _qualified(node, "function_name") else frozenset()
        if name not in FUNCTIONS | SOURCES | more:
            raise _refused(f"The function {name[:60]}")


def _qualified(node: dict[str, Any], name: str) -> bool:
    path = (node.get("qualified_name") or {}).get("path") or [node[name]]
    return len(path) > 1 or bool(node.get("schema") or node.get("schema_name") or node.get("catalog_name"))


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    stack = [value]
    while stack:
        at = stack.pop()
        if isinstance(at, dict):
            yield at
            stack.extend(at.values())
        elif isinstance(at, list):
            stack.extend(at)


def _one(connection: DuckDBPyConnection, statement: str, argument: str) -> str:
    rows = connection.execute(statement, [argument]).fetchall()
    return str(rows[0][0])


def _refused(what: str) -> Invalid:
    return Invalid(f"{what} is not allowed. Write one SELECT over tables of the catalog.", code="sql_not_allowed")
