"""A reader of the event stream, straight on the application: it sees every byte as it is sent, and can stall."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from attrs import define, field


@define
class Reader:
    """What one open stream has brought so far."""

    status: int = 0
    headers: dict[str, str] = field(factory=dict)
    received: bytearray = field(factory=bytearray)
    ended: bool = False
    stalled: bool = False
    _news: asyncio.Event = field(factory=asyncio.Event)
    _left: asyncio.Event = field(factory=asyncio.Event)
    _flow: asyncio.Event = field(factory=asyncio.Event)
    _asked: bool = False

    async def receive(self) -> dict[str, Any]:
        """Give the request once, and say when the reader is gone."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take what the server sends; a stalled reader takes nothing more."""
        while self.stalled:
            self._flow.clear()
            await self._flow.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.received += message.get("body", b"")
            self.ended = not message.get("more_body", False)
        self._news.set()

    async def news(self) -> None:
        """Wait until something more arrives."""
        self._news.clear()
        await self._news.wait()

    def over(self, _: object) -> None:
        """Note that nothing more will come."""
        self.ended = True
        self._news.set()

    def go_on(self) -> None:
        """Read again."""
        self.stalled = False
        self._flow.set()

    async def until(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many events and return them."""
        while len(found := parsed(bytes(self.received))) < count and not self.ended:
            self._news.clear()
            await self._news.wait()
        return found

    async def end(self) -> bytes:
        """Wait until the server ends the stream."""
        while not self.ended:
            self._news.clear()
            await self._news.wait()
        return bytes(self.received)

    def leave(self) -> None:
        """Close the connection."""
        self._left.set()


@contextlib.asynccontextmanager
async def reading(app: Any, headers: Mapping[str, str], query: str = "") -> AsyncIterator[Reader]:
    """Open a stream and close it at the end."""
    reader = Reader()
    path = "/api/v2/processing/events/stream"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
        "state": {},
    }
    task = asyncio.create_task(app(scope, reader.receive, reader.send))
    task.add_done_callback(reader.over)
    try:
        while not reader.status and not task.done():
            await asyncio.sleep(0)
        yield reader
    finally:
        reader.go_on()
        reader.leave()
        await task


def parsed(stream: bytes) -> list[dict[str, Any]]:
    """Return the whole events of a stream, as a client sees them: a block that is cut counts for nothing."""
    found = []
    for block in stream.decode(errors="ignore").split("\n\n")[:-1]:
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "data" in lines:
            found.append({"id": lines.get("id"), "event": lines["event"], "data": json.loads(lines["data"])})
    return found


def last_id(stream: bytes) -> str | None:
    """Return the id that a client would resume from after this much of a stream."""
    ids = [
        line.removeprefix("id: ")
        for block in stream.decode(errors="ignore").split("\n\n")[:-1]
        for line in block.split("\n")
        if line.startswith("id: ")
    ]
    return ids[-1] if ids else None
