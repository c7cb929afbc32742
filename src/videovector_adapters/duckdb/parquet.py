"""Typed Parquet files from rows: written in row groups, named by their content."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from attrs import define, field

from videovector_core.sqlsearch.model import Column, SqlType

BATCH: Final = 500
"""Rows converted at a time: some milliseconds during which nothing else runs."""

_SCALARS: Final = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "VARCHAR": pa.string(),
    "JSON": pa.string(),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
}


async def write_parquet(path: Path, columns: Sequence[Column], rows: AsyncIterable[Mapping[str, Any]]) -> int:
    """Write one Parquet file and return the number of its rows; the same rows make the same bytes.

    A row group ends at 100,000 rows or 32 MiB in memory, whichever comes first.
    """
    schema = arrow_schema(columns)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        group = _Group(writer, schema)
        batch: list[Mapping[str, Any]] = []
        async for row in rows:
            batch.append(row)
            if len(batch) == BATCH:
                await asyncio.to_thread(group.add, batch)
                batch = []
        await asyncio.to_thread(group.add, batch)
        await asyncio.to_thread(group.close)
    return group.rows


@define
class _Group:
    writer: Any
    schema: Any
    most_rows: int = 100_000
    most_bytes: int = 32 * 1024 * 1024
    rows: int = 0
    _held: list[Any] = field(factory=list)
    _held_rows: int = 0
    _held_bytes: int = 0

    def add(self, batch: Sequence[Mapping[str, Any]]) -> None:
        """Convert rows and keep them until the row group is full."""
        if not batch:
            return
        converted = pa.RecordBatch.from_pylist(list(batch), schema=self.schema)
        self._held.append(converted)
        self.rows += converted.num_rows
        self._held_rows += converted.num_rows
        self._held_bytes += converted.nbytes
        if self._held_rows >= self.most_rows or self._held_bytes >= self.most_bytes:
            self.close()

    def close(self) -> None:
        """Write what is kept as one row group."""
        if self._held:
            table = pa.Table.from_batches(self._held, schema=self.schema)
            self.writer.write_table(table, row_group_size=self._held_rows)
        self._held, self._held_rows, self._held_bytes = [], 0, 0


def arrow_schema(columns: Sequence[Column]) -> Any:
    """Return the Arrow schema of columns; JSON is text."""
    return pa.schema([pa.field(column.name, arrow_type(column.type)) for column in columns])


def arrow_type(kind: SqlType) -> Any:
    """Return the Arrow type that DuckDB reads as `kind`."""
    if kind.item is not None:
        return pa.list_(arrow_type(kind.item))
    if kind.fields:
        return pa.struct([pa.field(inner.name, arrow_type(inner.type)) for inner in kind.fields])
    return _SCALARS[kind.name]
