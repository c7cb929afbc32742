"""What every request passes: a credential, a scope, a rate limit, a readable body, and for keyed writes a receipt.

The order is fixed: 401 for who, 403 for how far, 429 for how often, and only then is anything read or looked up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self
from urllib.parse import unquote_to_bytes

import msgspec
from attrs import define, field, frozen
from litestar.enums import ScopeType
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Send

from videovector_core.access.model import Caller, Credential, Scope
from videovector_core.access.ratelimit import Standing
from videovector_core.errors import Forbidden, Invalid
from videovector_core.idempotency import Answer, Slot, checked_key, fingerprint_json
from videovector_http import bodies
from videovector_http.context import Context
from videovector_http.receipts import Receipts

PUBLIC: Final = "public"
ANY: Final = "any"
JWT: Final = "jwt"
OWN: Final = "own"
"""Any credential of this server; not one that an outside issuer gave to an OAuth client."""

_WRITES: Final = frozenset({"POST", "PUT", "PATCH"})


@frozen
class Rule:
    """What a route asks of a request, from its `opt`.

    Args:
        scope: an API scope, or `public`, `any`, `own`, `jwt`; a route that says nothing asks for `admin`.
        keyed: how an idempotency key is honoured: `joined` (the default of writes: receipt and effect commit
            together), `outside` (the effect lies outside and no transaction is held meanwhile), `own` (the route does
            it), or False.
        category: which rate limit counts; `None` counts none.
        most: bytes of body that are read at most; `None` is no limit.
        json: whether the route takes a JSON body.
    """

    scope: str | Scope
    keyed: str | bool
    category: str | None
    most: int | None
    json: bool

    @classmethod
    def of(cls, handler: BaseRouteHandler) -> Self:
        """Read the rule of a route."""
        opt = handler.opt
        scope = opt.get("scope", Scope.ADMIN)
        is_http = isinstance(handler, HTTPRouteHandler)
        most = handler.resolve_request_max_body_size() if isinstance(handler, HTTPRouteHandler) else None
        writes = is_http and not _WRITES.isdisjoint(handler.http_methods)  # type: ignore[attr-defined]  # is_http
        return cls(
            scope,
            opt.get("keyed", "joined") if writes and scope != PUBLIC else False,
            opt.get("category", category(scope, writes=writes)),
            most,
            json=writes and most is not None and opt.get("body", "json") == "json",
        )


def category(scope: str | Scope, *, writes: bool) -> str | None:
    """Return the rate limit that counts for a route that names none: by its method and its scope."""
    if scope == PUBLIC:
        return None
    if scope == Scope.SEARCH and writes:
        return "search"
    return "read" if not writes or scope in {Scope.READ, ANY, OWN} else "write"


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


class NotKept(Exception):
    """The answer is no success, so nothing of the request is kept."""


@frozen
class Gate(ASGIMiddleware):
    """Lets a request through to its route; routes say by `opt` what they ask for (see `Rule`)."""

    context: Context
    receipts: Receipts
    scopes = (ScopeType.HTTP,)
    _rules: dict[int, Rule] = field(factory=dict, init=False)

    async def handle(self, scope: Any, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Authenticate, authorise, count, read, and run the route."""
        handler = scope["route_handler"]
        rule = self._rules.get(id(handler)) or self._rules.setdefault(id(handler), Rule.of(handler))
        state = scope["state"]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if rule.scope != PUBLIC:
            caller = state["caller"] = await self.context.caller(headers)
            allow(caller, rule.scope)
            if rule.category is not None and self.context.limiter is not None:
                standing = await self.context.limiter.admit(caller.key_id or caller.user_id, rule.category)
                send = counted(send, standing) if standing is not None else send
        refuse_control_characters(scope)
        if scope["method"] in _WRITES:
            receive = bodies.timely(receive)
            if rule.most is not None:
                receive = bodies.within(receive, headers, rule.most)
        body = b""
        if rule.json:
            body = bodies.checked(await bodies.whole(receive), headers)
            receive = bodies.again(body, receive)
        key = headers.get("idempotency-key") if rule.keyed else None
        if key is None:
            await next_app(scope, receive, send)
            return
        slot = state["slot"] = Slot(state["caller"].user_id, scope["method"], scope["path"], checked_key(key))
        if rule.keyed == "own":
            await next_app(scope, receive, send)
        else:
            joined = rule.keyed != "outside"
            await self._kept(slot, body, scope, receive, send, next_app, joined=joined)

    async def _kept(
        self, slot: Slot, body: bytes, scope: Any, receive: Receive, send: Send, app: ASGIApp, *, joined: bool
    ) -> None:
        captured = Capture()

        async def effect(complete: Callable[[Answer], Awaitable[None]]) -> Answer:
            with contextlib.suppress(NotKept):
                async with self.context.vv.begin() if joined else contextlib.nullcontext():
                    await app(scope, receive, captured.send)
                    found = Answer(captured.status, captured.body, captured.content_type)
                    if captured.status >= 300:
                        raise NotKept
                    await complete(found)
            return Answer(captured.status, captured.body, captured.content_type)

        fingerprint = fingerprint_body(body, scope.get("query_string", b""))
        found, replayed = await self.receipts.once(slot, fingerprint, effect)
        if replayed:
            await send_answer(send, found)
            return
        for message in captured.messages:
            await send(message)


def allow(caller: Caller, wanted: str | Scope) -> None:
    """Check how far a credential reaches."""
    if wanted == JWT:
        if caller.credential is not Credential.JWT:
            raise Forbidden(
                "This needs a signed-in user: forbidden for API keys and for OAuth clients. Send a bearer token of this server.",
                code="authorization_jwt_required",
            )
    elif wanted == OWN:
        if caller.credential is Credential.OAUTH:
            raise Forbidden("This is forbidden for OAuth clients; send an API key or a bearer token of this server.")
    elif wanted != ANY:
        caller.require(Scope(wanted))


def counted(send: Send, standing: Standing) -> Send:
    """Return a `send` whose answer says how the credential stands."""
    usage = standing.tightest

    async def told(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-ratelimit-limit", b"%d" % usage.limit),
                (b"x-ratelimit-remaining", b"%d" % usage.remaining),
                (b"x-ratelimit-reset", b"%d" % usage.reset_at),
            ]
        await send(message)

    return told


def refuse_control_characters(scope: Any) -> None:
    """Refuse a path or a query that holds control characters: no id and no value of ours does."""
    if not scope["path"].isprintable() and any(ord(char) < 32 or ord(char) == 127 for char in scope["path"]):
        raise NotFoundException
    query = scope.get("query_string", b"")
    if b"%" in query and any(byte < 32 or byte == 127 for byte in unquote_to_bytes(query)):
        raise Invalid("The query holds control characters; remove them.", code="validation_control_character")


def fingerprint_body(body: bytes, query: bytes) -> str:
    """Fingerprint a JSON request; what is no JSON counts by its bytes, and the query string counts too."""
    try:
        parsed = msgspec.json.decode(body) if body else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        parsed = {"raw": body.hex()}
    return fingerprint_json([parsed, query.decode("latin-1")]) if query else fingerprint_json(parsed)


async def send_answer(send: Any, found: Answer) -> None:
    """Send a stored answer."""
    headers = [
        (b"content-type", found.content_type.encode()),
        (b"content-length", str(len(found.body)).encode()),
        (b"idempotency-replayed", b"true"),
    ]
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": found.body, "more_body": False})
