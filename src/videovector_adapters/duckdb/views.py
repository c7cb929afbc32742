"""The SQL that makes a catalogue's tables exist inside the box.

Names come from checked schemas and from ids, and are quoted all the same: hence the S608 exceptions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from videovector_core.fields import FieldPath, Step
from videovector_core.sqlsearch.model import JSON, Kind, SqlType, Table
from videovector_core.sqlsearch.naming import literal, quoted
from videovector_core.sqlsearch.tables import ITEM_INDEX, SYSTEM, outer_indexes


def stored(used: Collection[str], tables: Sequence[Table]) -> tuple[str, ...]:
    """Name the stored tables that a query over `used` reads."""
    named = [table for table in tables if table.name in used]
    wanted = {table.base or table.name for table in named}
    everything = any(table.kind is Kind.UNION for table in named)
    return tuple(
        table.name
        for table in tables
        if table.stored and (table.name in wanted or (everything and table.kind is Kind.SEGMENTS))
    )


def statements(used: Collection[str], tables: Sequence[Table], files: Mapping[str, Path] | None) -> list[str]:
    """Write the statements that make the tables `used`, over files, or empty where `files` is `None`."""
    needed = stored(used, tables)
    made = [_base(table, files) for table in tables if table.name in needed]
    bases = {table.name: table for table in tables}
    made += [
        _items(table, bases[table.base or ""]) for table in tables if table.kind is Kind.ITEMS and table.name in used
    ]
    segments = [table.name for table in tables if table.kind is Kind.SEGMENTS]
    made += [_union(table, segments) for table in tables if table.kind is Kind.UNION and table.name in used]
    return made


def _base(table: Table, files: Mapping[str, Path] | None) -> str:
    if files is None:
        columns = ", ".join(f"{quoted(column.name)} {column.type}" for column in table.columns)
        return f"CREATE TABLE {quoted(table.name)} ({columns})"
    columns = ", ".join(_cast(column.name, column.type) for column in table.columns)
    file = literal(str(files[table.name]))
    return f"CREATE VIEW {quoted(table.name)} AS SELECT {columns} FROM read_parquet({file}){_only(table)}"  # noqa: S608


def _cast(name: str, kind: SqlType) -> str:
    """Files hold JSON as text, also inside structs."""
    return f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" if str(JSON) in str(kind) else quoted(name)


def _only(table: Table) -> str:
    if table.run is None or table.run.only_index_ids is None:
        return ""
    return f" WHERE index_id IN ({', '.join(map(literal, table.run.only_index_ids)) or 'NULL'})"


def _union(table: Table, needed: Sequence[str]) -> str:
    columns = ", ".join(quoted(column.name) for column in SYSTEM)
    parts = [f"SELECT {columns} FROM {quoted(name)}" for name in needed]  # noqa: S608
    nothing = ", ".join(f"CAST(NULL AS {column.type}) AS {quoted(column.name)}" for column in SYSTEM)
    body = " UNION ALL ".join(parts) or f"SELECT {nothing} WHERE FALSE"
    return f"CREATE VIEW {quoted(table.name)} AS {body}"


def _items(table: Table, base: Table) -> str:
    """Unfold the positions of an array, and reach every field of an item through its position.

    Only positions are unfolded, so a query pays for the fields that it reads and no others.
    """
    arrays = tuple(_arrays(table.array or FieldPath()))
    root = next(column for column in base.columns if column.path == arrays[0])
    names = (*outer_indexes(arrays[-1]), ITEM_INDEX)
    held, kind, source = quoted(root.name), root.type, quoted(base.name)
    for depth, array in enumerate(arrays):
        if depth:
            held, kind = _reach(f"{held}[_i{depth - 1} + 1]", kind.item, array.steps[len(arrays[depth - 1].steps) :])
        counted = held if depth else _shortest(base, array, held)
        source = f"(SELECT *, unnest(range(len({counted}))) AS _i{depth} FROM {source})"  # noqa: S608 - quoted
    cells = [quoted(column.name) for column in table.columns if column.path is None and column.name not in names]
    cells += [f"_i{depth} AS {quoted(name)}" for depth, name in enumerate(names)]
    for column in table.columns:
        if column.path is not None:
            steps = column.path.steps[len(arrays[-1].steps) :]
            direct = _flat(base, column.path) if len(arrays) == 1 else None
            value = f"{direct}[_i0 + 1]" if direct else _reach(f"{held}[_i{len(arrays) - 1} + 1]", kind.item, steps)[0]
            cells.append(f"{value} AS {quoted(column.name)}")
    return f"CREATE VIEW {quoted(table.name)} AS SELECT {', '.join(cells)} FROM {source}"  # noqa: S608 - quoted


def _flat(base: Table, path: FieldPath) -> str | None:
    """Name the column that holds a leaf of every item as a plain list, which is cheaper to read than whole items."""
    if path.steps and path.steps[-1].many:
        return None
    return next(
        (quoted(c.name) for c in base.columns if c.path == path and c.type.item and not c.type.item.fields), None
    )


def _shortest(base: Table, array: FieldPath, otherwise: str) -> str:
    leaves = (column.path for column in base.columns if column.path and column.path.array == array)
    return next((name for path in leaves if (name := _flat(base, path))), otherwise)


def _arrays(array: FieldPath) -> Iterator[FieldPath]:
    """Yield the arrays that lead to an array, outermost first, itself last."""
    for place, step in enumerate(array.steps, 1):
        if step.many:
            yield FieldPath(array.steps[:place])


def _reach(expression: str, kind: SqlType | None, steps: Sequence[Step]) -> tuple[str, SqlType]:
    """Write the access to a property inside a struct, and tell its type."""
    for step in steps:
        field = next(field for field in kind.fields if field.key == step.name) if kind else None
        if field is None:
            raise LookupError(f"{expression} has no field {step.name}")
        expression, kind = f"{expression}.{quoted(field.name)}", field.type
    if kind is None:
        raise LookupError(f"{expression} has no type")
    return expression, kind
