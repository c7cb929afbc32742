"""Agentic chat: sessions, turns, and the stream of a turn."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final

import msgspec
from attrs import frozen
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody
from litestar.types import ASGIApp

from videovector_core.access.model import Caller, Scope
from videovector_core.chat.model import EventName, Story, Turn, TurnEvent
from videovector_core.chat.service import Asked
from videovector_core.errors import Invalid, Malformed, Unavailable, VideoVectorError
from videovector_core.idempotency import Slot, checked_key
from videovector_http.context import Context
from videovector_http.paging import Cursor, Limit
from videovector_http.receipts import REPLAYED
from videovector_http.render import chat as render
from videovector_http.sse import RETRY_MS, stream
from videovector_http.wire import chat as wire
from videovector_http.wire.convert import out, rfc3339
from videovector_http.wire.envelopes import DeleteResponse, ErrorBody, Page

SEARCH: Final[dict[str, Any]] = {"scope": Scope.SEARCH}
ASKING: Final[dict[str, Any]] = {"scope": Scope.SEARCH, "category": "chat", "keyed": "own"}
PATIENCE: Final = 280.0
"""Seconds that an answer without a stream is waited for."""

AnyRequest = Request[Any, Any, Any]
LastEventId = Annotated[str | None, HeaderParameter(name="Last-Event-ID")]
OtherKey = Annotated[str | None, HeaderParameter(name="X-Idempotency-Key")]


@post("/chat/sessions", opt=SEARCH, status_code=201)
async def create_session(
    data: JSONBody[wire.CreateChatSession], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ChatSession:
    """Begin a conversation."""
    return out(await context.vv.chat.create(caller, title=data.title), wire.ChatSession)


@get("/chat/sessions", opt=SEARCH)
async def list_sessions(
    context: NamedDependency[Context], caller: NamedDependency[Caller], limit: Limit = 50, cursor: Cursor = None
) -> Page[wire.ChatSession]:
    """List the caller's conversations, newest first."""
    bound = ("chat sessions", caller.user_id)
    page = await context.vv.chat.sessions(caller, limit=limit, after=context.signer.place(cursor, *bound))
    rows = [out(one, wire.ChatSession) for one in page.items]
    return Page.of(rows, limit=limit, next_cursor=context.signer.cursor(page.after, *bound))


@get("/chat/sessions/{session_id:str}", opt=SEARCH)
async def retrieve_session(
    session_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ChatSessionWithTurns:
    """Return a conversation with its last 50 turns, oldest first."""
    session, stories = await context.vv.chat.session(caller, session_id)
    return out(session, wire.ChatSessionWithTurns, turns=await render.turns(context, caller, stories))


@delete("/chat/sessions/{session_id:str}", opt=SEARCH, status_code=200)
async def delete_session(
    session_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> DeleteResponse:
    """Remove a conversation; a turn that is under way ends."""
    await context.vv.chat.delete(caller, session_id)
    return DeleteResponse(message="The session was deleted.")


@get("/chat/sessions/{session_id:str}/turns", opt=SEARCH)
async def list_turns(
    session_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[wire.ChatTurn]:
    """List the turns of a conversation, oldest first."""
    bound = ("chat turns", caller.user_id, session_id)
    after = context.signer.place(cursor, *bound)
    page = await context.vv.chat.turns(caller, session_id, limit=limit, after=after)
    rows = await render.turns(context, caller, page.items)
    return Page.of(rows, limit=limit, next_cursor=context.signer.cursor(page.after, *bound))


@post("/chat/sessions/{session_id:str}/turns", opt=ASKING, status_code=200)
async def create_turn(
    session_id: FromPath[str],
    data: JSONBody[wire.CreateChatTurn],
    request: AnyRequest,
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    x_idempotency_key: OtherKey = None,
) -> Response[wire.ChatTurnResponse]:
    """Ask, and wait for the answer; whoever stops waiting finds it under the same key."""
    asked = await _asked(context, caller, session_id, data, request, x_idempotency_key)
    if not await context.vv.chat.finished(asked.turn, PATIENCE):
        raise Unavailable(
            "The turn is still under way; send the request again with the same key, or look at the turn.",
            code="chat_turn_running",
            details={"turn_id": asked.turn.turn_id},
        )
    shown = await _shown(context, caller, asked.turn)
    return Response(wire.ChatTurnResponse(turn=shown), headers=REPLAYED if asked.replayed else None)


@post("/chat/sessions/{session_id:str}/turns/stream", opt=ASKING, status_code=200, media_type="text/event-stream")
async def stream_turn(
    session_id: FromPath[str],
    data: JSONBody[wire.CreateChatTurn],
    request: AnyRequest,
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    x_idempotency_key: OtherKey = None,
    last_event_id: LastEventId = None,
) -> ASGIApp:
    """Ask, and follow the turn; under a known key, follow the turn that it asked, from a place on."""
    asked = await _asked(context, caller, session_id, data, request, x_idempotency_key)
    if not asked.replayed:
        return TurnStream(context, caller, asked.turn, 0, _id(request))
    return await _attached(context, caller, asked.turn, request, last_event_id, replayed=True)


@get("/chat/sessions/{session_id:str}/turns/{turn_id:str}", opt=SEARCH)
async def retrieve_turn(
    session_id: FromPath[str],
    turn_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.ChatTurnResponse:
    """Return a turn as far as it has come."""
    story = await context.vv.chat.turn(caller, session_id, turn_id)
    return wire.ChatTurnResponse(turn=(await render.turns(context, caller, [story]))[0])


@get("/chat/sessions/{session_id:str}/turns/{turn_id:str}/stream", opt=SEARCH, media_type="text/event-stream")
async def attach_turn(
    session_id: FromPath[str],
    turn_id: FromPath[str],
    request: AnyRequest,
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    last_event_id: LastEventId = None,
) -> ASGIApp:
    """Follow a turn that was asked before: what it has so far, then what comes; from a place on with `Last-Event-ID`."""
    story = await context.vv.chat.turn(caller, session_id, turn_id)
    return await _attached(context, caller, story.turn, request, last_event_id)


@post("/chat/sessions/{session_id:str}/turns/{turn_id:str}/cancel", opt=SEARCH, status_code=200)
async def cancel_turn(
    session_id: FromPath[str],
    turn_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.ChatTurnResponse:
    """End a turn that is under way; one that has ended stays as it is."""
    story = await context.vv.chat.cancel(caller, session_id, turn_id)
    return wire.ChatTurnResponse(turn=(await render.turns(context, caller, [story]))[0])


@frozen
class TurnStream:
    """The events of a turn as an ASGI application; they end with exactly one `turn_completed` or `error`."""

    context: Context
    caller: Caller
    turn: Turn
    after: int
    request_id: str
    resumed: bool = False
    replayed: bool = False

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        """Send the stream; who leaves it leaves the turn to go on."""
        more = [(b"idempotency-replayed", b"true")] if self.replayed else []
        await stream(self.context, self.caller, self._frames(), receive, send, *more)

    async def _frames(self) -> AsyncGenerator[bytes, None]:
        yield f"retry: {RETRY_MS}\n\n".encode()
        after = self.after
        try:
            if self.resumed:
                shown = await _shown(self.context, self.caller, self.turn)
                yield self._frame(EventName.RESUMED, after, wire.TurnResumed, turn=shown)
            async for found in self.context.vv.chat.follow(self.turn, after):
                for event in found:
                    yield await self._told(event)
                    after = event.sequence
                if not found:
                    yield b": heartbeat\n\n"
        except VideoVectorError as error:
            told = {"code": error.code, "message": error.message, "details": error.details}
            yield self._failed(after, told)

    async def _told(self, event: TurnEvent) -> bytes:
        name, at = event.name, event.sequence
        match name:
            case EventName.STARTED | EventName.COMPLETED:
                shape = wire.TurnStarted if name is EventName.STARTED else wire.TurnCompleted
                return self._frame(name, at, shape, turn=await _shown(self.context, self.caller, self.turn))
            case EventName.STATE:
                return self._frame(name, at, wire.AgentState, **event.data)
            case EventName.CALL:
                return self._frame(name, at, wire.ToolCallStarted, tool_call=event.data["tool_call"])
            case EventName.RESULT:
                sets = await render.results(self.context, self.caller, Story.of(self.turn, [event]))
                results = sets[0] if sets else None
                call = event.data["tool_call"]
                return self._frame(name, at, wire.ToolCallResult, tool_call=call, result_set=results)
        return self._failed(at, event.data)

    def _failed(self, at: int, error: dict[str, Any]) -> bytes:
        now = rfc3339(self.context.now())
        body = ErrorBody(**{**error, "details": error.get("details") or {}}, request_id=self.request_id, timestamp=now)
        return self._frame(EventName.ERROR, at, wire.TurnFailed, error=body)

    def _frame(self, name: EventName, at: int, shape: Any, **more: Any) -> bytes:
        bare = {"session_id": self.turn.session_id, "turn_id": self.turn.turn_id, "sequence": at}
        data = msgspec.json.encode(out(bare | more, shape))
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (at, name.value.encode(), data)


async def _asked(
    context: Context, caller: Caller, session_id: str, data: wire.CreateChatTurn, request: AnyRequest, other: str | None
) -> Asked:
    scope = data.scope or wire.ChatScopeBody()
    return await context.vv.chat.ask(
        caller,
        session_id,
        message=data.message,
        index_ids=scope.index_ids,
        run_ids=scope.prompt_run_ids,
        key=_key(request, other, data.idempotency_key),
    )


def _key(request: AnyRequest, other: str | None, named: str | None) -> str | None:
    """Return the one key of a request, which may stand in two headers and in the body.

    Raises:
        Malformed: they are not the same.
    """
    slot: Slot | None = request.scope["state"].get("slot")
    keys = {checked_key(one) for one in (slot.key if slot else None, other, named) if one is not None}
    if len(keys) > 1:
        raise Malformed(
            "Idempotency-Key, X-Idempotency-Key and idempotency_key differ; send one value.",
            code="idempotency_keys_differ",
        )
    return keys.pop() if keys else None


async def _attached(
    context: Context, caller: Caller, turn: Turn, request: AnyRequest, last: str | None, *, replayed: bool = False
) -> TurnStream:
    if last and not (last.isascii() and last.isdigit() and len(last) < 10):
        raise Invalid("Last-Event-ID is the id of an event of this turn, a number.", code="validation_last_event_id")
    after = await context.vv.chat.place(caller, turn.session_id, turn.turn_id, int(last) if last else None)
    return TurnStream(context, caller, turn, after, _id(request), resumed=True, replayed=replayed)


async def _shown(context: Context, caller: Caller, turn: Turn) -> wire.ChatTurn:
    story = await context.vv.chat.turn(caller, turn.session_id, turn.turn_id)
    return (await render.turns(context, caller, [story]))[0]


def _id(request: AnyRequest) -> str:
    return str(request.scope["state"].get("request_id", ""))


ROUTES = [
    create_session,
    list_sessions,
    retrieve_session,
    delete_session,
    list_turns,
    create_turn,
    stream_turn,
    retrieve_turn,
    attach_turn,
    cancel_turn,
]
