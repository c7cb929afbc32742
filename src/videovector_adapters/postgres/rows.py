"""Rows and values: a table's columns are named like the fields of an attrs class, and nothing else binds the two."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import attrs
from attrs import define, field, frozen
from psycopg import AsyncConnection
from psycopg.rows import BaseRowFactory, tuple_row
from psycopg.types.json import Json

T = TypeVar("T")

BATCH: Final = 5_000
"""Rows that one statement carries: enough to be quick, little enough to hold in memory."""

_TYPES: Final = {
    "int": "bigint",
    "float": "double precision",
    "bool": "boolean",
    "datetime": "timestamptz",
    "bytes": "bytea",
}


def document(value: Any) -> Json | None:
    """Prepare a JSON document for a `json` column; the order of properties stays."""
    return None if value is None else Json(value, dumps=encoded)


def encoded(value: Any) -> str:
    """Return the text of a JSON document."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if attrs.has(type(value)):
        return attrs.asdict(value, recurse=False)
    raise TypeError(f"{type(value).__name__} is no JSON")


@frozen
class Shape(Generic[T]):
    """A table and the class of its rows.

    Args:
        table: its name.
        kind: the attrs class.
        key: the columns of the primary key.
        documents: the columns that hold JSON.
        revive: changes a row's values where the class does not do it by itself.
    """

    table: str
    kind: type[T]
    key: tuple[str, ...]
    documents: tuple[str, ...] = ()
    revive: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    names: tuple[str, ...] = field(init=False)
    columns: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        fields = attrs.fields_dict(self.kind)  # type: ignore[arg-type]  # every kind is an attrs class
        object.__setattr__(self, "names", tuple(fields))
        object.__setattr__(self, "columns", ", ".join(f'"{name}"' for name in fields))

    def select(self, rest: str) -> str:
        """Return a query of all columns; `rest` begins with WHERE or with a join."""
        return f"SELECT {self.of('t')} FROM {self.table} t {rest}"  # noqa: S608 - names of columns and tables only

    def of(self, alias: str) -> str:
        """Return the columns, each under an alias of the table."""
        return ", ".join(f'{alias}."{name}"' for name in self.names)

    def insert(self, conflict: str = "") -> str:
        """Return an INSERT of one row."""
        places = ", ".join(["%s"] * len(self.names))
        return f"INSERT INTO {self.table} ({self.columns}) VALUES ({places}) {conflict}"  # noqa: S608 - as above

    def insert_many(self, conflict: str = "") -> str:
        """Return an INSERT whose parameters are one array for each column."""
        arrays = ", ".join(f"%s::{self._type(name)}[]" for name in self.names)
        given = ", ".join(f'g."{name}"::json' if name in self.documents else f'g."{name}"' for name in self.names)
        return (
            f"INSERT INTO {self.table} ({self.columns}) "  # noqa: S608 - as above
            f"SELECT {given} FROM unnest({arrays}) AS g ({self.columns}) {conflict}"
        )

    def update(self, extra: str = "") -> str:
        """Return an UPDATE of the row with the same key; parameters are those of `changes`."""
        sets = ", ".join(f'"{name}" = %s' for name in self.names if name not in self.key)
        keys = " AND ".join(f'"{name}" = %s' for name in self.key)
        return f"UPDATE {self.table} SET {sets} WHERE {keys} {extra}"  # noqa: S608 - as above

    def overwrite(self) -> str:
        """Return the clause that makes an INSERT replace the row of the same key."""
        sets = ", ".join(f'"{name}" = excluded."{name}"' for name in self.names if name not in self.key)
        return f"ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {sets}"

    def values(self, row: T) -> list[Any]:
        """Return the parameters of `insert`."""
        return [self._given(name, getattr(row, name)) for name in self.names]

    def changes(self, row: T) -> list[Any]:
        """Return the parameters of `update`."""
        last = [name for name in self.names if name not in self.key] + list(self.key)
        return [self._given(name, getattr(row, name)) for name in last]

    def arrays(self, rows: Sequence[T]) -> list[list[Any]]:
        """Return the parameters of `insert_many`."""
        return [self._column(name, [getattr(row, name) for row in rows]) for name in self.names]

    def made(self, names: Sequence[str], values: Sequence[Any]) -> T:
        """Make a value of a row."""
        row = dict(zip(names, values, strict=True))
        return self.kind(**(self.revive(row) if self.revive else row))

    def factory(self) -> BaseRowFactory[T]:
        """Return what makes values of the rows of a cursor."""

        def rows_of(cursor: Any) -> Callable[[Sequence[Any]], T]:
            # not from `description`, which asks for the type and size of every column as well
            found = cursor.pgresult
            names = [found.fname(place).decode() for place in range(found.nfields)] if found else []
            return lambda values: self.made(names, values)

        return rows_of

    def _given(self, name: str, value: Any) -> Any:
        if name in self.documents:
            return document(value)
        return list(value) if isinstance(value, tuple | list) else value

    def _column(self, name: str, values: list[Any]) -> list[Any]:
        """Give the values of a column one type, as an array needs it."""
        if name in self.documents:
            return [None if value is None else encoded(value) for value in values]
        if self._type(name) == "double precision":
            return [None if value is None else float(value) for value in values]
        return values

    def _type(self, name: str) -> str:
        told = str(attrs.fields_dict(self.kind)[name].type)  # type: ignore[arg-type]  # every kind is an attrs class
        return _TYPES.get(told.removesuffix(" | None"), "text")


@define
class Session:
    """What every store stands on: one connection inside one transaction, and the topics to ring for at its end."""

    connection: AsyncConnection[Any]
    rings: set[str] = field(factory=set)

    async def many(self, shape: Shape[T], rest: str, values: Sequence[Any] = ()) -> list[T]:
        """Return the rows of a query as values."""
        return await self.fetch(shape, shape.select(rest), values)

    async def fetch(
        self,
        shape: Shape[T],
        statement: str,
        values: Sequence[Any] | Mapping[str, Any] = (),
        *,
        prepare: bool | None = None,
    ) -> list[T]:
        """Run a statement that returns the columns of a shape; `prepare=False` has it planned anew every time."""
        async with self.connection.cursor(row_factory=shape.factory()) as cursor:
            await cursor.execute(statement, values, prepare=prepare)
            return await cursor.fetchall()

    async def one(self, shape: Shape[T], rest: str, values: Sequence[Any] = ()) -> T | None:
        """Return the first row of a query as a value."""
        found = await self.many(shape, rest, values)
        return found[0] if found else None

    async def run(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> int:
        """Run a statement and return how many rows it touched."""
        async with self.connection.cursor() as cursor:
            await cursor.execute(statement, values)
            return cursor.rowcount

    async def rows(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows as they are."""
        async with self.connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()

    async def value(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """Run a statement and return the one value of its one row, `None` when there is no row."""
        found = await self.rows(statement, values)
        return found[0][0] if found else None

    async def add(self, shape: Shape[T], row: T) -> bool:
        """Insert a row; false when a unique key is taken."""
        return await self.run(shape.insert("ON CONFLICT DO NOTHING"), shape.values(row)) == 1

    async def replace(self, shape: Shape[T], row: T) -> None:
        """Replace the row of the same key, if it is there."""
        await self.run(shape.update(), shape.changes(row))

    async def add_many(self, shape: Shape[T], rows: Sequence[T], conflict: str = "ON CONFLICT DO NOTHING") -> None:
        """Insert rows in batches."""
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            await self.run(shape.insert_many(conflict), shape.arrays(batch))


def before(after: tuple[Any, ...] | None, columns: str) -> tuple[str, list[Any]]:
    """Return the condition, to be put behind another one, that continues a falling order after a place."""
    return _beyond(after, columns, "<")


def beyond(after: tuple[Any, ...] | None, columns: str) -> tuple[str, list[Any]]:
    """Return the condition, to be put behind another one, that continues a rising order after a place."""
    return _beyond(after, columns, ">")


def _beyond(after: tuple[Any, ...] | None, columns: str, sign: str) -> tuple[str, list[Any]]:
    if after is None:
        return "", []
    return f"AND ({columns}) {sign} ({', '.join(['%s'] * len(after))})", list(after)


def locking(lock: bool) -> str:
    """Return the clause that holds the rows of a query until the transaction ends, or nothing."""
    return "FOR NO KEY UPDATE" if lock else ""
