"""Exports over HTTP: asked for, built by the engine, fetched."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.http.api import Api, serving
from tests.http.world import CLIP, populated
from videovector_adapters.duckdb.tables import ParquetTables
from videovector_adapters.memory.models import ToyDecoder
from videovector_adapters.memory.parts import MemoryBlobs


@pytest.fixture
async def api():
    blobs = MemoryBlobs()
    async with serving(blobs=blobs, decoder=ToyDecoder(blobs), tables=ParquetTables(blobs)) as one:
        yield one


async def built(api: Api, path: str, **body: Any) -> dict[str, Any]:
    """Ask for an export and wait for its end."""
    asked = await api.client.post(path, json=body) if body else await api.client.post(path)
    assert asked.status_code == 202, asked.text
    assert set(asked.json()) == {"export_id", "status"}
    while True:
        found = (await api.client.get(f"/exports/{asked.json()['export_id']}")).json()
        if found["status"] in {"completed", "failed"}:
            return found
        await asyncio.sleep(0.01)


async def test_a_run_becomes_a_file(api):
    """A run export completes, shows exactly 23 keys, and its file says everything that the API says of the run."""
    ids = await populated(api)
    found = await built(api, f"/exports/prompt-run/{ids.run}")
    assert len(found) == 23
    assert found["download_url"] == f"/api/v2/exports/{found['export_id']}/download"
    assert (found["queue_status"], found["destination_type"], found["destination_uri"]) == (
        "succeeded",
        "download",
        None,
    )
    file = await api.client.get(f"/exports/{found['export_id']}/download")
    assert file.status_code == 200
    assert file.headers["content-type"] == "application/json"
    assert int(file.headers["content-length"]) == len(file.content) == found["file_size_bytes"]
    assert found["export_id"] in file.headers["content-disposition"]
    told = file.json()
    assert told["schema_version"] == "1.0"
    media = told["runs"][0]["media"]
    assert [one["video_id"] for one in media] == [ids.video]
    shown = (await api.client.get(f"/videos/{ids.video}/segments", params={"run_id": ids.run})).json()["data"]
    assert [one["segment_id"] for one in media[0]["segments"]] == [one["segment_id"] for one in shown]
