"""`GET /processing/events/stream`: the event log as server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final

import msgspec
from attrs import frozen
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, HeaderParameter, QueryParameter
from litestar.types import ASGIApp

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid, VideoVectorError
from videovector_core.events.model import STREAM_EVENTS, Event, EventFilter
from videovector_core.events.stream import CursorExpired, Place
from videovector_http.context import Context
from videovector_http.wire.convert import out
from videovector_http.wire.events import ProcessingEvent

MAX_NAMES: Final = 500
RETRY_MS: Final = 1000
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


@frozen
class EventStream:
    """The answer as an ASGI application; it ends when the reader leaves or the server stops, and tells of its errors."""

    context: Context
    caller: Caller
    wanted: EventFilter
    batch: int
    place: Place | CursorExpired

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        """Send the stream."""
        await stream(self.context, self.caller, self._frames(), receive, send)

    async def _frames(self) -> AsyncGenerator[bytes, None]:
        """Write events, and comments while there are none; the first frame tells a place to resume from."""
        try:
            if isinstance(self.place, CursorExpired):
                raise self.place
            yield f"retry: {RETRY_MS}\nid: {self.place.event_id}\n\n".encode()
            events = self.context.vv.streams.follow(self.caller.user_id, self.place, self.wanted, batch=self.batch)
            async with contextlib.aclosing(events):
                async for found in events:
                    yield b"".join(map(written, found)) if found else b": heartbeat\n\n"
        except CursorExpired as error:
            yield self._told("processing.gap", error.details)
            yield self._failed(error)
        except VideoVectorError as error:
            yield self._failed(error)

    def _failed(self, error: VideoVectorError) -> bytes:
        return self._told(
            "processing.stream_error", {"code": error.code, "message": error.message, "details": error.details}
        )

    def _told(self, name: str, payload: dict[str, Any]) -> bytes:
        """Write an event of the stream itself; it has no id, so that it is no place to resume from."""
        now, user_id = self.context.now(), self.caller.user_id
        told = out({"event_id": "", "event_type": name, "user_id": user_id, "created_at": now}, ProcessingEvent,
                   payload=payload)  # fmt: skip
        return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(told))


async def stream(
    context: Context,
    caller: Caller,
    frames: AsyncGenerator[bytes, None],
    receive: Any,
    send: Any,
    *more: tuple[bytes, bytes],
) -> None:
    """Send frames until they end, the reader leaves or the server stops; `more` are further headers."""
    with context.vv.streams.admitted(caller):
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *more]})
        parts = [_pump(frames, send), _gone(receive), context.stopping.wait()]
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):  # one that does not read must not hold up the end of the server
            async with asyncio.timeout(1):
                await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _pump(frames: AsyncGenerator[bytes, None], send: Any) -> None:
    async with contextlib.aclosing(frames):
        async for frame in frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})


def written(event: Event) -> bytes:
    """Write one event as it stands in the stream."""
    data = msgspec.json.encode(out(event, ProcessingEvent))
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (event.event_id.encode(), event.event_type.encode(), data)


@get("/processing/events/stream", opt={"scope": Scope.READ}, media_type="text/event-stream")
async def stream_events(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
    run_id: FromQuery[str | None] = None,
    index_id: FromQuery[str | None] = None,
    video_ids: FromQuery[list[str] | None] = None,
    event_types: FromQuery[list[str] | None] = None,
    batch_size: Annotated[int, QueryParameter(ge=1, le=500, description="Events read at once.")] = 100,
) -> ASGIApp:
    """Follow events as they happen; with `Last-Event-ID`, from behind that event on."""
    wanted = EventFilter(run_id, index_id, _names(video_ids), _types(event_types))
    place: Place | CursorExpired
    try:
        place = await context.vv.streams.place(caller, last_event_id or None)
    except CursorExpired as error:
        place = error
    return EventStream(context, caller, wanted, batch_size, place)


def _names(given: list[str] | None) -> frozenset[str] | None:
    """Read a comma list, which may also be given in pieces; nothing in it asks for everything."""
    names = frozenset(name.strip() for piece in given or () for name in piece.split(",") if name.strip())
    if len(names) > MAX_NAMES:
        raise Invalid(
            f"A filter has at most {MAX_NAMES} names; filter by run or index.", code="validation_event_filter"
        )
    return names or None


def _types(given: list[str] | None) -> frozenset[str] | None:
    names = _names(given)
    unknown = sorted((names or frozenset()) - set(STREAM_EVENTS))
    if unknown:
        raise Invalid(
            f"There is no event type {unknown[0][:80]!r}; use {', '.join(STREAM_EVENTS)}.",
            code="validation_event_types",
        )
    return names


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


ROUTES = [stream_events]
