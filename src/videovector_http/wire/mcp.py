"""The pages that help to connect an MCP client, and a place to try its tools."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import JsonObject

Platform: TypeAlias = Literal["claude-desktop", "cursor", "custom", "generic"]


class McpStatus(Shape):
    """What the MCP server is."""

    server_name: str
    server_version: str
    package_name: str
    npm_install_command: str
    documentation_url: str
    tools_count: int
    supported_platforms: list[str]


class McpServer(Shape):
    """How a client starts it."""

    name: str
    command: str
    args: list[str]
    env: dict[str, str]


class McpServerEntry(Shape):
    """The same, in a table under its name."""

    command: str
    args: list[str]
    env: dict[str, str]


class McpConfig(Shape):
    """A configuration to paste: `mcpServers` for desktop clients, `server` for others."""

    platform: Platform
    mcp_servers: dict[str, McpServerEntry] | UnsetType = field(default=UNSET, name="mcpServers")
    server: McpServer | UnsetType = UNSET
    config_path: Annotated[str, Meta(description="Where the client keeps it.")] | None = None
    instructions: str
    key_prefix: Annotated[str, Meta(description="Which key belongs in it.")] | None = None


class McpTool(Shape):
    """A tool, as MCP describes it."""

    name: str
    description: str
    input_schema: JsonObject = field(name="inputSchema")
    category: str | None = None


class McpTools(Shape):
    """All tools."""

    total_count: int
    tools: list[McpTool]
    categories: Annotated[dict[str, list[str]], Meta(description="Names of tools by category.")]


class CallTool(Body):
    """A tool to try."""

    tool_name: Annotated[str, Meta(min_length=1, max_length=100, examples=["list_indexes"])]
    arguments: JsonObject = field(default_factory=dict)


class ToolOutcome(Shape):
    """What it gave."""

    tool_name: str
    success: bool
    result: Any = None
    error: str | None = None
    execution_time_ms: float


class ProtectedResource(Shape):
    """Metadata of the protected resource `/mcp` (RFC 9728)."""

    resource: str
    authorization_servers: list[str] = field(default_factory=list)
    scopes_supported: list[str] = field(default_factory=list)
    bearer_methods_supported: list[str] = field(default_factory=lambda: ["header"])
    resource_name: str | None = None
    resource_documentation: str | None = None
