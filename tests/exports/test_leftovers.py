"""What a delivery leaves behind among the blobs: nothing of its own, and what is another's untouched."""

from __future__ import annotations

import io
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.exports.test_exports import built, connected, file_of
from tests.http.api import serving
from tests.http.world import populated
from videovector_adapters.duckdb.tables import ParquetTables
from videovector_adapters.memory.connectors import MemoryStorage
from videovector_adapters.memory.models import ToyDecoder
from videovector_adapters.memory.parts import MemoryBlobs
from videovector_core.errors import ProcessingFailed


@pytest.fixture
async def api():
    blobs = MemoryBlobs()
    async with serving(
        blobs=blobs, decoder=ToyDecoder(blobs), tables=ParquetTables(blobs), storage=MemoryStorage()
    ) as one:
        yield one


async def test_a_delivery_leaves_the_files_of_others(api):
    """Tables without rows are the same bytes: delivering one leaves that of a download, and a failed one leaves none."""
    ids = await populated(api)
    await api.client.delete(f"/videos/{ids.video}")
    connector, bucket = await connected(api)
    blobs: Any = api.vv.ports.blobs
    path = f"/exports/index/{ids.index}"
    kept = await built(api, path, format="parquet")
    content = await file_of(api, kept)
    assert pq.read_table(io.BytesIO(content)).to_pylist() == []
    there = await built(api, path, format="parquet", destination_connector_id=connector)
    assert bucket.objects[there["destination_uri"].removeprefix("s3://films/")] == content
    assert await file_of(api, kept) == content

    def fail(operation: str, _: str) -> None:
        if operation == "put":
            raise ProcessingFailed("The storage refuses.", code="permission_denied")

    other = await populated(api)
    bucket.fail = fail
    run = f"/exports/prompt-run/{other.run}"
    failed = await built(api, run, format="parquet", destination_connector_id=connector)
    assert failed["status"] == "failed"
    assert not any(data.startswith(b"PAR1") and data != content for data in blobs.kept.values())
