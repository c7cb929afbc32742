"""The use cases of chat: sessions, turns, and following a turn."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

from attrs import evolve, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.chat.citations import result_ids
from videovector_core.chat.ending import end
from videovector_core.chat.model import TITLE, ChatSession, EventName, Story, Turn, TurnEvent, TurnStatus
from videovector_core.chat.ports import ChatTx, topic
from videovector_core.chat.telling import stories
from videovector_core.chat.turns import TURN, work_on
from videovector_core.errors import Conflict, Invalid, NotFound, ProcessingFailed
from videovector_core.idempotency import fingerprint_json, mismatch
from videovector_core.page import After, Page
from videovector_core.ports import Begin, Clock, Doorbell, Ids
from videovector_core.search.model import Hit
from videovector_core.search.service import Search, Where

MAX_RUNS: Final = 1_000
"""Runs that a scope holds at the most: the newest ones."""
TURNS_OF_SESSION: Final = 50
"""Turns that are shown with their session: the last ones."""
_HEARTBEAT: Final = 14.0
_POLL: Final = 1.0


@frozen
class Asked:
    """A turn that was asked, and whether the same question under the same key had asked it before."""

    turn: Turn
    replayed: bool = False


@frozen
class Chat:
    """Hold conversations about what was found in media."""

    begin: Begin[ChatTx]
    clock: Clock
    ids: Ids
    doorbell: Doorbell
    search: Search

    async def create(self, caller: Caller, *, title: str | None = None) -> ChatSession:
        """Begin a conversation."""
        caller.require(Scope.SEARCH)
        now = self.clock.now()
        session = ChatSession(
            self.ids.new("session"), caller.user_id, now, now, title.strip() or None if title else None
        )
        async with self.begin() as tx:
            await tx.chat.add_session(session)
        return session

    async def sessions(self, caller: Caller, *, limit: int = 50, after: After | None = None) -> Page[ChatSession]:
        """List the caller's conversations, newest first."""
        caller.require(Scope.SEARCH)
        async with self.begin() as tx:
            rows = await tx.chat.sessions(caller.user_id, limit=limit + 1, after=after)
        return Page.cut(rows, limit, lambda one: (one.created_at.isoformat(), one.session_id))

    async def session(self, caller: Caller, session_id: str) -> tuple[ChatSession, list[Story]]:
        """Return a conversation with its last turns, oldest first."""
        caller.require(Scope.SEARCH)
        async with self.begin() as tx:
            session = await _session(tx, caller, session_id)
            turns = await tx.chat.latest(session_id, before=session.turn_count + 1, limit=TURNS_OF_SESSION)
            return session, await stories(tx, turns)

    async def delete(self, caller: Caller, session_id: str) -> None:
        """Remove a conversation; a turn that is under way ends."""
        caller.require(Scope.SEARCH)
        async with self.begin() as tx:
            session = await _session(tx, caller, session_id, lock=True)
            if session.active_turn_id is not None:
                await tx.work.drop(TURN, prefix=session.active_turn_id)
            await tx.chat.remove_session(caller.user_id, session_id)

    async def turns(
        self, caller: Caller, session_id: str, *, limit: int = 50, after: After | None = None
    ) -> Page[Story]:
        """List the turns of a conversation, oldest first."""
        caller.require(Scope.SEARCH)
        async with self.begin() as tx:
            await _session(tx, caller, session_id)
            page = Page.cut(
                await tx.chat.turns(session_id, limit=limit + 1, after=after), limit, lambda t: (t.ordinal,)
            )
            return Page(tuple(await stories(tx, page.items)), page.after)

    async def turn(self, caller: Caller, session_id: str, turn_id: str) -> Story:
        """Return a turn as far as it has come."""
        caller.require(Scope.SEARCH)
        async with self.begin() as tx:
            return (await stories(tx, [await _turn(tx, caller, session_id, turn_id)]))[0]

    async def ask(
        self,
        caller: Caller,
        session_id: str,
        *,
        message: str,
        index_ids: Sequence[str] | None = None,
        run_ids: Sequence[str] | None = None,
        key: str | None = None,
    ) -> Asked:
        """Ask something; a worker answers it, whoever stays to listen.

        The scope is fixed now: without `index_ids` it is all indexes of the caller, without `run_ids` every searchable
        run in them, and later ones are not looked at.

        Raises:
            NotFound: no such session, or an index or run of the scope is unknown.
            Conflict: a turn of this session is under way, or the key was used for another question.
        """
        caller.require(Scope.SEARCH)
        if not message.strip():
            raise Invalid("The message is blank; write a question.", code="validation_message")
        asked = {"message": message, "index_ids": sorted(set(index_ids or ())), "run_ids": sorted(set(run_ids or ()))}
        fingerprint = fingerprint_json(asked)
        async with self.begin() as tx:
            await _session(tx, caller, session_id)
            if (known := await _known(tx, session_id, key, fingerprint)) is not None:
                return known
        indexes, runs = await self._scope(caller, index_ids or (), run_ids or ())
        async with self.begin() as tx:
            session = await _session(tx, caller, session_id, lock=True)
            if (known := await _known(tx, session_id, key, fingerprint)) is not None:
                return known
            if session.active_turn_id is not None:
                raise Conflict(
                    "A turn of this session is under way; wait for its end, or cancel it.",
                    code="conflict_turn_in_progress",
                    details={"turn_id": session.active_turn_id},
                )
            now = self.clock.now()
            turn = Turn(
                self.ids.new("turn"),
                session_id,
                caller.user_id,
                session.turn_count + 1,
                message,
                now,
                indexes,
                runs,
                key=key,
                fingerprint=fingerprint,
            )
            await self._begun(tx, session, turn)
        return Asked(turn)

    async def cancel(self, caller: Caller, session_id: str, turn_id: str) -> Story:
        """End a turn that is under way; one that has ended stays as it is."""
        caller.require(Scope.SEARCH)
        async with self.begin() as tx:
            await _session(tx, caller, session_id, lock=True)
            turn = await _turn(tx, caller, session_id, turn_id, lock=True)
            if not turn.status.final:
                why = ProcessingFailed("The turn was cancelled; ask again when you want an answer.", code="cancelled")
                turn = await end(tx, turn, TurnStatus.CANCELLED, self.clock.now(), why)
                await tx.work.drop(TURN, prefix=turn_id)
            return (await stories(tx, [turn]))[0]

    async def place(self, caller: Caller, session_id: str, turn_id: str, after: int | None) -> int:
        """Return a place in a turn's journal to follow it from; without one it is the present end.

        The last event of a turn that has ended is always still to come, so that every stream ends with it.

        Raises:
            Invalid: code `validation_last_event_id`, when the journal has not come that far.
        """
        caller.require(Scope.SEARCH)
        async with self.begin() as tx:
            turn = await _turn(tx, caller, session_id, turn_id)
            last = await tx.chat.last(turn_id)
        if after is not None and not 0 <= after <= last:
            raise Invalid(
                f"This turn has {last} events so far; Last-Event-ID is the id of one of them.",
                code="validation_last_event_id",
            )
        after = last if after is None else after
        return after - 1 if turn.status.final and after == last else after

    async def follow(self, turn: Turn, after: int) -> AsyncGenerator[list[TurnEvent], None]:
        """Yield the events of a turn behind a place until its last one, and an empty list as a sign of life."""
        spoke = asyncio.get_running_loop().time()
        while True:
            ring = asyncio.ensure_future(self.doorbell.wait(topic(turn.turn_id), _POLL))
            try:
                await asyncio.sleep(0)  # whoever rings while the journal is read must be heard
                async with self.begin() as tx:
                    found = await tx.chat.events([turn.turn_id], after=after)
                    gone = not found and await tx.chat.turn(turn.user_id, turn.turn_id) is None
                if gone:
                    raise NotFound.of("turn", turn.turn_id)
                if found:
                    after = found[-1].sequence
                    yield found
                    spoke = asyncio.get_running_loop().time()
                    if found[-1].name.last:
                        return
                    continue
                if asyncio.get_running_loop().time() - spoke >= _HEARTBEAT:
                    yield []
                    spoke = asyncio.get_running_loop().time()
                await ring
            finally:
                ring.cancel()
                await asyncio.gather(ring, return_exceptions=True)

    async def finished(self, turn: Turn, seconds: float) -> bool:
        """Wait for a turn's end, at most so many seconds; say whether it came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), contextlib.aclosing(self.follow(turn, 0)) as events:
                async for found in events:
                    if found and found[-1].name.last:
                        return True
        return False

    async def hits(self, caller: Caller, stories: Sequence[Story]) -> Mapping[str, Hit]:
        """Return the rows of all results in turns as they are now, by result id; what is gone is left out."""
        cited = {one.result_id for story in stories for one in story.turn.citations if one.result_id}
        ids = list(dict.fromkeys([*result_ids(stories), *sorted(cited)]))
        if not ids:
            return {}
        async with self.begin() as tx:
            found = [await tx.runs.get(caller.user_id, one) for one in sorted({one.split(":")[2] for one in ids})]
        return await self.search.hydrate(caller, {run.run_id: run for run in found if run is not None}, ids)

    async def _scope(
        self, caller: Caller, index_ids: Sequence[str], run_ids: Sequence[str]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Resolve a scope; what is unknown or foreign refuses the whole question."""
        named = tuple(dict.fromkeys(index_ids))
        if not named:
            async with self.begin() as tx:
                named = tuple(one.index_id for one in await tx.indexes.all(caller.user_id, defaults=False))
        where = Where(index_ids=named, run_ids=tuple(dict.fromkeys(run_ids)))
        runs = await self.search.runs(caller, where)
        return named, tuple(run.run_id for run in runs[:MAX_RUNS]) if named else ()

    async def _begun(self, tx: ChatTx, session: ChatSession, turn: Turn) -> None:
        await tx.chat.add_turn(turn)
        await tx.chat.append([TurnEvent(turn.turn_id, 1, EventName.STARTED, turn.created_at)])
        title = session.title or " ".join(turn.message.split())[:TITLE]
        await tx.chat.save_session(
            evolve(
                session,
                title=title,
                updated_at=turn.created_at,
                last_turn_at=turn.created_at,
                turn_count=turn.ordinal,
                active_turn_id=turn.turn_id,
            )
        )
        await tx.work.add([work_on(turn)])


async def _session(tx: ChatTx, caller: Caller, session_id: str, *, lock: bool = False) -> ChatSession:
    session = await tx.chat.session(caller.user_id, session_id, lock=lock)
    if session is None:
        raise NotFound.of("session", session_id)
    return session


async def _turn(tx: ChatTx, caller: Caller, session_id: str, turn_id: str, *, lock: bool = False) -> Turn:
    await _session(tx, caller, session_id)
    turn = await tx.chat.turn(caller.user_id, turn_id, lock=lock)
    if turn is None or turn.session_id != session_id:
        raise NotFound.of("turn", turn_id)
    return turn


async def _known(tx: ChatTx, session_id: str, key: str | None, fingerprint: str) -> Asked | None:
    known = await tx.chat.asked_under(session_id, key) if key is not None else None
    if known is not None and known.fingerprint != fingerprint:
        raise mismatch()
    return Asked(known, replayed=True) if known is not None else None
