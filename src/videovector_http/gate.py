"""What every request passes: a request id, a credential, a scope, and for keyed writes a receipt.

The order is fixed: 401 for who, 403 for how far, and only then is anything looked up.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from attrs import define, field, frozen
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Send

from videovector_core.access.model import Caller, Credential, Scope
from videovector_core.errors import Forbidden
from videovector_core.idempotency import Answer, Slot, checked_key, fingerprint_json
from videovector_http.context import Context
from videovector_http.errors import answer
from videovector_http.receipts import Receipts

PUBLIC: Final = "public"
ANY: Final = "any"
JWT: Final = "jwt"

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@define
class Capture:
    """An answer that was held back until its effect was committed."""

    messages: list[Any] = field(factory=list)

    async def send(self, message: Any) -> None:
        """Keep a message."""
        self.messages.append(message)

    @property
    def status(self) -> int:
        """The status of the answer; 500 before there is one."""
        return int(self.messages[0].get("status", 500)) if self.messages else 500

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def content_type(self) -> str:
        """The content type of the answer."""
        headers = dict(self.messages[0].get("headers", ())) if self.messages else {}
        return str(headers.get(b"content-type", b"application/json"), "latin-1")


class Refused(Exception):
    """The answer is no success, so nothing of the request is kept."""


@frozen
class Gate(ASGIMiddleware):
    """Lets a request through to its route; routes say by `opt` what they ask for.

    `scope` is an API scope, or `public`, `any`, `jwt`. `keyed` is how an idempotency key is honoured: `joined` (the
    default of writes: receipt and effect commit together), `own` (the route does it), or False.
    """

    context: Context
    receipts: Receipts
    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Any, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Authenticate, authorise, and run the route."""
        opt = scope["route_handler"].opt
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        wanted = opt.get("scope", Scope.ADMIN)
        if wanted != PUBLIC:
            caller = await self.context.caller(headers)
            allow(caller, wanted)
            scope["state"]["caller"] = caller
        key = headers.get("idempotency-key")
        mode = opt.get("keyed", "joined") if scope["method"] in {"POST", "PUT", "PATCH"} else False
        if key is None or mode is False or wanted == PUBLIC:
            await next_app(scope, receive, send)
            return
        slot = Slot(scope["state"]["caller"].user_id, scope["method"], scope["path"], checked_key(key))
        scope["state"]["slot"] = slot
        if mode == "own":
            await next_app(scope, receive, send)
        else:
            await self._joined(slot, scope, receive, send, next_app)

    async def _joined(self, slot: Slot, scope: Any, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        body, again = await whole_body(receive)
        fingerprint = fingerprint_body(body, scope.get("query_string", b""))

        async def effect(complete: Callable[[Answer], Awaitable[None]]) -> Answer:
            captured = Capture()
            with contextlib.suppress(Refused):
                async with self.context.vv.begin():
                    await next_app(scope, again, captured.send)
                    found = Answer(captured.status, captured.body, captured.content_type)
                    if captured.status >= 300:
                        raise Refused
                    await complete(found)
            scope["state"]["captured"] = captured
            return Answer(captured.status, captured.body, captured.content_type)

        found, replayed = await self.receipts.once(slot, fingerprint, effect)
        captured = scope["state"].get("captured")
        if captured is not None and not replayed:
            for message in captured.messages:
                await send(message)
        else:
            await send_answer(send, found)


def allow(caller: Caller, wanted: str | Scope) -> None:
    """Check how far a credential reaches."""
    if wanted == JWT:
        if caller.credential is not Credential.JWT:
            raise Forbidden(
                "This needs a signed-in user: forbidden for API keys. Send a bearer token.",
                code="authorization_jwt_required",
            )
    elif wanted != ANY:
        caller.require(Scope(wanted))


def fingerprint_body(body: bytes, query: bytes) -> str:
    """Fingerprint a JSON request; what is no JSON counts by its bytes, and the query string counts too."""
    try:
        parsed = msgspec.json.decode(body) if body.strip() else {}
    except msgspec.DecodeError:
        parsed = {"raw": body.hex()}
    return fingerprint_json([parsed, query.decode("latin-1")]) if query else fingerprint_json(parsed)


async def whole_body(receive: Receive, most: int = 32 * 1024 * 1024) -> tuple[bytes, Receive]:
    """Read a body and return it with a `receive` that gives it again."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > most or not message.get("more_body"):
            break
    body = b"".join(chunks)
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return body, again


async def send_answer(send: Any, found: Answer) -> None:
    """Send a stored answer."""
    headers = [
        (b"content-type", found.content_type.encode()),
        (b"content-length", str(len(found.body)).encode()),
        (b"idempotency-replayed", b"true"),
    ]
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": found.body, "more_body": False})


@define
class Outer:
    """The outermost layer: every answer carries `X-Request-ID`, whatever answered, and no answer is a traceback.

    A client may name the request itself with the same header, in up to 64 letters, digits, dots and dashes.
    """

    app: Any
    draining: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else f"req_{os.urandom(12).hex()}"
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def stamped(message: Any) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, stamped)
        except Exception as error:
            if started:
                raise
            status, body, headers = answer(error, request_id)
            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            raw += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await stamped({"type": "http.response.start", "status": status, "headers": raw})
            await stamped({"type": "http.response.body", "body": body, "more_body": False})
