"""A receiver of webhooks on the loopback, as small and as quick as one can be."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from attrs import define, field


@define
class Receiver:
    """Counts what arrives: events, and the delivery ids under which each of them came."""

    events: Counter[str] = field(factory=Counter)
    deliveries: dict[str, set[str]] = field(factory=dict)
    requests: int = 0
    port: int = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests of one connection."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
                body = await reader.readexactly(int(fields["content-length"]))
                self.requests += 1
                if body.startswith(b"{") and "x-delivery-id" in fields:
                    self._note(json.loads(body), fields["x-delivery-id"])
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        writer.close()

    def _note(self, payload: dict[str, Any], delivery_id: str) -> None:
        self.events[payload["id"]] += 1
        self.deliveries.setdefault(payload["id"], set()).add(delivery_id)


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Listen on a free port."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0, backlog=1024)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
