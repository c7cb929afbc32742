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
    arrived: dict[tuple[str, str], float] = field(factory=dict)
    """When an event came to a path for the first time, by the clock of the loop."""
    requests: int = 0
    silent: str = "/silent"
    """The path at which nobody ever answers."""
    port: int = 0
    _answering: set[asyncio.Task[None]] = field(factory=set)

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a new connection until it ends, or until the receiver does."""
        task = asyncio.create_task(self.answer(reader, writer))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def end(self) -> None:
        """Leave every connection."""
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests of one connection."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            try:
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                    first, *lines = head.split("\r\n")[:-2]
                    fields = dict(line.split(": ", 1) for line in lines)
                    path = first.split()[1]
                    body = await reader.readexactly(int(fields["content-length"]))
                    if path == self.silent:
                        await asyncio.Event().wait()
                    self.requests += 1
                    if body.startswith(b"{") and "x-delivery-id" in fields:
                        self._note(path, json.loads(body), fields["x-delivery-id"])
                    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                    await writer.drain()
            finally:
                writer.close()

    def _note(self, path: str, payload: dict[str, Any], delivery_id: str) -> None:
        self.arrived.setdefault((path, payload["id"]), asyncio.get_running_loop().time())
        self.events[payload["id"]] += 1
        self.deliveries.setdefault(payload["id"], set()).add(delivery_id)


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Listen on a free port."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.connected, "127.0.0.1", 0, backlog=1024)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await receiver.end()
