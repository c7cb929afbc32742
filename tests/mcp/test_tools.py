"""Every tool, called by the official client over HTTP and over stdio on an application with one of everything."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from attrs import evolve
from jsonschema_rs import validator_for
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.http.api import Api, on_a_port, serving
from tests.mcp.calling import ANSWERS, called, said
from tests.mcp.seeded import Seeded, seeded
from videovector_adapters.memory.connectors import MemoryStorage
from videovector_http.mcp.catalogue import TOOLS, takes

CONTRACT = Path(__file__).with_name("contract.json")


@pytest.fixture
async def api():
    async with serving(storage=MemoryStorage()) as one:
        yield one


@contextlib.asynccontextmanager
async def connected(api: Api, key: str | None = None, mode: str = "auto") -> AsyncIterator[Client]:
    """Connect the official client to the application over HTTP, without a network."""
    headers = {"X-API-Key": key or api.key}
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(api.app), headers=headers, timeout=30)
    async with http, Client(streamable_http_client("http://testserver/mcp", http_client=http), mode=mode) as client:
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_every_tool_over_http(api, mode):
    """The client lists 48 tools and calls each, and every result fits its published schema."""
    ids = await seeded(api.client, api.finished)
    async with connected(api, mode=mode) as client:
        listed = (await client.list_tools()).tools
        assert len(listed) == len({one.name for one in listed}) == 48
        assert all(one.output_schema and one.output_schema["type"] == "object" for one in listed)
        found = await called(client, ids.arguments())
    assert set(found) >= set(TOOLS) - set(ANSWERS)
    hit = found["search_videos"]["results"][0]
    assert "country" in hit["segment"]["metadata"]["transcription"]
    whole = [one for one in found["search_videos"]["results"] if one["result_type"] == "video"]
    assert found["search_videos"]["segment_enrichment"]["unresolved_results"] == len(whole)
    assert found["list_indexes"]["total_indexes"] == len(found["list_indexes"]["user_indexes"]) == 1
    assert found["list_indexes"]["default_indexes"] == []
    assert found["get_prompt_run_status"]["progress"]["percent"] == 100
    assert found["get_prompt_run_status"]["media_breakdown"]["videos"]["completed"] == 2
    assert found["get_video"]["processing_summary"]["segment_status_totals"]["successful"] == 2
    assert found["list_videos"]["has_more"] is True
    assert found["create_webhook"]["secret"].startswith("whsec_")
    assert found["update_prompt"]["prompt"]["name"] == "Renamed"


@pytest.mark.real
async def test_every_tool_over_stdio(api):
    """`videovector mcp` gives the same tools and the same results through its standard input and output."""
    ids = await seeded(api.client, api.finished)
    async with on_a_port(api) as url:
        start = StdioServerParameters(
            command=sys.executable,
            args=["-m", "videovector_http.cli", "mcp"],
            env={**os.environ, "VIDEOVECTOR_API_KEY": api.key, "VIDEOVECTOR_BASE_URL": f"{url}/api/v2"},
        )
        async with Client(stdio_client(start)) as client:
            assert {one.name for one in (await client.list_tools()).tools} == set(TOOLS)
            found = await called(client, ids.arguments())
    assert set(found) >= set(TOOLS) - set(ANSWERS)
    assert found["search_videos"]["total_results"] > 0


async def test_failures_fit_the_published_schema_as_well(api):
    """Clients that hold a failure against the schema of results read what went wrong; half a result fits nowhere."""
    async with connected(api) as client:
        for tool in (await client.list_tools()).tools:
            if not tool.input_schema.get("required"):
                continue
            assert tool.output_schema is not None
            fits, result = validator_for(tool.output_schema), await client.call_tool(tool.name, {})
            assert (result.is_error, result.structured_content["code"]) == (True, "validation_arguments")
            assert fits.is_valid(result.structured_content), tool.name
            assert not fits.is_valid({"error": True, "code": "half"}), tool.name


@pytest.mark.real
async def test_a_server_that_is_away():
    """Over stdio a server that cannot be reached is an error of each call, and the tools are still listed."""
    start = StdioServerParameters(
        command=sys.executable,
        args=["-m", "videovector_http.cli", "mcp", "--url", "http://127.0.0.1:9/api/v2", "--key", "sk_live_x"],
        env={**os.environ},
    )
    async with Client(stdio_client(start)) as client:
        assert len((await client.list_tools()).tools) == 48
        result = await client.call_tool("list_indexes", {})
        assert (result.is_error, result.structured_content["code"]) == (True, "network_error")


def test_the_tools_of_the_contract():
    """Names, categories and required arguments are those of the published contract."""
    wanted = json.loads(CONTRACT.read_text())
    assert set(wanted) == set(TOOLS)
    for name, (category, does, required, optional) in wanted.items():
        tool = TOOLS[name]
        schema = takes(name)
        assert (tool.category, tool.does) == (category, does), name
        assert set(schema.get("required", ())) == set(required), name
        assert set(required) | set(optional) <= set(schema["properties"]), name
        assert set(schema["properties"]) - set(required) - set(optional) <= {"cursor", "page_size"}, name


async def test_ids_of_another_account_are_nobodys(api):
    """Every tool answers to an id of another account as to one that never was."""
    theirs = await seeded(api.client, api.finished)
    mine = await api.as_user("other")
    owner = dict(api.client.headers)
    api.client.headers["X-API-Key"] = mine["X-API-Key"]
    own = await seeded(api.client, api.finished)
    api.client.headers.update(owner)
    async with connected(api, mine["X-API-Key"]) as client:
        for name in ids_in(theirs):
            foreign, unknown = evolved(own, theirs, name), evolved(own, theirs.strange(), name)
            for tool, arguments in foreign.arguments().items():
                if arguments == own.arguments()[tool]:
                    continue
                first = await client.call_tool(tool, arguments)
                second = await client.call_tool(tool, unknown.arguments()[tool])
                assert plain(first) == plain(second), (tool, name)
                if tool != "get_videos_status":
                    assert first.is_error, (tool, name)
    async with connected(api) as client:
        kept = await client.call_tool("get_prompt", {"prompt_id": theirs.prompt})
        assert kept.structured_content["name"] == "Scene"


def ids_in(ids: Seeded) -> list[str]:
    return [name for name in ids.__annotations__ if name not in {"image", "retry", "connector", "export"}]


def evolved(own: Seeded, other: Seeded, name: str) -> Seeded:
    return evolve(own, **{name: getattr(other, name)})


def plain(result: Any) -> tuple[bool, str]:
    text = re.sub(r"(req|[a-z]+)_[0-9a-f]{20,32}", "#", said(result))
    return result.is_error, re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "now", text)


async def test_a_tool_reaches_as_far_as_its_credential(api):
    """A key that can read reads and cannot write; one that can search only searches."""
    ids = await seeded(api.client, api.finished)
    for scope, allowed in (("search", {"search_videos"}), ("read", {"search_videos", "get_video"})):
        key = (await api.as_user("owner", scope))["X-API-Key"]
        async with connected(api, key) as client:
            for tool in ("search_videos", "get_video", "create_index"):
                result = await client.call_tool(tool, ids.arguments()[tool])
                assert result.is_error == (tool not in allowed), (scope, tool)
                if result.is_error:
                    assert result.structured_content["code"] == "authorization_insufficient_scope"
                    assert result.structured_content["recoverable"] is False


async def test_a_key_makes_one_thing(api):
    """A write that is called twice under one key has one effect; other arguments under it are refused."""
    async with connected(api) as client:
        arguments = {"name": "Once", "idempotency_key": "once"}
        made = [await client.call_tool("create_index", arguments) for _ in range(2)]
        assert made[0].structured_content == made[1].structured_content
        other = await client.call_tool("create_index", {**arguments, "name": "Twice"})
        assert other.structured_content["code"] == "idempotency_request_mismatch"
    assert len((await api.client.get("/indexes")).json()) == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("no_tool", {}, "tool_not_found"),
        ("get_index", {}, "validation_arguments"),
        ("get_index", {"index_id": ".."}, "validation_id"),
        ("get_index", {"index_id": "../prompts"}, "validation_id"),
        ("get_index", {"index_id": "x/videos"}, "validation_id"),
        ("search_videos", {"index_id": "i", "query": "q", "top_k": 101}, "validation_arguments"),
        ("search_videos", {"index_id": "i", "query": " "}, "validation_query"),
        ("list_prompt_runs", {"index_id": "a", "video_id": "b"}, "validation_run_scope"),
        ("list_prompt_runs", {"cursor": "c"}, "validation_cursor"),
        ("create_s3_connector", {"name": "n"}, "validation_arguments"),
    ],
)
async def test_wrong_arguments(api, tool, arguments, code):
    """What is wrong is said with a stable code, and an id cannot lead to another operation."""
    async with connected(api) as client:
        result = await client.call_tool(tool, arguments)
    assert (result.is_error, result.structured_content["code"]) == (True, code)
    assert result.structured_content["suggestion"]


async def test_whole_numbers_as_agents_write_them(api):
    """10.0 and "10" are ten."""
    ids = await seeded(api.client, api.finished)
    async with connected(api) as client:
        for number in (2.0, "2", 2):
            result = await client.call_tool("list_videos", {"index_id": ids.index, "limit": number})
            assert result.structured_content["videos_returned"] == 2
