"""`/mcp` as HTTP, and the pages that help to connect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema_rs import meta

from tests.http.api import Api, serving
from tests.http.world import PROMPT
from videovector_adapters.settings import Settings
from videovector_http.mcp.catalogue import TOOLS, gives, takes
from videovector_http.serving import make_context

URL = "http://testserver/mcp"
BOTH = "application/json, text/event-stream"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.fixture
async def api():
    async with serving() as one:
        yield one


def call(name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


async def sent(api: Api, body: Any, **headers: str) -> Any:
    return await api.client.post(URL, json=body, headers={"Accept": BOTH, **headers})


def bare(api: Api) -> None:
    """Send no key any more."""
    del api.client.headers["X-API-Key"]


async def test_json_or_a_stream(api):
    """The client gets what it names first, and needs no session before it calls."""
    answer = await sent(api, call("list_indexes"))
    assert answer.headers["content-type"] == "application/json"
    assert "mcp-session-id" not in answer.headers
    told = answer.json()["result"]
    assert told["structuredContent"]["total_indexes"] == 0
    assert json.loads(told["content"][0]["text"]) == told["structuredContent"]
    answer = await sent(api, call("list_indexes"), Accept="text/event-stream, application/json")
    assert answer.headers["content-type"].startswith("text/event-stream")
    data = next(line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {"))
    assert json.loads(data)["result"]["structuredContent"] == told["structuredContent"]


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "text/html", ""])
async def test_a_client_must_accept_both(api, accept):
    """Who takes only one of the two is told so."""
    answer = await sent(api, LIST, Accept=accept)
    assert (answer.status_code, answer.json()["error"]["code"]) == (406, "not_acceptable")


async def test_credentials(api):
    """Without a credential or with a wrong one the answer says where credentials come from; a bearer is one too."""
    key = api.key
    bare(api)
    for headers in ({}, {"X-API-Key": "sk_live_" + "0" * 48}, {"Authorization": "Bearer nonsense"}):
        answer = await sent(api, LIST, **headers)
        assert (answer.status_code, answer.json()["error"]["code"][:14]) == (401, "authentication")
        challenge = answer.headers["www-authenticate"]
        where = challenge.removeprefix('Bearer resource_metadata="').rstrip('"')
        assert (await api.client.get(where)).json()["resource"] == URL
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}, api.bearer()):
        assert (await sent(api, call("list_indexes"), **headers)).json()["result"]["isError"] is False


async def test_there_are_no_sessions(api):
    """GET and DELETE are 405 in the words of JSON-RPC, and a session id is refused."""
    for method in ("GET", "DELETE"):
        answer = await api.client.request(method, URL)
        assert (answer.status_code, answer.json()["error"]["code"]) == (405, -32000)
        assert "POST" in answer.headers["allow"]
    answer = await sent(api, LIST, **{"Mcp-Session-Id": "a"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "session_state_not_supported")


async def test_origins_and_hosts():
    """Pages of other origins are refused unless named; where hosts are named, others are refused."""
    about = {"mcp_hosts": frozenset({"testserver"}), "mcp_origins": frozenset({"https://tools.example.com"})}
    async with serving(about=about) as api:
        for origin in ("http://testserver", "https://tools.example.com"):
            assert (await sent(api, LIST, Origin=origin)).status_code == 200
        for origin in ("https://evil.example.com", "http://testserver.evil.example.com", "null"):
            answer = await sent(api, LIST, Origin=origin)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden_origin")
        answer = await sent(api, LIST, Host="rebound.example.com")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden_host")


async def test_rate_limits_count_tools():
    """What a tool asks for counts as the same request would by itself, and the refusal reaches the agent."""
    from videovector_core.access.leases import Limiter
    from videovector_core.access.ratelimit import parse
    from videovector_core.testing.buckets import MemoryBuckets

    limiter = Limiter(MemoryBuckets(lambda: 0.0), parse("write=1/min;read=off;search=off"))
    async with serving(about={"limiter": limiter}) as api:
        first, second = [(await sent(api, call("create_index", name="a"))).json()["result"] for _ in range(2)]
        assert first["isError"] is False
        assert second["structuredContent"]["code"] == "rate_limit_exceeded"
        assert second["structuredContent"]["recoverable"] is True


async def test_status_and_tools(api):
    """The pages tell the same tools as the protocol, each with a schema that is one and needs no reference."""
    status = (await api.client.get("/mcp/status")).json()
    assert (status["server_name"], status["tools_count"]) == ("videovector", 48)
    told = (await api.client.get("/mcp/tools")).json()
    listed = (await sent(api, LIST)).json()["result"]["tools"]
    assert told["total_count"] == len(told["tools"]) == 48
    assert [one["inputSchema"] for one in told["tools"]] == [one["inputSchema"] for one in listed]
    assert sorted(name for names in told["categories"].values() for name in names) == sorted(TOOLS)
    for name in TOOLS:
        assert "$ref" not in json.dumps(takes(name))
        for schema in (takes(name), gives(name)):
            assert meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
            assert schema["type"] == "object"
    assert {one["name"] for one in listed if one["annotations"]["readOnlyHint"]} == {
        one.name for one in TOOLS.values() if one.does == "read"
    }


async def test_a_configuration_to_paste(api):
    """It needs a signed-in user; a key is made where none can read, shown once, and a known one is only named."""
    refused = await api.client.get("/mcp/config")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "authorization_jwt_required")
    user = await api.vv.access.ensure_user("other")
    bare(api)
    bearer = {"Authorization": f"Bearer {api.tokens.issue(user.user_id)}"}
    first = (await api.client.get("/mcp/config", params={"platform": "claude-desktop"}, headers=bearer)).json()
    entry = first["mcpServers"]["videovector"]
    key = entry["env"]["VIDEOVECTOR_API_KEY"]
    assert "server" not in first
    assert first["config_path"]
    answer = await sent(api, call("list_indexes"), **{"X-API-Key": key})
    assert answer.json()["result"]["isError"] is False
    second = (await api.client.get("/mcp/config", params={"platform": "custom"}, headers=bearer)).json()
    assert key not in json.dumps(second)
    assert second["server"]["name"] == "videovector"
    assert second["key_prefix"] == first["key_prefix"]
    assert len(await api.vv.access.keys(await api.vv.access.caller_with_key(key))) == 1


async def test_the_metadata_names_the_issuer_of_the_settings(api):
    """The context of a server that trusts an issuer holds it for whoever asks where credentials come from."""
    trusted = Settings.load(secret_key="k" * 43 + "=", oidc_issuer="https://id.example.com", oidc_audience="vv")
    assert make_context(trusted, api.vv).authorization_servers == ("https://id.example.com",)


async def test_the_playground(api):
    """A tool can be tried; what goes wrong in it is the answer; it reaches as far as the credential."""
    answer = await api.client.post("/mcp/playground", json={"tool_name": "create_prompt", "arguments": PROMPT})
    told = answer.json()
    assert (answer.status_code, told["success"], told["error"]) == (200, True, None)
    assert told["result"]["prompt"]["name"] == PROMPT["name"]
    assert told["execution_time_ms"] > 0
    wrong = (await api.client.post("/mcp/playground", json={"tool_name": "none"})).json()
    assert (wrong["success"], wrong["result"]) == (False, None)
    assert wrong["error"].startswith("tool_not_found")
    reader = await api.as_user("reader", "read")
    body = {"tool_name": "create_index", "arguments": {"name": "a"}}
    refused = (await api.client.post("/mcp/playground", json=body, headers=reader)).json()
    assert refused["error"].startswith("authorization_insufficient_scope")


async def test_without_the_package(api, monkeypatch):
    """Where the package is not installed, `/mcp` says which extra brings it and the tools are listed all the same."""
    monkeypatch.setattr("videovector_adapters.extras.find_spec", lambda _: None)
    answer = await sent(api, LIST)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "mcp_not_installed")
    assert "videovector-core[mcp]" in answer.json()["error"]["message"]
    assert (await api.client.get("/mcp/tools")).json()["total_count"] == 48


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"jsonrpc": "2.0"}', b'{"jsonrpc": "1.0", "id": 1, "method": "tools/list"}']
)
async def test_what_is_no_message(api, body):
    """What is no message of the protocol is the client's mistake."""
    answer = await api.client.post(URL, content=body, headers={"Accept": BOTH, "Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
