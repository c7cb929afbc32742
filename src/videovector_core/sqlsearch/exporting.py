"""The flat rows of exports as columnar files, written by what writes the tables of SQL search."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from typing import Any, Final

from attrs import frozen

from videovector_core.exports.rows import COLUMNS
from videovector_core.ports import Blob
from videovector_core.sqlsearch.model import DOUBLE, JSON, VARCHAR, Column
from videovector_core.sqlsearch.ports import Tables

_TYPES: Final = {"VARCHAR": VARCHAR, "DOUBLE": DOUBLE, "JSON": JSON}
_COLUMNS: Final = tuple(Column(name, _TYPES[kind]) for name, kind in COLUMNS.items())


@frozen
class ExportTables:
    """The `Columnar` port of exports."""

    tables: Tables

    async def write(self, rows: AsyncIterable[Mapping[str, Any]]) -> Blob:
        """Store rows with the columns of an export."""
        return await self.tables.write(_COLUMNS, rows)
