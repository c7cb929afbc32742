"""What chat asks of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from videovector_core.chat.model import ChatSession, Turn, TurnEvent
from videovector_core.indexes.ports import IndexesTx
from videovector_core.page import After
from videovector_core.runs.ports import RunsTx
from videovector_core.work import WorkTx


def topic(turn_id: str) -> str:
    """Return the topic that the doorbell is rung under when a turn's journal grows."""
    return f"chat:{turn_id}"


class ChatStore(Protocol):
    """Keeps sessions, turns and journals. A session of another tenant is not there."""

    async def add_session(self, session: ChatSession) -> bool:
        """Keep a session; false when its id is taken."""
        ...

    async def session(self, user_id: str, session_id: str, *, lock: bool = False) -> ChatSession | None:
        """Return a session of the tenant; with `lock`, nobody else changes it before the transaction ends."""
        ...

    async def save_session(self, session: ChatSession) -> None:
        """Replace a session; one that is gone stays gone."""
        ...

    async def sessions(self, user_id: str, *, limit: int, after: After | None = None) -> list[ChatSession]:
        """List the tenant's sessions, newest first; the key is (created_at in ISO, session id)."""
        ...

    async def remove_session(self, user_id: str, session_id: str) -> bool:
        """Remove a session with its turns and their journals; false when there is none."""
        ...

    async def add_turn(self, turn: Turn) -> bool:
        """Keep a turn; false when its id, its ordinal or its key is taken in the session."""
        ...

    async def turn(self, user_id: str, turn_id: str, *, lock: bool = False) -> Turn | None:
        """Return a turn of the tenant; with `lock`, nobody else changes it before the transaction ends."""
        ...

    async def asked_under(self, session_id: str, key: str) -> Turn | None:
        """Return the turn of a session that was asked under an idempotency key."""
        ...

    async def save_turn(self, turn: Turn) -> None:
        """Replace a turn; one that is gone stays gone."""
        ...

    async def turns(self, session_id: str, *, limit: int, after: After | None = None) -> list[Turn]:
        """List the turns of a session, oldest first; the key is (ordinal)."""
        ...

    async def latest(self, session_id: str, *, before: int, limit: int) -> list[Turn]:
        """Return the last turns of a session whose ordinal is below `before`, oldest first."""
        ...

    async def within(self, user_id: str, index_ids: Sequence[str]) -> list[str]:
        """Return the tenant's sessions with a turn whose scope has one of the indexes, by id."""
        ...

    async def append(self, events: Sequence[TurnEvent]) -> None:
        """Add entries to a turn's journal and ring its topic after the commit; the turn is locked by the caller."""
        ...

    async def rewrite(self, event: TurnEvent) -> None:
        """Replace an entry of a journal; one that is gone stays gone. The turn is locked by the caller."""
        ...

    async def last(self, turn_id: str) -> int:
        """Return the number of a journal's last entry, 0 when there is none."""
        ...

    async def events(self, turn_ids: Sequence[str], *, after: int = 0) -> list[TurnEvent]:
        """Return the entries of journals behind a number, turn by turn, each in order."""
        ...


class ChatStoreTx(Protocol):
    """The slice of a transaction that holds conversations."""

    @property
    def chat(self) -> ChatStore: ...


class ChatTx(ChatStoreTx, WorkTx, RunsTx, IndexesTx, Protocol):
    """The slice of a transaction that chat touches."""
