"""The tools' way into our own HTTP surface without a network: as whoever asked, through the same gate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from attrs import define

from videovector_adapters.extras import requires
from videovector_core.errors import Unavailable
from videovector_http.mcp.api import TIMEOUT, Api

_FORWARDED: Final = ("x-api-key", "authorization", "cookie", "x-csrf-token", "x-request-id", "user-agent")
"""Who asks, and by which id the request is known; nothing else of it is anybody's business further in."""


@define
class Inside:
    """Makes APIs that end in the application itself; `app` is set as soon as there is one."""

    origin: str
    app: Any = None

    @asynccontextmanager
    async def api(self, headers: Mapping[str, str]) -> AsyncIterator[Api]:
        """Open an API for the credential of a request.

        Raises:
            Unavailable: the extra `mcp` is not installed.
        """
        needs_extra()
        import httpx2  # noqa: PLC0415 - brought by the extra that was just asked for

        kept = {name: headers[name] for name in _FORWARDED if name in headers}
        transport = httpx2.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(
            transport=transport, base_url=f"{self.origin}/api/v2", headers=kept, timeout=TIMEOUT
        ) as client:
            yield Api(client)


def needs_extra() -> None:
    """Go on where the official package is installed; `Unavailable` names the extra that brings it."""
    try:
        requires("mcp", "mcp", "httpx2")
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"This server does not speak MCP: {error}.", code="mcp_not_installed", retry_after=3600
        ) from error
