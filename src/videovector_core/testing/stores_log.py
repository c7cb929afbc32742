"""What every `EventLog` and every `ReceiptStore` keeps."""

from __future__ import annotations

from typing import Final

from videovector_core.events.model import EventFilter, NewEvent
from videovector_core.idempotency import Answer, Slot
from videovector_core.testing import stores_room as make
from videovector_core.testing.stores_room import Room

ALL: Final = EventFilter()
ONE, TWO, THREE = "one", "two", "three"
SLOT: Final = Slot(make.USER, "POST", "/api/prompts", "k-1")


def event(kind: str = "media.created", **about: str) -> NewEvent:
    """Make an event."""
    return NewEvent(kind, {"z": 1, "a": "ü\u0000"}, **about)


class EventLogContract:
    """The promises of `EventLog`, one test each."""

    async def test_numbers_count_without_a_gap_within_a_tenant(self, room: Room) -> None:
        """Each tenant counts from 1, whatever the others do."""
        async with room.begin() as tx:
            first = await tx.events.append(make.USER, [event(), event()])
        async with room.begin() as tx:
            other = await tx.events.append(make.OTHER, [event()])
            second = await tx.events.append(make.USER, [event()])
            assert await tx.events.last(make.USER) == 3
            assert await tx.events.last("user_c") == 0
        assert [kept.sequence for kept in (*first, *second)] == [1, 2, 3]
        assert [kept.sequence for kept in other] == [1]

    async def test_events_are_read_as_they_were_kept(self, room: Room) -> None:
        """Reading gives back what appending returned: ids of their own, payloads in their order, any text."""
        async with room.begin() as tx:
            kept = await tx.events.append(make.USER, [event(run_id="run_1", video_id="vid_1"), event(index_id="i")])
            read = await tx.events.after(make.USER, 0, wanted=ALL, limit=10)
        assert read == kept
        assert list(read[0].payload) == ["z", "a"]
        assert len({one.event_id for one in kept}) == 2

    async def test_reading_goes_on_after_a_number(self, room: Room) -> None:
        """A reader gets the events behind its place, in order, no more than it asked for, and no foreign ones."""
        async with room.begin() as tx:
            await tx.events.append(make.USER, [event() for _ in range(5)])
            await tx.events.append(make.OTHER, [event()])
            assert [one.sequence for one in await tx.events.after(make.USER, 2, wanted=ALL, limit=2)] == [3, 4]
            assert await tx.events.after(make.USER, 5, wanted=ALL, limit=2) == []

    async def test_a_filter_keeps_what_meets_all_its_conditions(self, room: Room) -> None:
        """The store and `EventFilter.admits` agree about every event."""
        filters = [
            ALL,
            EventFilter(run_id="run_1"),
            EventFilter(index_id="idx_1"),
            EventFilter(video_ids=frozenset({"vid_1", "vid_2"})),
            EventFilter(video_ids=frozenset()),
            EventFilter(event_types=frozenset({"export.ready"})),
            EventFilter(run_id="run_1", event_types=frozenset({"media.created"})),
        ]
        events = [
            event(),
            event(run_id="run_1"),
            event("export.ready", run_id="run_1", index_id="idx_1"),
            event(run_id="run_2", video_id="vid_1"),
            event(video_id="vid_2", index_id="idx_1"),
        ]
        async with room.begin() as tx:
            kept = await tx.events.append(make.USER, events)
            for wanted in filters:
                found = await tx.events.after(make.USER, 0, wanted=wanted, limit=10)
                assert found == [one for one in kept if wanted.admits(one)]

    async def test_an_event_id_leads_to_its_number(self, room: Room) -> None:
        """Unknown and foreign ids lead nowhere."""
        async with room.begin() as tx:
            _, second = await tx.events.append(make.USER, [event(), event()])
            assert await tx.events.sequence_of(make.USER, second.event_id) == 2
            assert await tx.events.sequence_of(make.OTHER, second.event_id) is None
            assert await tx.events.sequence_of(make.USER, "evt_unknown") is None

    async def test_forgetting_keeps_the_numbers_going(self, room: Room) -> None:
        """Forgotten events are gone, and the next event's number is as if they were not."""
        async with room.begin() as tx:
            kept = await tx.events.append(make.USER, [event(), event()])
            assert await tx.events.forget(kept[0].created_at) == 0
            assert await tx.events.forget(make.at(10**9)) == 2
            assert await tx.events.after(make.USER, 0, wanted=ALL, limit=10) == []
            assert await tx.events.sequence_of(make.USER, kept[0].event_id) is None
            assert await tx.events.last(make.USER) == 2
            assert (await tx.events.append(make.USER, [event()]))[0].sequence == 3

    async def test_appending_nothing_is_nothing(self, room: Room) -> None:
        """An empty list of events takes no number."""
        async with room.begin() as tx:
            assert await tx.events.append(make.USER, []) == []
            assert await tx.events.last(make.USER) == 0


class ReceiptContract:
    """The promises of `ReceiptStore`, one test each."""

    async def test_the_first_claim_wins(self, room: Room) -> None:
        """A claim returns the receipt that holds the slot: one's own, or the other's."""
        async with room.begin() as tx:
            mine = await tx.receipts.claim(SLOT, "body", token=ONE, seconds=30)
        async with room.begin() as tx:
            theirs = await tx.receipts.claim(SLOT, "another body", token=TWO, seconds=30)
        assert mine.token == ONE
        assert theirs == mine
        assert theirs.answer is None

    async def test_a_key_counts_within_one_account_method_and_path(self, room: Room) -> None:
        """Slots that differ in any part are independent, also where the parts read the same when joined."""
        slots = [
            SLOT,
            Slot(make.OTHER, "POST", "/api/prompts", "k-1"),
            Slot(make.USER, "PUT", "/api/prompts", "k-1"),
            Slot(make.USER, "POST", "/api/prompts/", "k-1"),
            Slot(make.USER, "POST", "/api/prompts", "k-2"),
            Slot(make.USER, "POST", "/api/promptsk", "-1"),
        ]
        async with room.begin() as tx:
            claimed = [await tx.receipts.claim(slot, "f", token=str(n), seconds=30) for n, slot in enumerate(slots)]
        assert [receipt.token for receipt in claimed] == [str(n) for n in range(len(slots))]

    async def test_an_answer_is_replayed_byte_for_byte(self, room: Room) -> None:
        """A completed receipt gives its answer to whoever claims the slot again, and for good."""
        answer = Answer(201, b'{"b": 1, "a": "\xff\x00"}', "application/json; charset=utf-8")
        async with room.begin() as tx:
            await tx.receipts.claim(SLOT, "body", token=ONE, seconds=30)
            assert await tx.receipts.complete(SLOT, token=ONE, answer=answer)
        await room.advance(3600)
        async with room.begin() as tx:
            again = await tx.receipts.claim(SLOT, "body", token=TWO, seconds=30)
        assert (again.token, again.answer, again.fingerprint) == (ONE, answer, "body")

    async def test_a_claim_that_ran_out_counts_as_absent(self, room: Room) -> None:
        """After its lease somebody else may claim the slot, and then the first is no longer believed."""
        async with room.begin() as tx:
            await tx.receipts.claim(SLOT, "body", token=ONE, seconds=30)
        await room.advance(31)
        async with room.begin() as tx:
            assert (await tx.receipts.claim(SLOT, "new body", token=TWO, seconds=30)).token == TWO
            assert not await tx.receipts.complete(SLOT, token=ONE, answer=Answer(200, b""))
            assert not await tx.receipts.renew(SLOT, token=ONE, seconds=30)
            assert (await tx.receipts.claim(SLOT, "x", token=THREE, seconds=30)).fingerprint == "new body"

    async def test_renewing_lengthens_a_claim(self, room: Room) -> None:
        """A renewed claim still holds when its first lease would have run out."""
        async with room.begin() as tx:
            await tx.receipts.claim(SLOT, "body", token=ONE, seconds=30)
        await room.advance(20)
        async with room.begin() as tx:
            assert await tx.receipts.renew(SLOT, token=ONE, seconds=30)
        await room.advance(20)
        async with room.begin() as tx:
            assert (await tx.receipts.claim(SLOT, "body", token=TWO, seconds=30)).token == ONE

    async def test_only_the_holder_completes_renews_and_releases(self, room: Room) -> None:
        """Another token changes nothing, and neither does the right one after the answer is there."""
        async with room.begin() as tx:
            await tx.receipts.claim(SLOT, "body", token=ONE, seconds=30)
            assert not await tx.receipts.complete(SLOT, token=TWO, answer=Answer(200, b""))
            await tx.receipts.release(SLOT, token=TWO)
            assert await tx.receipts.complete(SLOT, token=ONE, answer=Answer(200, b"first"))
            assert not await tx.receipts.complete(SLOT, token=ONE, answer=Answer(200, b"second"))
            assert not await tx.receipts.renew(SLOT, token=ONE, seconds=30)
            await tx.receipts.release(SLOT, token=ONE)
            kept = await tx.receipts.claim(SLOT, "body", token=THREE, seconds=30)
        assert kept.answer == Answer(200, b"first")

    async def test_a_released_slot_is_free(self, room: Room) -> None:
        """After a release the next claim starts anew."""
        async with room.begin() as tx:
            await tx.receipts.claim(SLOT, "body", token=ONE, seconds=30)
            await tx.receipts.release(SLOT, token=ONE)
            assert (await tx.receipts.claim(SLOT, "other", token=TWO, seconds=30)).fingerprint == "other"

    async def test_old_receipts_are_forgotten(self, room: Room) -> None:
        """Forgetting removes what is older than the moment and says how much that was."""
        async with room.begin() as tx:
            kept = await tx.receipts.claim(SLOT, "body", token=ONE, seconds=30)
            assert await tx.receipts.forget(kept.created_at) == 0
            assert await tx.receipts.forget(make.at(10**9)) == 1
            assert (await tx.receipts.claim(SLOT, "new", token=TWO, seconds=30)).token == TWO

    async def test_a_path_may_be_long(self, room: Room) -> None:
        """Keys and paths up to the limits of HTTP fit."""
        slot = Slot(make.USER, "POST", "/" + "ü" * 7000, "k" * 255)
        async with room.begin() as tx:
            assert (await tx.receipts.claim(slot, "body", token=ONE, seconds=30)).slot == slot
