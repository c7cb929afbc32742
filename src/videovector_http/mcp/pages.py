"""`/mcp` and the pages that help to connect to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, get_args

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Receive, Scope, Send

from videovector_core import __version__
from videovector_core.access import model as access
from videovector_core.access.model import Caller
from videovector_core.errors import Forbidden, Malformed
from videovector_http.bodies import MAX_IMAGE_JSON
from videovector_http.context import Context
from videovector_http.errors import envelope
from videovector_http.gate import ANY, JWT, PUBLIC
from videovector_http.mcp import catalogue
from videovector_http.mcp.calling import call_tool
from videovector_http.mcp.inside import Inside, needs_extra
from videovector_http.wire import mcp as wire

Asked = Request[Any, Any, Any]

PACKAGE: Final = "@vectormethods/videovector-mcp-server"
METADATA: Final = "/.well-known/oauth-protected-resource/mcp"
_PLACES: Final = {
    "claude-desktop": "~/Library/Application Support/Claude/claude_desktop_config.json",
    "cursor": "~/.cursor/mcp.json",
}


@post(
    "/mcp",
    opt={"scope": ANY, "keyed": False, "category": "read"},
    status_code=200,
    request_max_body_size=MAX_IMAGE_JSON,
)
async def mcp(request: Asked, context: NamedDependency[Context], inside: NamedDependency[Inside]) -> ASGIApp:
    """Speak MCP (streamable HTTP, without sessions): JSON-RPC in, JSON or an event stream out, as `Accept` prefers."""
    needs_extra()
    check_origin(request, context)
    if "mcp-session-id" in request.headers:
        raise Malformed("There are no sessions here; leave Mcp-Session-Id out.", code="session_state_not_supported")
    as_json = _as_json(request.headers.get("accept", ""))
    if as_json is None:
        return _not_acceptable(request)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager  # noqa: PLC0415 - an extra

        from videovector_http.mcp.server import make_server  # noqa: PLC0415 - as above

        async with inside.api(request.headers) as api:
            manager = StreamableHTTPSessionManager(
                make_server(api), json_response=as_json, stateless=True, max_request_body_size=MAX_IMAGE_JSON
            )
            async with manager.run():
                await manager.handle_request(scope, receive, send)  # type: ignore[arg-type]  # the same ASGI by another name

    return serve


@get(METADATA, opt={"scope": PUBLIC})
async def metadata(context: NamedDependency[Context]) -> wire.ProtectedResource:
    """Say who gives credentials for `/mcp` (RFC 9728)."""
    return wire.ProtectedResource(
        resource=f"{context.public_url}/mcp",
        authorization_servers=list(context.authorization_servers),
        scopes_supported=[scope.value for scope in access.Scope],
        resource_name="VideoVector",
        resource_documentation=f"{context.public_url}/api/v2/docs",
    )


@get("/mcp/status", opt={"scope": ANY})
async def mcp_status(context: NamedDependency[Context]) -> wire.McpStatus:
    """Say what the MCP server is."""
    return wire.McpStatus(
        server_name=catalogue.NAME,
        server_version=__version__,
        package_name=PACKAGE,
        npm_install_command=f"npx -y {PACKAGE}",
        documentation_url=f"{context.public_url}/api/v2/docs",
        tools_count=len(catalogue.TOOLS),
        supported_platforms=list(get_args(wire.Platform)),
    )


@get("/mcp/tools", opt={"scope": ANY})
async def mcp_tools() -> wire.McpTools:
    """List the tools with the schemas of their arguments."""
    tools = [
        wire.McpTool(name=one.name, description=one.says, input_schema=catalogue.takes(one.name), category=one.category)
        for one in catalogue.TOOLS.values()
    ]
    return wire.McpTools(total_count=len(tools), tools=tools, categories=catalogue.categories())


@get("/mcp/config", opt={"scope": JWT})
async def mcp_config(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    platform: FromQuery[wire.Platform] = "generic",
) -> wire.McpConfig:
    """Return a configuration to paste; without a key that can read, one is made and shown in it this once."""
    keys = await context.vv.access.keys(caller)
    now = context.now()
    known = [
        key for key in keys if key.active(now) and Caller(key.user_id, frozenset(key.scopes)).may(access.Scope.READ)
    ]
    if known:
        shown, prefix = "<your VideoVector API key>", known[0].key_prefix
        told = f"Put in the key that begins with {prefix}; a key is shown only when it is made."
    else:
        key, secret = await context.vv.access.create_key(caller, name="MCP", scopes=["read"])
        shown, prefix = secret.reveal(), key.key_prefix
        told = "A key that can read was made for this; it is shown this once."
    starts: dict[str, Any] = {
        "command": "npx",
        "args": ["-y", PACKAGE],
        "env": {"VIDEOVECTOR_API_KEY": shown, "VIDEOVECTOR_BASE_URL": f"{context.public_url}/api/v2"},
    }
    listed = platform in _PLACES
    return wire.McpConfig(
        platform=platform,
        mcp_servers={catalogue.NAME: wire.McpServerEntry(**starts)} if listed else msgspec.UNSET,
        server=msgspec.UNSET if listed else wire.McpServer(name=catalogue.NAME, **starts),
        config_path=_PLACES.get(platform),
        instructions=f"{told} Where Python is at hand, `videovector mcp` starts the same tools without Node; a client "
        f"that speaks HTTP connects to {context.public_url}/mcp with the key in X-API-Key.",
        key_prefix=prefix,
    )


@post("/mcp/playground", opt={"scope": ANY, "keyed": False}, status_code=200, request_max_body_size=MAX_IMAGE_JSON)
async def mcp_playground(
    data: JSONBody[wire.CallTool], request: Asked, inside: NamedDependency[Inside]
) -> wire.ToolOutcome:
    """Try a tool; what goes wrong in it is the answer. It reaches as far as the credential does."""
    async with inside.api(request.headers) as api:
        outcome = await call_tool(api, data.tool_name, data.arguments)
    said = f"{outcome.result['code']}: {outcome.result['message']}" if outcome.failed else None
    return wire.ToolOutcome(
        tool_name=data.tool_name,
        success=not outcome.failed,
        result=None if outcome.failed else outcome.result,
        error=said,
        execution_time_ms=outcome.elapsed_ms,
    )


def check_origin(request: Asked, context: Context) -> None:
    """Refuse pages of other sites, and hosts that this server is not known by (DNS rebinding).

    Raises:
        Forbidden: code `forbidden_origin` or `forbidden_host`.
    """
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if context.mcp_hosts and host.lower() not in context.mcp_hosts:
        raise Forbidden("This host is not one of VIDEOVECTOR_MCP_ALLOWED_HOSTS.", code="forbidden_host")
    if origin is None or origin.lower() in {context.public_url.lower(), *context.mcp_origins}:
        return
    raise Forbidden(
        "Pages of this origin may not use /mcp; its operator can name it in VIDEOVECTOR_MCP_ALLOWED_ORIGINS.",
        code="forbidden_origin",
    )


def challenged(
    handler: Callable[[Asked, Exception], Response[bytes]], origin: str
) -> Callable[[Asked, Exception], Response[bytes]]:
    """Return a handler of errors that also says, at `/mcp`, where credentials come from, and answers 405 as JSON-RPC."""
    challenge = f'Bearer resource_metadata="{origin}{METADATA}"'

    def handle(request: Asked, error: Exception) -> Response[bytes]:
        answer = handler(request, error)
        if request.scope["path"] != "/mcp":
            return answer
        if answer.status_code == 401:
            answer.headers["WWW-Authenticate"] = challenge
        if answer.status_code == 405:
            said = {"code": -32000, "message": "There are no sessions here: only POST is answered."}
            answer.content = json.dumps({"jsonrpc": "2.0", "error": said, "id": None}).encode()
        return answer

    return handle


def _as_json(accept: str) -> bool | None:
    """Say whether JSON is preferred to an event stream: what is named first; `None` unless both are accepted."""
    named = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    if "*/*" in named:
        return True
    places = [named.index(one) if one in named else -1 for one in ("application/json", "text/event-stream")]
    return None if -1 in places else places[0] < places[1]


def _not_acceptable(request: Asked) -> ASGIApp:
    body = envelope(
        "not_acceptable",
        "Accept both application/json and text/event-stream.",
        request_id=request.scope["state"]["request_id"],
    )
    return ASGIResponse(body=body, status_code=406, media_type=MediaType.JSON)


ROUTES = [mcp_status, mcp_tools, mcp_config, mcp_playground]
AT_THE_ROOT = [mcp, metadata]
