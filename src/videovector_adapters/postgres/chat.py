"""Sessions, turns and journals in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape, before, beyond, locking
from videovector_core.chat.model import ChatSession, Turn, TurnEvent
from videovector_core.chat.ports import topic
from videovector_core.page import After

SESSIONS: Final = Shape("chat_sessions", ChatSession, ("session_id",))
TURNS: Final = Shape("chat_turns", Turn, ("turn_id",), ("citations", "stats", "error"))
EVENTS: Final = Shape("chat_events", TurnEvent, ("turn_id", "sequence"), ("data", "memo"))


@define
class PgChat:
    """`ChatStore` in PostgreSQL."""

    db: Session

    async def add_session(self, session: ChatSession) -> bool:
        return await self.db.add(SESSIONS, session)

    async def session(self, user_id: str, session_id: str, *, lock: bool = False) -> ChatSession | None:
        mine = f"WHERE session_id = %s AND user_id = %s {locking(lock)}"
        return await self.db.one(SESSIONS, mine, [session_id, user_id])

    async def save_session(self, session: ChatSession) -> None:
        await self.db.replace(SESSIONS, session)

    async def sessions(self, user_id: str, *, limit: int, after: After | None = None) -> list[ChatSession]:
        further, place = before(after, "created_at, session_id")
        rest = f"WHERE user_id = %s {further} ORDER BY created_at DESC, session_id DESC LIMIT %s"
        return await self.db.many(SESSIONS, rest, [user_id, *place, limit])

    async def remove_session(self, user_id: str, session_id: str) -> bool:
        given = [session_id, user_id]
        removed = await self.db.run("DELETE FROM chat_sessions WHERE session_id = %s AND user_id = %s", given) == 1
        if removed:
            turns = "DELETE FROM chat_turns WHERE session_id = %s AND user_id = %s RETURNING turn_id"
            gone = [row[0] for row in await self.db.rows(turns, given)]
            await self.db.run("DELETE FROM chat_events WHERE turn_id = ANY(%s)", [gone])
            self.db.rings.update(topic(one) for one in gone)
        return removed

    async def add_turn(self, turn: Turn) -> bool:
        return await self.db.add(TURNS, turn)

    async def turn(self, user_id: str, turn_id: str, *, lock: bool = False) -> Turn | None:
        mine = f"WHERE turn_id = %s AND user_id = %s {locking(lock)}"
        return await self.db.one(TURNS, mine, [turn_id, user_id])

    async def asked_under(self, session_id: str, key: str) -> Turn | None:
        return await self.db.one(TURNS, 'WHERE session_id = %s AND "key" = %s', [session_id, key])

    async def save_turn(self, turn: Turn) -> None:
        await self.db.replace(TURNS, turn)

    async def turns(self, session_id: str, *, limit: int, after: After | None = None) -> list[Turn]:
        further, place = beyond(after, "ordinal")
        rest = f"WHERE session_id = %s {further} ORDER BY ordinal LIMIT %s"
        return await self.db.many(TURNS, rest, [session_id, *place, limit])

    async def latest(self, session_id: str, *, before: int, limit: int) -> list[Turn]:
        rest = "WHERE session_id = %s AND ordinal < %s ORDER BY ordinal DESC LIMIT %s"
        return list(reversed(await self.db.many(TURNS, rest, [session_id, before, limit])))

    async def within(self, user_id: str, index_ids: Sequence[str]) -> list[str]:
        find = (
            "SELECT s.session_id FROM chat_sessions s WHERE s.user_id = %s AND EXISTS (SELECT FROM chat_turns t "
            "WHERE t.session_id = s.session_id AND t.index_ids && %s) ORDER BY s.session_id"
        )
        return [row[0] for row in await self.db.rows(find, [user_id, list(index_ids)])]

    async def append(self, events: Sequence[TurnEvent]) -> None:
        for event in events:
            await self.db.run(EVENTS.insert(), EVENTS.values(event))
            self.db.rings.add(topic(event.turn_id))

    async def rewrite(self, event: TurnEvent) -> None:
        await self.db.replace(EVENTS, event)

    async def last(self, turn_id: str) -> int:
        found = await self.db.value("SELECT max(sequence) FROM chat_events WHERE turn_id = %s", [turn_id])
        return int(found or 0)

    async def events(self, turn_ids: Sequence[str], *, after: int = 0) -> list[TurnEvent]:
        rest = "WHERE turn_id = ANY(%s) AND sequence > %s ORDER BY turn_id, sequence"
        return await self.db.many(EVENTS, rest, [list(turn_ids), after])
