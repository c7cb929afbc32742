"""Tables in the blob store. What writes them is loaded with the first one, since a server starts far more often."""

from __future__ import annotations

import asyncio
import importlib
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from videovector_core.ports import Blob, Blobs
from videovector_core.sqlsearch.model import Column

_CHUNK: Final = 1024 * 1024
_WRITER: Final = "videovector_adapters.duckdb.parquet"


@frozen
class ParquetTables:
    """Writes tables into the blob store and lends them back as local files (the `Tables` port)."""

    blobs: Blobs

    async def write(self, columns: Sequence[Column], rows: AsyncIterable[Mapping[str, Any]]) -> Blob:
        """Store rows whose cells are in the types of their columns."""
        writer = await asyncio.to_thread(importlib.import_module, _WRITER)
        with tempfile.TemporaryDirectory(prefix="videovector-") as place:
            path = Path(place) / "rows.parquet"
            await writer.write_parquet(path, columns, rows)
            return await self.blobs.put(_chunks(path))

    def lend(self, blob: Blob) -> AbstractAsyncContextManager[Path]:
        """Lend a file that was written."""
        return self.blobs.local(blob.sha256)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
