"""All tools against a real server with one of everything, by the official client, over HTTP and over stdio."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.mcp.calling import ANSWERS, called
from tests.mcp.seeded import PROMPT, Seeded
from tests.server import Server
from videovector_http.mcp.catalogue import TOOLS

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]


@pytest.fixture(scope="module")
def ids(around: dict[str, Any]) -> Seeded:
    """Seed the server: a film and a sound in an index, a finished run over them, and a webhook."""
    with around["server"].http() as http:
        index = http.post("/indexes", json={"name": "Tools"}).json()["index_id"]
        jobs = [_uploaded(http, Path(around[name]), index) for name in ("film", "sound")]
        prompt = http.post("/prompts", json=PROMPT).json()["prompt_id"]
        body = {"prompt_id": prompt, "target": {"type": "index", "index_id": index}}
        run = http.post("/prompt-runs/execute", json=body).json()["run_id"]
        while http.get(f"/prompt-runs/{run}").json()["status"] in {"pending", "processing"}:
            time.sleep(0.1)
        hook = {"name": "n", "url": f"{around['receiver']}/hook", "events": ["prompt_run.completed"]}
        webhook = http.post("/webhooks", json=hook).json()["webhook_id"]
        video = jobs[0]["video_id"]
        rows = http.get(f"/videos/{video}/segments", params={"run_id": run}).json()["data"]
    return Seeded(index, video, rows[0]["segment_id"], prompt, run, webhook, jobs[0]["job_id"])


def _uploaded(http: httpx.Client, path: Path, index: str) -> Any:
    files = {"file": (path.name, path.read_bytes())}
    return http.post("/videos/upload", files=files, data={"title": path.stem, "index_id": index}).json()


def _storage(around: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what leads to real storage, and an account that the server takes for Google's."""
    store = around["store"]
    names = ("bucket", "aws_access_key_id", "aws_secret_access_key")
    return {
        "create_s3_connector": {"region": "us-east-1", **{name: store[name] for name in names}},
        "create_gcs_connector": {"credentials_json": json.loads(Path(around["gcs_key"]).read_text())},
    }


@contextlib.asynccontextmanager
async def over_http(server: Server) -> AsyncIterator[Client]:
    """Connect as a client on another machine does."""
    http = httpx2.AsyncClient(headers={"X-API-Key": server.key}, timeout=60)
    async with http, Client(streamable_http_client(f"{server.url}/mcp", http_client=http)) as client:
        yield client


@contextlib.asynccontextmanager
async def over_stdio(server: Server) -> AsyncIterator[Client]:
    """Start `videovector mcp` as a desktop client does."""
    told = {"VIDEOVECTOR_API_KEY": server.key, "VIDEOVECTOR_BASE_URL": f"{server.url}/api/v2"}
    start = StdioServerParameters(
        command=sys.executable, args=["-m", "videovector_http.cli", "mcp"], env={**os.environ, **told}
    )
    async with Client(stdio_client(start)) as client:
        yield client


@pytest.mark.parametrize("way", [over_http, over_stdio])
async def test_every_tool_on_a_real_server(around: dict[str, Any], ids: Seeded, way: Any) -> None:
    """48 tools are listed, each is called, each result fits its published schema, and storage and receiver are real."""
    arguments = ids.arguments() | {"create_index": {"name": f"Made {way.__name__}"}}
    for name, real in _storage(around).items():
        arguments[name] = {**arguments[name], **real}
    async with way(around["server"]) as client:
        assert {one.name for one in (await client.list_tools()).tools} == set(TOOLS)
        assert len(TOOLS) == 48
        found = await called(client, arguments)
    assert set(found) >= set(TOOLS) - set(ANSWERS)
    assert found["search_videos"]["total_results"] > 0
    assert found["search_videos"]["segment_enrichment"]["failed_groups"] == 0
    assert found["get_prompt_run_status"]["progress"]["percent"] == 100
    assert found["test_connector"]["success"] is True
    assert found["browse_connector_files"]["total_files"] >= 1
    assert found["test_webhook"]["success"] is True
    assert found["get_export_download_url"]["status"] == "completed"
