"""`videovector mcp`: the tools over standard input and output, for a server that runs elsewhere."""

from __future__ import annotations

import httpx2
from mcp.server.stdio import stdio_server

from videovector_core import __version__
from videovector_http.mcp.api import TIMEOUT, Api
from videovector_http.mcp.server import make_server


async def speak(base_url: str, key: str) -> int:
    """Serve one client until its input ends."""
    headers = {"X-API-Key": key, "User-Agent": f"videovector-mcp/{__version__}", "Accept": "application/json"}
    async with (
        httpx2.AsyncClient(base_url=base_url.rstrip("/"), headers=headers, timeout=TIMEOUT) as client,
        stdio_server() as (incoming, outgoing),
    ):
        server = make_server(Api(client))
        await server.run(incoming, outgoing, server.create_initialization_options())
    return 0
