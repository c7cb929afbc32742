"""The MCP server: the official package speaks the protocol, the tools are ours."""

from __future__ import annotations

import json
from typing import Any, Final

from mcp.server.lowlevel.server import Server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from videovector_core import __version__
from videovector_http.mcp.api import Api
from videovector_http.mcp.calling import call_tool
from videovector_http.mcp.catalogue import NAME, TOOLS, gives, hints, takes

INSTRUCTIONS: Final = (
    "Find moments in video, audio and images, and run prompts that extract structured data from them. Begin with "
    "list_indexes; search_videos finds moments with start and end times."
)


def listed() -> list[Tool]:
    """Return the tools as the protocol tells them."""
    return [
        Tool(
            name=one.name,
            description=one.says,
            input_schema=takes(one.name),
            output_schema=gives(one.name),
            annotations=ToolAnnotations.model_validate(hints(one)),
        )
        for one in TOOLS.values()
    ]


def make_server(api: Api) -> Server[Any]:
    """Make a server whose tools act with the credential of `api`."""

    async def list_tools(_: Any, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=listed())

    async def run_tool(_: Any, params: CallToolRequestParams) -> CallToolResult:
        outcome = await call_tool(api, params.name, params.arguments or {})
        text = TextContent(type="text", text=json.dumps(outcome.result, ensure_ascii=False, indent=2))
        return CallToolResult(content=[text], structured_content=outcome.result, is_error=outcome.failed)

    return Server(NAME, version=__version__, instructions=INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=run_tool)
