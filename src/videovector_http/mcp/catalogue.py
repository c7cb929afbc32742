"""All tools, and how they are told: to MCP clients, and on the pages that help to connect."""

from __future__ import annotations

import functools
from typing import Any, Final

from videovector_http.mcp import hooks, library, running, searching, storage
from videovector_http.mcp.tool import READ, REPLACE, Tool, flat, lean, schema

NAME: Final = "videovector"
"""What the server calls itself to clients, and what it is called in their configurations."""
TOOLS: Final[dict[str, Tool]] = {
    one.name: one for one in (*searching.TOOLS, *library.TOOLS, *running.TOOLS, *storage.TOOLS, *hooks.TOOLS)
}

_FAILED: Final = ("error", "code", "message", "recoverable", "suggestion")
"""What every `ToolFailure` has."""


@functools.cache
def takes(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments."""
    return flat(TOOLS[name].takes)


@functools.cache
def gives(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a tool's result, or of why there is none.

    Clients in TypeScript hold failures against it as well (github.com/modelcontextprotocol/typescript-sdk/issues/1943),
    and whoever calls would read of a broken schema instead of what went wrong.
    """
    found: dict[str, Any] = lean(schema(TOOLS[name].gives))
    properties, required = found["properties"], found.pop("required", [])
    if "error" in properties:
        properties["error"] = {"anyOf": [properties["error"], {"const": True}]}
    return {**found, "anyOf": [{"required": required}, {"required": list(_FAILED)}]}


def hints(tool: Tool) -> dict[str, bool]:
    """Return the hints that MCP knows."""
    return {
        "readOnlyHint": tool.does == READ,
        "destructiveHint": tool.does == REPLACE,
        "idempotentHint": tool.does == READ,
        "openWorldHint": True,
    }


def categories() -> dict[str, list[str]]:
    """Return the names of tools by category."""
    found: dict[str, list[str]] = {}
    for one in TOOLS.values():
        found.setdefault(one.category, []).append(one.name)
    return found
