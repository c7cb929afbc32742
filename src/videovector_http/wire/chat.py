"""Agentic chat: sessions, turns, and the events of a streamed turn."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, field

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    IndexId,
    JsonObject,
    PlayUrl,
    ResultId,
    RunId,
    SegmentId,
    SessionId,
    Time,
    TurnId,
    VideoId,
)
from videovector_http.wire.envelopes import ErrorBody

TurnStatus: TypeAlias = Literal["pending", "running", "completed", "failed", "cancelled"]
Phase: TypeAlias = Literal["planning", "searching", "reading", "answering"]
ToolStatus: TypeAlias = Literal["running", "completed", "failed", "refused"]


class CreateChatSession(Body):
    """A new conversation; without a title the first message gives one."""

    title: Annotated[str, Meta(max_length=255, pattern=r"^[^\x00]*$", examples=["Daily review assistant"])] | None = (
        None
    )


class ChatScopeBody(Body):
    """Where the turn may look; what is absent means all that the caller has."""

    index_ids: Annotated[list[IndexId], Meta(max_length=1000)] | None = None
    prompt_run_ids: Annotated[list[RunId], Meta(max_length=1000)] | None = None


class CreateChatTurn(Body):
    """A question. The key may also stand in a header; all that are given must agree."""

    message: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=8000,
            pattern=r"^[^\x00]*$",
            examples=["Find scenes where a reporter appears outside a station entrance."],
        ),
    ]
    scope: ChatScopeBody | None = None
    idempotency_key: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None


class ChatScope(Shape):
    """Where a turn did look, resolved to ids."""

    index_ids: list[IndexId] = field(default_factory=list)
    prompt_run_ids: list[RunId] = field(default_factory=list)


class UserMessage(Shape):
    """What was asked."""

    content: str


class Citation(Shape):
    """A claim's evidence. `verified` says that ids and times were read from the stored row."""

    label: Annotated[str, Meta(description="As it stands in the text.", examples=["rs1:3"])]
    result_set_id: str
    position: Annotated[int, Meta(description="Place in the result set, from 1.")]
    result_id: ResultId | None = None
    video_id: VideoId | None = None
    segment_id: SegmentId | None = None
    run_id: RunId | None = None
    video_name: str | None = None
    start_time: float | None = None
    end_time: float | None = None
    segment_uri: PlayUrl | None = None
    verified: bool = False


class AssistantMessage(Shape):
    """What was answered."""

    content: str
    citations: list[Citation] = field(default_factory=list)


class ToolCall(Shape):
    """One step that was taken."""

    tool_call_id: str
    name: Annotated[str, Meta(examples=["text_search"])]
    arguments: JsonObject
    status: ToolStatus
    summary: str | None = None
    result_set_id: str | None = None
    error: str | None = None
    started_at: Time | None = None
    elapsed_ms: float | None = None


class ResultSet(Shape):
    """What a step found: search hits, or rows of a query."""

    id: Annotated[str, Meta(examples=["rs1"])]
    kind: Literal["segments", "rows"]
    title: str
    tool_call_id: str
    items: list[Any]
    truncated: bool = False


class TurnStats(Shape):
    """What a turn took."""

    tool_calls: int = 0
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    elapsed_ms: float = 0.0
    removed_citations: Annotated[int, Meta(description="References that led nowhere.")] = 0
    planner: Annotated[str, Meta(description="`model`, or `rules` on a server without a chat model.")] = "rules"
    capped: Annotated[str, Meta(description="The cap that ended the turn.")] | None = None


class TurnError(Shape):
    """Why a turn failed."""

    code: str
    message: str
    details: JsonObject | None = None


class ChatTurn(Shape):
    """A question and its answer."""

    turn_id: TurnId
    session_id: SessionId
    status: TurnStatus
    user_message: UserMessage
    assistant_message: AssistantMessage | None = None
    effective_scope: ChatScope = field(default_factory=ChatScope)
    tool_trace: list[ToolCall] = field(default_factory=list)
    result_sets: list[ResultSet] = field(default_factory=list)
    stats: TurnStats = TurnStats()
    error: TurnError | None = None
    created_at: Time
    started_at: Time | None = None
    completed_at: Time | None = None


class ChatTurnResponse(Shape):
    """The turn, finished."""

    turn: ChatTurn


class ChatSession(Shape):
    """A conversation."""

    session_id: SessionId
    title: str | None = None
    created_at: Time
    updated_at: Time
    turn_count: int = 0
    last_turn_at: Time | None = None


class ChatSessionWithTurns(ChatSession):
    """A conversation and its turns, oldest first."""

    turns: list[ChatTurn]


class _TurnEvent(Shape):
    session_id: SessionId
    turn_id: TurnId
    sequence: Annotated[int, Meta(description="Grows by one; also the id of the event.")]


class TurnStarted(_TurnEvent):
    """Data of `turn_started`."""

    turn: ChatTurn


class TurnResumed(_TurnEvent):
    """Data of `turn_resumed`: everything so far."""

    turn: ChatTurn


class AgentState(_TurnEvent):
    """Data of `agent_state`."""

    phase: Phase
    message: str | None = None


class ToolCallStarted(_TurnEvent):
    """Data of `tool_call_started`."""

    tool_call: ToolCall


class ToolCallResult(_TurnEvent):
    """Data of `tool_call_result`."""

    tool_call: ToolCall
    result_set: ResultSet | None = None


class TurnCompleted(_TurnEvent):
    """Data of `turn_completed`; the last event."""

    turn: ChatTurn


class TurnFailed(_TurnEvent):
    """Data of `error`; the last event."""

    error: ErrorBody
