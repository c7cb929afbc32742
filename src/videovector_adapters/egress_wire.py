"""One HTTP/1.1 exchange on a connection that is already made, with limits on every part of the answer.

Nothing is decompressed, no redirect is followed and no connection is kept.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import h11
from attrs import define, field, frozen

from videovector_core.errors import ProcessingFailed

MAX_HEAD: Final = 64 * 1024
_PATIENCE: Final = 30.0  # seconds of silence that any server may take ...
_SLOWEST: Final = 16 * 1024  # ... and the bytes per second that it must keep up beyond them
_OURS: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "keep-alive"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}
)


@frozen
class Head:
    """The beginning of an answer; header names are lowercase, repeated ones joined by commas."""

    status: int
    headers: Mapping[str, str]


@contextmanager
def translated() -> Iterator[None]:
    """Turn what goes wrong on the network into `ProcessingFailed`, with no word of what the other side sent."""
    try:
        yield
    except TimeoutError as error:
        raise ProcessingFailed("The server was too slow; try again later.", code="timeout", transient=True) from error
    except ssl.SSLCertVerificationError as error:
        raise unreachable("its certificate cannot be verified") from error
    except ssl.SSLError as error:
        raise unreachable("it does not speak TLS as it should") from error
    except h11.RemoteProtocolError as error:
        raise unreachable("it does not speak HTTP as it should") from error
    except OSError as error:
        raise unreachable("the connection failed") from error


def unreachable(reason: str) -> ProcessingFailed:
    """Say that the server could not be reached, which another try may mend."""
    return ProcessingFailed(f"The server cannot be reached: {reason}.", code="unreachable", transient=True)


def too_large(limit: int) -> ProcessingFailed:
    """Say that the answer went over `limit` bytes."""
    return ProcessingFailed(
        f"The server sends more than {limit} bytes; give a smaller file.", code="response_too_large"
    )


def request(method: str, host: str, target: str, headers: Mapping[str, str], length: int | None) -> h11.Request:
    """Build the request before anything is dialled; a header that would break the framing is a `ValueError`."""
    if taken := {name.lower() for name in headers} & _OURS:
        raise ValueError(f"these headers are set by the door: {sorted(taken)}")
    framing = {} if length is None else {"Content-Length": str(length)}
    fixed = {"Host": host, "Accept-Encoding": "identity", "Connection": "close", **framing}
    try:
        return h11.Request(method=method, target=target, headers=list({**fixed, **headers}.items()))
    except h11.LocalProtocolError as error:
        raise ValueError("a header has characters that headers cannot have") from error


@define
class Pace:
    """Two limits on time: `deadline` (of the loop's clock) for everything, and a slowest rate over the time spent waiting."""

    deadline: float
    _waited: float = field(default=0.0, init=False)
    _received: int = field(default=0, init=False)

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """Read what there is, up to 64 KiB, or raise `TimeoutError`."""
        clock = asyncio.get_running_loop().time
        start = clock()
        credit = _PATIENCE + self._received / _SLOWEST - self._waited
        async with asyncio.timeout_at(min(self.deadline, start + credit)):
            data = await reader.read(64 * 1024)
        self._waited += clock() - start
        self._received += len(data)
        return data


@define
class Exchange:
    """A request that is sent and the answer to it: `send`, then `head`, then `chunks` to its end or as far as wanted."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    pace: Pace
    _raw: int = field(default=0, init=False)
    _state: h11.Connection = field(factory=lambda: h11.Connection(h11.CLIENT), init=False)

    async def send(self, request: h11.Request, body: bytes | None) -> None:
        """Send the request. A server that answers before it has read everything is heard all the same."""
        events = [request, *([h11.Data(body)] if body else []), h11.EndOfMessage()]
        self.writer.write(b"".join(self._state.send(event) or b"" for event in events))
        async with asyncio.timeout_at(self.pace.deadline):
            try:
                await self.writer.drain()
            except (BrokenPipeError, ConnectionResetError):
                return

    async def head(self) -> Head:
        """Read up to the final status; interim ones count towards the 64 KiB that a head may have."""
        while not isinstance(event := await self._next(MAX_HEAD), h11.Response):
            pass
        headers: dict[str, str] = {}
        for name, value in event.headers:
            known, text = name.decode("ascii"), value.decode("latin-1")
            headers[known] = f"{headers[known]}, {text}" if known in headers else text
        return Head(event.status_code, headers)

    async def chunks(self, max_bytes: int) -> AsyncGenerator[bytes]:
        """Yield the body as it comes, at most `max_bytes` of it, and raise `response_too_large` when there is more."""
        left, raw = max_bytes, self._raw + 2 * max_bytes + MAX_HEAD  # framing may cost as much as the body, not more
        while True:
            with translated():
                event = await self._next(raw)
            if not isinstance(event, h11.Data):
                return
            data = bytes(event.data)
            if len(data) > left:
                if left:
                    yield data[:left]
                raise too_large(max_bytes)
            left -= len(data)
            yield data

    async def content(self, limit: int) -> tuple[bytes, bool]:
        """Read the body up to `limit` bytes, and tell whether there was more."""
        content = bytearray()
        try:
            async for chunk in self.chunks(limit):
                content += chunk
        except ProcessingFailed as error:
            if error.code != "response_too_large":
                raise
            return bytes(content), True
        return bytes(content), False

    async def _next(self, max_raw: int) -> Any:
        while (event := self._state.next_event()) is h11.NEED_DATA:
            data = await self.pace.read(self.reader)
            self._raw += len(data)
            if self._raw > max_raw:
                raise too_large(max_raw)
            self._state.receive_data(data)
        return event
