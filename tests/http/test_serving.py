"""The socket that a server listens on."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final

from videovector_adapters.settings import Settings
from videovector_http.serving import listening

ANYWHERE: Final[dict[str, Any]] = {"host": "127.0.0.1", "port": 0}


async def test_answers_are_sent_without_waiting_for_more():
    """Connections turn Nagle's algorithm off: an answer in two parts would wait for the client's late acknowledgement."""
    found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(accepted, sock=listening(Settings(**ANYWHERE))) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        assert await found
        writer.close()
        await writer.wait_closed()
