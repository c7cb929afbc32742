"""Sessions, turns, and what a turn leaves behind: steps, tool calls, result sets, citations, events.

    pending ─> running ─> completed | failed | cancelled

A turn's events are its journal: what a reader of the stream sees, and, in `memo`, what a worker needs to go on where
another one was cut off. Everything that a turn shows of its work is folded from them (`Story`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from attrs import field, frozen

from videovector_core.errors import Conflict

TITLE: Final = 60
"""Characters of the first message that become the title of a session without one."""


class TurnStatus(StrEnum):
    """Where a turn stands; see the drawing above."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self not in _NEXT


_NEXT: Final[Mapping[TurnStatus, frozenset[TurnStatus]]] = {
    TurnStatus.PENDING: frozenset({TurnStatus.RUNNING, TurnStatus.FAILED, TurnStatus.CANCELLED}),
    TurnStatus.RUNNING: frozenset({TurnStatus.COMPLETED, TurnStatus.FAILED, TurnStatus.CANCELLED}),
}


def advance(now: TurnStatus, to: TurnStatus) -> TurnStatus:
    """Return `to`; the only place where a turn changes state.

    Raises:
        Conflict: the table has no such step.
    """
    if to not in _NEXT.get(now, frozenset()):
        raise Conflict(f"A {now.value} turn cannot become {to.value}.", code="conflict_turn_state")
    return to


class EventName(StrEnum):
    """The families of events; the last two end a stream."""

    STARTED = "turn_started"
    RESUMED = "turn_resumed"
    STATE = "agent_state"
    CALL = "tool_call_started"
    RESULT = "tool_call_result"
    COMPLETED = "turn_completed"
    ERROR = "error"

    @property
    def last(self) -> bool:
        """Whether nothing follows it."""
        return self in {EventName.COMPLETED, EventName.ERROR}


class Phase(StrEnum):
    """What an agent is doing."""

    PLANNING = "planning"
    SEARCHING = "searching"
    READING = "reading"
    ANSWERING = "answering"


class CallStatus(StrEnum):
    """How a tool call stands; a refused one was not carried out."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    REFUSED = "refused"


class SetKind(StrEnum):
    """What a result set holds."""

    SEGMENTS = "segments"
    ROWS = "rows"


@frozen
class ChatSession:
    """A conversation; at most one of its turns is under way."""

    session_id: str
    user_id: str
    created_at: datetime
    updated_at: datetime
    title: str | None = None
    turn_count: int = 0
    last_turn_at: datetime | None = None
    active_turn_id: str | None = None


@frozen
class Citation:
    """A claim's evidence, as its row has it. `verified` says that ids and times were read from the stored row."""

    label: str
    result_set_id: str
    position: int
    result_id: str | None = None
    video_id: str | None = None
    segment_id: str | None = None
    run_id: str | None = None
    video_name: str | None = None
    start_time: float | None = None
    end_time: float | None = None
    verified: bool = False


@frozen
class Stats:
    """What a turn took; `elapsed_ms` is the time that was worked on it. `capped` names the cap that ended it."""

    tool_calls: int = 0
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    elapsed_ms: float = 0.0
    removed_citations: int = 0
    planner: str = "rules"
    capped: str | None = None

    @property
    def tokens(self) -> int:
        """All tokens so far."""
        return self.input_tokens + self.output_tokens


def _tuple(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _citations(values: Iterable[Citation | Mapping[str, Any]]) -> list[Citation]:
    return [one if isinstance(one, Citation) else Citation(**one) for one in values]


def _stats(value: Stats | Mapping[str, Any]) -> Stats:
    return value if isinstance(value, Stats) else Stats(**value)


@frozen
class Turn:
    """A question and its answer. `index_ids` and `run_ids` are its scope, frozen when it was asked.

    `ordinal` counts the turns of a session from 1; `key` is the idempotency key that it was asked under, and
    `fingerprint` that of the request.
    """

    turn_id: str
    session_id: str
    user_id: str
    ordinal: int
    message: str
    created_at: datetime
    index_ids: tuple[str, ...] = field(default=(), converter=_tuple)
    run_ids: tuple[str, ...] = field(default=(), converter=_tuple)
    status: TurnStatus = field(default=TurnStatus.PENDING, converter=TurnStatus)
    content: str | None = None
    citations: list[Citation] = field(factory=list, converter=_citations)
    stats: Stats = field(factory=Stats, converter=_stats)
    error: dict[str, Any] | None = None
    key: str | None = None
    fingerprint: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


@frozen
class TurnEvent:
    """One entry of a turn's journal; `sequence` counts from 1 without gaps. `memo` is shown to nobody."""

    turn_id: str
    sequence: int
    name: EventName = field(converter=EventName)
    created_at: datetime
    data: dict[str, Any] = field(factory=dict)
    memo: dict[str, Any] | None = None


@frozen
class ToolCall:
    """One step that was taken, with what whoever decides next is told of it."""

    tool_call_id: str
    name: str
    arguments: dict[str, Any]
    status: CallStatus = field(default=CallStatus.RUNNING, converter=CallStatus)
    summary: str | None = None
    result_set_id: str | None = None
    error: str | None = None
    started_at: str | None = None
    elapsed_ms: float | None = None
    told: str = ""


@frozen
class ResultSet:
    """What a step found. An item of `segments` is a hit in short; one of `rows` has the `row` and its `context`."""

    id: str
    kind: SetKind = field(converter=SetKind)
    title: str
    tool_call_id: str
    items: list[dict[str, Any]]
    truncated: bool = False


@frozen
class Use:
    """A tool that whoever decides wants to use; `arguments` is JSON text as it was written."""

    name: str
    arguments: str = "{}"


def _uses(values: Iterable[Use | Mapping[str, Any]]) -> tuple[Use, ...]:
    return tuple(one if isinstance(one, Use) else Use(**one) for one in values)


@frozen
class Step:
    """What was decided: tools to use, or, when there are none, the answer."""

    text: str = ""
    uses: tuple[Use, ...] = field(default=(), converter=_uses)
    input_tokens: int = 0
    output_tokens: int = 0


@frozen
class Story:
    """A turn as far as it has come: its steps, and the calls and result sets of them, in order."""

    turn: Turn
    steps: tuple[Step, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    sets: tuple[ResultSet, ...] = ()

    @classmethod
    def of(cls, turn: Turn, events: Sequence[TurnEvent]) -> Story:
        """Fold a turn's journal."""
        steps: list[Step] = []
        calls: dict[str, ToolCall] = {}
        sets: list[ResultSet] = []
        for event in events:
            memo = event.memo or {}
            if "step" in memo:
                steps.append(Step(**memo["step"]))
            if "tool_call" in event.data:
                call = ToolCall(**event.data["tool_call"], told=memo.get("told", ""))
                calls[call.tool_call_id] = call
            if event.data.get("result_set"):
                sets.append(ResultSet(**event.data["result_set"]))
        return cls(turn, tuple(steps), tuple(calls.values()), tuple(sets))

    @property
    def open(self) -> list[tuple[int, Use]]:
        """The uses that were decided and have no result yet, each with its number among all uses, from 1."""
        uses = [use for step in self.steps for use in step.uses]
        done = {call.tool_call_id for call in self.calls if call.status is not CallStatus.RUNNING}
        return [(n, use) for n, use in enumerate(uses, 1) if call_id(n) not in done]

    @property
    def answer(self) -> Step | None:
        """The step that answered, when there is one."""
        return next((step for step in self.steps if not step.uses), None)

    @property
    def items(self) -> Iterator[dict[str, Any]]:
        """The items of all result sets, in order."""
        return (item for results in self.sets for item in results.items)

    def item(self, label: str) -> tuple[ResultSet, dict[str, Any]] | None:
        """Return what a label such as `rs1:3` stands for."""
        name, _, place = label.partition(":")
        found = next((one for one in self.sets if one.id == name), None)
        if found is None or not place.isascii() or not place.isdigit() or not 1 <= int(place) <= len(found.items):
            return None
        return found, found.items[int(place) - 1]


def call_id(number: int) -> str:
    """Return the id of the n-th tool call of a turn."""
    return f"call_{number}"
