"""The public surface: Litestar routes, wire shapes, server-sent events, MCP and the command line."""

from __future__ import annotations

from videovector_adapters.extras import requires

requires("server", "litestar", "uvicorn", "msgspec", "pydantic_settings", "structlog")
