"""The outermost layer: a request id on every answer, no answer without the envelope, one log line, one count."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import structlog
from attrs import define, field

from videovector_http.errors import BY_STATUS, answer, envelope
from videovector_http.metrics import Metrics
from videovector_http.traces import traced, tracer

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

log = structlog.get_logger("videovector.http")

MAX_HEADERS: Final = 64 * 1024

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@define
class Exchange:
    """One request and what became of it."""

    scope: Any
    send: Any
    request_id: str
    methods: Mapping[str, str] = field(factory=dict)
    """The methods of each path; the framework tells only those of one of its handlers."""
    started: float = field(factory=time.perf_counter)
    status: int = 0

    async def stamped(self, message: Any) -> None:
        """Send a message; the start of an answer gets the headers that all answers have."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ())]
            if self.scope["method"] == "OPTIONS" and self.route in self.methods:
                headers = [pair for pair in headers if pair[0].lower() != b"allow"]
                headers.append((b"allow", self.methods[self.route].encode()))
            message["headers"] = [
                *headers,
                (b"x-request-id", self.request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
        await self.send(message)

    async def refuse(self, error: Exception) -> None:
        """Answer an error that nothing further in has answered."""
        await self.reply(*answer(error, self.request_id))

    async def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send a whole answer."""
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        raw += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await self.stamped({"type": "http.response.start", "status": status, "headers": raw})
        await self.stamped({"type": "http.response.body", "body": body, "more_body": False})

    @property
    def route(self) -> str:
        """The path with the names of its parameters; never what a client wrote."""
        return str(self.scope.get("path_template") or "unknown")


@define
class Outer:
    """Wraps the application.

    A client may name the request itself with `X-Request-ID`, in up to 64 letters, digits, dots, dashes and underscores.
    """

    app: Any
    metrics: Metrics = field(factory=Metrics)
    methods: Mapping[str, str] = field(factory=dict)
    """The methods of each path, as `Allow` tells them."""
    tracer: Tracer | None = field(factory=tracer)
    """Makes a span for each request, where traces are set up."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope, send, request_id(scope["headers"]), self.methods)
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        bound = structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
        try:
            await self._serve(exchange, receive)
        except Exception as error:
            if exchange.status:
                raise
            await exchange.refuse(error)
        finally:
            self._note(exchange)
            structlog.contextvars.reset_contextvars(**bound)

    async def _serve(self, exchange: Exchange, receive: Any) -> None:
        if sum(len(name) + len(value) for name, value in exchange.scope["headers"]) > MAX_HEADERS:
            code, message = BY_STATUS[431]
            await exchange.reply(431, envelope(code, message, request_id=exchange.request_id), {})
            return
        serving = self.app(exchange.scope, receive, exchange.stamped)
        await (serving if self.tracer is None else traced(self.tracer, exchange, serving))

    def _note(self, exchange: Exchange) -> None:
        took = time.perf_counter() - exchange.started
        method, status = exchange.scope["method"], exchange.status or 499
        self.metrics.request(method, exchange.route, status, took)
        caller = exchange.scope["state"].get("caller")
        log.info(
            "request",
            method=method,
            route=exchange.route,
            status=status,
            ms=round(took * 1000, 2),
            user_id=caller.user_id if caller is not None else None,
        )


def request_id(headers: Any) -> str:
    """Return the id that the client gave, or a new one."""
    given = next((value.decode("latin-1") for name, value in headers if name == b"x-request-id"), "")
    return given if _REQUEST_ID.fullmatch(given) else f"req_{os.urandom(12).hex()}"
