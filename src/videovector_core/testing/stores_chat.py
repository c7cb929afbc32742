"""What a store of conversations promises."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from videovector_core.chat.model import ChatSession, Citation, EventName, Stats, Turn, TurnEvent, TurnStatus
from videovector_core.testing.stores_room import OTHER, USER, Room, at


def _session(name: str = "session_1", /, *, user_id: str = USER, second: float = 0, **more: Any) -> ChatSession:
    return ChatSession(name, user_id, at(second), at(second), **more)


def _turn(number: int, /, *, session: str = "session_1", user_id: str = USER, **more: Any) -> Turn:
    return Turn(f"turn_{session}_{number}", session, user_id, number, f"question {number}", at(number), **more)


def _event(number: int, turn: Turn, **more: Any) -> TurnEvent:
    return TurnEvent(turn.turn_id, number, EventName.STATE, at(number), **more)


class ChatContract:
    """Sessions hold turns, and turns hold journals; all belong to one tenant."""

    async def test_what_is_kept_of_a_conversation_comes_back(self, room: Room) -> None:
        """Every field of a session, a turn and an event survives, texts that only JSON can hold included."""
        odd = "\x00 \ud800 ü <b>"
        session = _session(title="Review", turn_count=1, last_turn_at=at(3), active_turn_id="turn_1")
        turn = _turn(
            1,
            index_ids=["idx_1"],
            run_ids=["run_1", "run_2"],
            status=TurnStatus.FAILED,
            content="It is there [rs1:1].",
            citations=[Citation("rs1:1", "rs1", 1, video_name=odd, start_time=0.1, end_time=1e9, verified=True)],
            stats=Stats(3, 4, 500, 60, 12.5, 1, "model", "tokens"),
            error={"code": "timeout", "message": odd, "details": {"a": [1, None]}},
            key="k",
            fingerprint="f",
            started_at=at(1),
            completed_at=at(2),
        )
        event = _event(1, turn, data={"phase": odd, "n": [0.1, None, True]}, memo={"told": odd})
        async with room.begin() as tx:
            assert await tx.chat.add_session(session)
            assert await tx.chat.add_turn(turn)
            await tx.chat.append([event])
        async with room.begin() as tx:
            assert await tx.chat.session(USER, "session_1", lock=True) == session
            assert await tx.chat.turn(USER, turn.turn_id, lock=True) == turn
            assert await tx.chat.events([turn.turn_id]) == [event]
            assert not await tx.chat.add_session(session)
            changed, ended = evolve(session, active_turn_id=None), evolve(turn, content=None, key=None)
            await tx.chat.save_session(changed)
            await tx.chat.save_turn(ended)
        async with room.begin() as tx:
            assert await tx.chat.session(USER, "session_1") == changed
            assert await tx.chat.turn(USER, turn.turn_id) == ended

    async def test_conversations_of_others_are_not_there(self, room: Room) -> None:
        """A session and a turn are found by their tenant only, and removed by nobody else."""
        async with room.begin() as tx:
            await tx.chat.add_session(_session())
            await tx.chat.add_turn(_turn(1))
        async with room.begin() as tx:
            assert await tx.chat.session(OTHER, "session_1") is None
            assert await tx.chat.turn(OTHER, _turn(1).turn_id) is None
            assert await tx.chat.sessions(OTHER, limit=9) == []
            assert not await tx.chat.remove_session(OTHER, "session_1")
            assert await tx.chat.turn(USER, _turn(1).turn_id) is not None

    async def test_pages_of_sessions(self, room: Room) -> None:
        """Sessions come newest first, by keyset; those of one moment by id."""
        made = [_session(f"session_{n}", second=n // 2) for n in range(5)]
        async with room.begin() as tx:
            for one in [*made, _session("session_x", user_id=OTHER)]:
                await tx.chat.add_session(one)
        async with room.begin() as tx:
            first = await tx.chat.sessions(USER, limit=2)
            after = (first[-1].created_at.isoformat(), first[-1].session_id)
            rest = await tx.chat.sessions(USER, limit=9, after=after)
        assert [*first, *rest] == made[::-1]

    async def test_turns_have_one_place_and_one_key(self, room: Room) -> None:
        """Turns come in order, from the front or from the back; a place or a key of a session is taken once."""
        turns = [_turn(n, key=f"k{n}" if n == 2 else None) for n in (1, 2, 3)]
        async with room.begin() as tx:
            for session in ("session_1", "session_2"):
                await tx.chat.add_session(_session(session))
            for one in turns:
                assert await tx.chat.add_turn(one)
        async with room.begin() as tx:
            assert not await tx.chat.add_turn(evolve(turns[0], turn_id="turn_again"))
        async with room.begin() as tx:
            assert not await tx.chat.add_turn(evolve(turns[1], turn_id="turn_again", ordinal=9))
        async with room.begin() as tx:
            assert await tx.chat.add_turn(_turn(1, session="session_2", key="k2"))
            assert await tx.chat.asked_under("session_1", "k2") == turns[1]
            assert await tx.chat.asked_under("session_1", "k3") is None
            assert await tx.chat.turns("session_1", limit=2) == turns[:2]
            assert await tx.chat.turns("session_1", limit=9, after=(2,)) == turns[2:]
            assert await tx.chat.latest("session_1", before=3, limit=1) == turns[1:2]
            assert await tx.chat.latest("session_1", before=9, limit=2) == turns[1:]

    async def test_journals_are_read_from_a_place_on(self, room: Room) -> None:
        """Events come by turn and in order, behind a number, and the last number is known."""
        one, two = _turn(1), _turn(2)
        async with room.begin() as tx:
            await tx.chat.append([_event(n, one) for n in (1, 2, 3)])
            await tx.chat.append([_event(1, two)])
        async with room.begin() as tx:
            assert await tx.chat.events([one.turn_id], after=1) == [_event(2, one), _event(3, one)]
            found = await tx.chat.events([two.turn_id, one.turn_id])
            assert [(event.turn_id, event.sequence) for event in found] == [
                *((one.turn_id, n) for n in (1, 2, 3)),
                (two.turn_id, 1),
            ]
            assert await tx.chat.events([]) == []
            assert (await tx.chat.last(one.turn_id), await tx.chat.last("turn_none")) == (3, 0)

    async def test_an_entry_of_a_journal_is_rewritten(self, room: Room) -> None:
        """What an entry held is replaced, the others stay; what is not there is not made."""
        one, two = _turn(1), _turn(2)
        async with room.begin() as tx:
            await tx.chat.append([_event(n, one, data={"text": "old"}, memo={"told": "old"}) for n in (1, 2)])
        instead = _event(1, one, data={"text": ""})
        async with room.begin() as tx:
            await tx.chat.rewrite(instead)
            await tx.chat.rewrite(_event(1, two))
        async with room.begin() as tx:
            first, second = await tx.chat.events([one.turn_id])
            assert (first, second.data) == (instead, {"text": "old"})
            assert await tx.chat.events([two.turn_id]) == []

    async def test_sessions_are_found_by_where_they_looked(self, room: Room) -> None:
        """A session with any turn in one of the indexes is named once; those of other tenants are not."""
        async with room.begin() as tx:
            for n, user_id in enumerate((USER, USER, USER, OTHER)):
                await tx.chat.add_session(_session(f"session_{n}", user_id=user_id))
                await tx.chat.add_turn(
                    _turn(1, session=f"session_{n}", user_id=user_id, index_ids=["idx_1", f"idx_{n}"])
                )
            await tx.chat.add_turn(_turn(2, session="session_0", index_ids=["idx_2"]))
        async with room.begin() as tx:
            assert await tx.chat.within(USER, ["idx_2", "idx_9"]) == ["session_0", "session_2"]
            assert await tx.chat.within(USER, ["idx_1"]) == ["session_0", "session_1", "session_2"]
            assert await tx.chat.within(USER, []) == []

    async def test_a_session_goes_with_everything_in_it(self, room: Room) -> None:
        """Nothing of a removed session is left, and saving into it brings nothing back."""
        session, turn = _session(), _turn(1, key="k")
        async with room.begin() as tx:
            await tx.chat.add_session(session)
            await tx.chat.add_turn(turn)
            await tx.chat.append([_event(1, turn)])
        async with room.begin() as tx:
            assert await tx.chat.remove_session(USER, "session_1")
        async with room.begin() as tx:
            await tx.chat.save_session(session)
            await tx.chat.save_turn(turn)
        async with room.begin() as tx:
            assert await tx.chat.session(USER, "session_1") is None
            assert await tx.chat.turn(USER, turn.turn_id) is None
            assert await tx.chat.events([turn.turn_id]) == []
            assert not await tx.chat.remove_session(USER, "session_1")
