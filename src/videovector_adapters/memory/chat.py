"""Sessions, turns and journals in memory."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from videovector_adapters.memory.catalogue import newest
from videovector_adapters.memory.database import Table
from videovector_core.chat.model import ChatSession, Turn, TurnEvent
from videovector_core.chat.ports import topic
from videovector_core.page import After


@define
class MemoryChat:
    """`ChatStore` in memory."""

    rows: Table[str, ChatSession]
    turn_rows: Table[str, Turn]
    journals: Table[str, tuple[TurnEvent, ...]]

    async def add_session(self, session: ChatSession) -> bool:
        return self.rows.add(session.session_id, session)

    async def session(self, user_id: str, session_id: str, *, lock: bool = False) -> ChatSession | None:  # noqa: ARG002 - serial
        found = self.rows.get(session_id)
        return found if found is not None and found.user_id == user_id else None

    async def save_session(self, session: ChatSession) -> None:
        self.rows.replace(session.session_id, session)

    async def sessions(self, user_id: str, *, limit: int, after: After | None = None) -> list[ChatSession]:
        found = self.rows.where(lambda one: one.user_id == user_id)
        return newest(found, lambda one: (one.created_at.isoformat(), one.session_id), after=after, limit=limit)

    async def remove_session(self, user_id: str, session_id: str) -> bool:
        if await self.session(user_id, session_id) is None:
            return False
        self.rows.pop(session_id)
        for turn in list(self.turn_rows.where(lambda one: one.session_id == session_id)):
            self.turn_rows.pop(turn.turn_id)
            self.journals.pop(turn.turn_id)
            self.rows.journal.rings.add(topic(turn.turn_id))
        return True

    async def add_turn(self, turn: Turn) -> bool:
        for one in self.turn_rows.where(lambda one: one.session_id == turn.session_id):
            if one.ordinal == turn.ordinal or (one.key is not None and one.key == turn.key):
                return False
        return self.turn_rows.add(turn.turn_id, turn)

    async def turn(self, user_id: str, turn_id: str, *, lock: bool = False) -> Turn | None:  # noqa: ARG002 - serial
        found = self.turn_rows.get(turn_id)
        return found if found is not None and found.user_id == user_id else None

    async def asked_under(self, session_id: str, key: str) -> Turn | None:
        return next(self.turn_rows.where(lambda one: one.session_id == session_id and one.key == key), None)

    async def save_turn(self, turn: Turn) -> None:
        self.turn_rows.replace(turn.turn_id, turn)

    async def turns(self, session_id: str, *, limit: int, after: After | None = None) -> list[Turn]:
        found = self.turn_rows.where(
            lambda one: one.session_id == session_id and (after is None or (one.ordinal,) > after)
        )
        return sorted(found, key=lambda one: one.ordinal)[:limit]

    async def latest(self, session_id: str, *, before: int, limit: int) -> list[Turn]:
        found = self.turn_rows.where(lambda one: one.session_id == session_id and one.ordinal < before)
        return sorted(found, key=lambda one: one.ordinal)[-limit:]

    async def within(self, user_id: str, index_ids: Sequence[str]) -> list[str]:
        mine = self.turn_rows.where(lambda one: one.user_id == user_id and not set(index_ids).isdisjoint(one.index_ids))
        return sorted({one.session_id for one in mine})

    async def append(self, events: Sequence[TurnEvent]) -> None:
        for event in events:
            self.journals.put(event.turn_id, (*(self.journals.get(event.turn_id) or ()), event))
            self.rows.journal.rings.add(topic(event.turn_id))

    async def rewrite(self, event: TurnEvent) -> None:
        kept = self.journals.get(event.turn_id) or ()
        self.journals.replace(event.turn_id, tuple(event if one.sequence == event.sequence else one for one in kept))

    async def last(self, turn_id: str) -> int:
        return max((event.sequence for event in self.journals.get(turn_id) or ()), default=0)

    async def events(self, turn_ids: Sequence[str], *, after: int = 0) -> list[TurnEvent]:
        journals = (self.journals.get(one) or () for one in sorted(turn_ids))
        return [event for journal in journals for event in journal if event.sequence > after]
