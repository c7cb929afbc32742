"""How a turn ends: who locks what, what its answer is made of, and what is written when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import evolve

from videovector_core.chat import citations, rules
from videovector_core.chat.citations import Answer
from videovector_core.chat.model import EventName, Step, Story, Turn, TurnEvent, TurnStatus, advance
from videovector_core.chat.ports import ChatTx
from videovector_core.errors import VideoVectorError
from videovector_core.search.model import Hit


async def locked(tx: ChatTx, user_id: str, turn_id: str) -> Turn | None:
    """Return a turn that is to end, locked, its session first: whoever locks both does it in this order."""
    turn = await tx.chat.turn(user_id, turn_id)
    if turn is None or await tx.chat.session(user_id, turn.session_id, lock=True) is None:
        return None
    return await tx.chat.turn(user_id, turn_id, lock=True)


async def end(tx: ChatTx, turn: Turn, status: TurnStatus, now: datetime, error: VideoVectorError | None = None) -> Turn:
    """End a turn that is `locked`: its row, its last event, and its place in the session."""
    told = {"code": error.code, "message": error.message, "details": error.details} if error is not None else None
    ended = evolve(turn, status=advance(turn.status, status), error=told, completed_at=now)
    await tx.chat.save_turn(ended)
    name = EventName.COMPLETED if status is TurnStatus.COMPLETED else EventName.ERROR
    last = await tx.chat.last(turn.turn_id)
    await tx.chat.append([TurnEvent(turn.turn_id, last + 1, name, now, dict(told or {}))])
    session = await tx.chat.session(turn.user_id, turn.session_id)
    if session is not None and session.active_turn_id == turn.turn_id:
        await tx.chat.save_session(evolve(session, active_turn_id=None, updated_at=now))
    return ended


def answered(story: Story, step: Step, hits: Mapping[str, Hit], planner: str) -> Answer:
    """Make the answer out of what was said: clean, every reference resolved against its row.

    `hits` are the rows of the story's results as they are now. What says nothing when it is clean is answered by rule.
    """
    made = citations.cite(citations.clean(step.text), story, hits)
    if not made.content:
        by_rule = citations.cite(citations.clean(rules.closing(story)), story, hits)
        return evolve(by_rule, removed=made.removed)
    listed = citations.evidence(made.citations) if planner == "model" else ""
    return evolve(made, content=f"{made.content}\n\n{listed}") if listed else made
