"""What a turn tells of its work: calls and result sets as its journal has them, and the story that they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
from attrs import evolve

from videovector_core.chat.model import CallStatus, Phase, ResultSet, Step, Story, ToolCall, Turn, TurnEvent
from videovector_core.chat.ports import ChatTx


async def stories(tx: ChatTx, turns: Sequence[Turn]) -> list[Story]:
    """Return the stories of turns, whose journals are read at once."""
    journals: dict[str, list[TurnEvent]] = {}
    for event in await tx.chat.events([turn.turn_id for turn in turns]):
        journals.setdefault(event.turn_id, []).append(event)
    return [Story.of(turn, journals.get(turn.turn_id, ())) for turn in turns]


def further(story: Story, turn: Turn, kept: Sequence[TurnEvent]) -> Story:
    """Return a story with what was just kept folded into it."""
    new = Story.of(turn, kept)
    changed = {call.tool_call_id: call for call in new.calls}
    calls = {call.tool_call_id: call for call in story.calls} | changed
    return Story(turn, (*story.steps, *new.steps), tuple(calls.values()), (*story.sets, *new.sets))


def phase(step: Step) -> Phase:
    """Return what an agent is doing that takes a step."""
    if not step.uses:
        return Phase.ANSWERING
    reads = {"get_segments", "get_video_result", "list_scope", "sql_catalog"}
    return Phase.READING if all(use.name in reads for use in step.uses) else Phase.SEARCHING


def not_done(call: ToolCall, status: CallStatus, why: str) -> ToolCall:
    """Return a call that was not carried out, or not to its end, and why; whoever decides next is told."""
    return evolve(call, status=status, summary=None, error=why[:500], told=f"{status.value}: {why[:500]}")


def shown(call: ToolCall) -> dict[str, Any]:
    """Return a call as an entry of the journal has it; what is told of it is remembered apart."""
    return {**attrs.asdict(call, filter=lambda one, _: one.name != "told"), "status": call.status.value}


def plain(results: ResultSet) -> dict[str, Any]:
    """Return a result set as an entry of the journal has it."""
    return {**attrs.asdict(results), "kind": results.kind.value}


def stamp(now: datetime) -> str:
    """Write a moment as JSON has it."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
