"""What every `WorkStore` keeps."""

from __future__ import annotations

import asyncio
from typing import Any

from videovector_core.testing import stores_room as make
from videovector_core.testing.stores_room import Room
from videovector_core.work import NewWork, WorkItem, WorkState


def new(key: str = "key", *, user: str = make.USER, kind: str = "kind", **more: Any) -> NewWork:
    """Make work to be done."""
    return NewWork(kind, user, key, **more)


async def add(room: Room, *items: NewWork) -> None:
    """Add work in a transaction."""
    async with room.begin() as tx:
        await tx.work.add(items)


async def claim(room: Room, count: int = 10, *, kind: str = "kind", seconds: float = 30) -> list[WorkItem]:
    """Claim work in a transaction."""
    async with room.begin() as tx:
        return await tx.work.claim({kind: count}, seconds=seconds)


async def states(room: Room) -> dict[tuple[str, WorkState], int]:
    """Count the items."""
    async with room.begin() as tx:
        return await tx.work.counts()


class WorkContract:
    """The promises of `WorkStore`, one test each."""

    async def test_a_claim_leases_what_is_due(self, room: Room) -> None:
        """What was added is claimed once, with its payload, its first attempt counted and a lease."""
        await add(room, new(payload={"b": [1], "a": None}, max_attempts=5))
        (item,) = await claim(room)
        assert (item.kind, item.user_id, item.key, item.payload) == ("kind", make.USER, "key", {"b": [1], "a": None})
        assert (item.state, item.attempt, item.max_attempts) == (WorkState.LEASED, 1, 5)
        assert item.lease_until is not None
        assert item.lease_until > item.due_at
        assert await claim(room) == []

    async def test_delayed_work_waits(self, room: Room) -> None:
        """Work is claimed when its delay is over and not before."""
        await add(room, new(delay=60))
        assert await claim(room) == []
        await room.advance(61)
        assert len(await claim(room)) == 1

    async def test_adding_queued_work_again_never_makes_it_later(self, room: Room) -> None:
        """Of two requests for one key the earlier moment counts, and the later payload; it is done once."""
        await add(room, new(delay=60, payload={"n": 1}))
        await add(room, new(delay=10, payload={"n": 2}))
        await add(room, new(delay=90, payload={"n": 3}))
        await room.advance(11)
        assert [item.payload for item in await claim(room)] == [{"n": 3}]
        assert await claim(room) == []

    async def test_one_call_may_name_a_key_twice(self, room: Room) -> None:
        """Adding a key twice at once is like adding it twice in turn."""
        await add(room, new(delay=60, payload={"n": 1}), new(payload={"n": 2}), new(delay=60, payload={"n": 3}))
        assert [item.payload for item in await claim(room)] == [{"n": 3}]

    async def test_leased_work_that_is_added_runs_again(self, room: Room) -> None:
        """Finishing such an item queues it anew, with the new payload, all attempts, and the earliest moment asked for."""
        await add(room, new(payload={"n": 1}))
        (item,) = await claim(room)
        await add(room, new(payload={"n": 2}))
        await add(room, new(payload={"n": 3}, delay=60))
        assert await claim(room) == []
        async with room.begin() as tx:
            assert await tx.work.finish(item)
        (again,) = await claim(room)
        assert (again.payload, again.attempt) == ({"n": 3}, 1)
        async with room.begin() as tx:
            assert await tx.work.finish(again)
        assert await states(room) == {}

    async def test_a_repeat_asked_for_later_is_done_later(self, room: Room) -> None:
        """A leased item that is added with a delay runs again when that is over."""
        await add(room, new())
        (item,) = await claim(room)
        await add(room, new(delay=60))
        async with room.begin() as tx:
            await tx.work.finish(item)
        assert await claim(room) == []
        await room.advance(61)
        assert len(await claim(room)) == 1

    async def test_a_retry_is_the_repeat(self, room: Room) -> None:
        """An item that is added while leased and then retried runs once more, not twice."""
        await add(room, new(payload={"n": 1}))
        (item,) = await claim(room)
        await add(room, new(payload={"n": 2}))
        async with room.begin() as tx:
            assert await tx.work.retry(item, seconds=0, error="once more")
        (again,) = await claim(room)
        assert (again.payload, again.attempt) == ({"n": 2}, 2)
        async with room.begin() as tx:
            assert await tx.work.finish(again)
        assert await states(room) == {}

    async def test_giving_up_does_not_swallow_a_repeat(self, room: Room) -> None:
        """An item that is added while leased runs again even when the attempt under way was the last."""
        await add(room, new())
        (item,) = await claim(room)
        await add(room, new(payload={"n": 2}))
        async with room.begin() as tx:
            assert await tx.work.fail(item, error="poison")
        (again,) = await claim(room)
        assert (again.payload, again.attempt) == ({"n": 2}, 1)

    async def test_failed_work_that_is_added_starts_anew(self, room: Room) -> None:
        """An item that was given up is queued again with all its attempts."""
        await add(room, new())
        (item,) = await claim(room)
        async with room.begin() as tx:
            assert await tx.work.fail(item, error="poison")
        assert await states(room) == {("kind", WorkState.FAILED): 1}
        assert await claim(room) == []
        await add(room, new())
        (again,) = await claim(room)
        assert (again.attempt, again.error) == (1, None)

    async def test_nothing_is_seen_before_the_commit_and_nothing_lost_after(self, room: Room) -> None:
        """What was added in ten transactions is claimed, each item once."""
        await asyncio.gather(*(add(room, new(f"key {n}")) for n in range(10)))
        claimed = await asyncio.gather(*(claim(room, 3) for _ in range(5)))
        keys = [item.key for items in claimed for item in items]
        assert len(keys) == len(set(keys))
        keys += [item.key for item in await claim(room, 10)]
        assert sorted(keys) == sorted(f"key {n}" for n in range(10))

    async def test_a_claim_takes_no_more_than_there_is_room_for(self, room: Room) -> None:
        """Each kind has its own room, and kinds that were not asked for are left alone."""
        await add(room, *(new(f"key {n}", kind=kind) for n in range(5) for kind in ("one", "two", "three")))
        async with room.begin() as tx:
            items = await tx.work.claim({"one": 2, "two": 9}, seconds=30)
        assert sorted(item.kind for item in items) == ["one"] * 2 + ["two"] * 5

    async def test_a_tenants_oldest_comes_first(self, room: Room) -> None:
        """Within a tenant the order is that of the moments at which items became due."""
        for n in (3, 1, 2):
            await add(room, new(f"key {n}", delay=n))
        await room.advance(10)
        assert [item.key for _ in range(3) for item in await claim(room, 1)] == ["key 1", "key 2", "key 3"]

    async def test_a_claim_is_shared_between_tenants(self, room: Room) -> None:
        """A tenant with a long queue leaves room for the others, and fills what they do not need."""
        await add(room, *(new(f"long {n:03}", user="user_a") for n in range(50)))
        await add(room, new("short b", user="user_b"), new("short c", user="user_c"))
        items = await claim(room, 10)
        assert len(items) == 10
        assert {item.user_id for item in items} == {"user_a", "user_b", "user_c"}

    async def test_tenants_take_turns_from_claim_to_claim(self, room: Room) -> None:
        """With room for one item at a time, three tenants are served in turn, however long their queues are."""
        for user, count in (("user_b", 9), ("user_a", 9), ("user_c", 3)):
            await add(room, *(new(f"{user} {n}", user=user) for n in range(count)))
        served = [item.user_id for _ in range(9) for item in await claim(room, 1)]
        assert all(set(served[n : n + 3]) == {"user_a", "user_b", "user_c"} for n in (0, 3, 6))

    async def test_tenants_whose_work_is_not_due_take_no_turn(self, room: Room) -> None:
        """Work of a tenant that waits for its moment does not keep others from theirs."""
        await add(room, *(new(f"{user} later", user=user, delay=60) for user in ("user_a", "user_c", "user_d")))
        await add(room, *(new(f"b {n}", user="user_b") for n in range(3)))
        assert [item.user_id for item in await claim(room, 2)] == ["user_b", "user_b"]

    async def test_fences_grow(self, room: Room) -> None:
        """No two claims have the same fence, and a later one has a greater."""
        await add(room, new("one"), new("two"))
        first = await claim(room, 2)
        async with room.begin() as tx:
            assert await tx.work.retry(first[0], seconds=0, error="")
        (second,) = await claim(room)
        fences = [*(item.fence for item in first), second.fence]
        assert len(set(fences)) == 3
        assert max(fences) == second.fence > 0

    async def test_a_stranger_with_an_old_fence_can_do_nothing(self, room: Room) -> None:
        """After its lease was taken over, nothing that the first holder does has an effect."""
        await add(room, new())
        (old,) = await claim(room)
        await room.advance(31)
        async with room.begin() as tx:
            (late,) = await tx.work.expired(10)
            assert await tx.work.retry(late, seconds=0, error="lost")
        (held,) = await claim(room)
        async with room.begin() as tx:
            assert not await tx.work.finish(old)
            assert not await tx.work.renew(old, seconds=30)
            assert not await tx.work.retry(old, seconds=0, error="")
            assert not await tx.work.fail(old, error="")
            assert not await tx.work.postpone(old, seconds=0)
            assert await tx.work.finish(held)

    async def test_a_lease_that_ran_out_is_expired(self, room: Room) -> None:
        """Expired items are found, oldest first and no more than asked for; renewed ones are not among them."""
        await add(room, *(new(f"key {n}") for n in range(4)))
        for n in range(4):
            assert len(await claim(room, 1, seconds=10 + n)) == 1
        async with room.begin() as tx:
            assert await tx.work.expired(10) == []
        await room.advance(12.5)
        async with room.begin() as tx:
            late = await tx.work.expired(10)
            assert [item.key for item in late] == ["key 0", "key 1", "key 2"]
            assert await tx.work.expired(2) == late[:2]
            assert await tx.work.renew(late[0], seconds=60)
        async with room.begin() as tx:
            assert [item.key for item in await tx.work.expired(10)] == ["key 1", "key 2"]

    async def test_finished_work_is_gone(self, room: Room) -> None:
        """Finishing removes the item, once."""
        await add(room, new())
        (item,) = await claim(room)
        async with room.begin() as tx:
            assert await tx.work.finish(item)
            assert not await tx.work.finish(item)
        assert await states(room) == {}

    async def test_a_retry_is_due_later_and_counts(self, room: Room) -> None:
        """A retried item waits, keeps its attempts and says why."""
        await add(room, new())
        (item,) = await claim(room)
        async with room.begin() as tx:
            assert await tx.work.retry(item, seconds=60, error="the model was away")
        assert await claim(room) == []
        await room.advance(61)
        (again,) = await claim(room)
        assert (again.attempt, again.error) == (2, "the model was away")

    async def test_a_postponed_item_has_lost_no_attempt(self, room: Room) -> None:
        """Postponing gives the attempt back."""
        await add(room, new())
        (item,) = await claim(room)
        async with room.begin() as tx:
            assert await tx.work.postpone(item, seconds=60)
        assert await claim(room) == []
        await room.advance(61)
        (again,) = await claim(room)
        assert again.attempt == 1

    async def test_a_postponed_item_that_was_added_is_due_when_asked_for(self, room: Room) -> None:
        """An item that is added while leased and then postponed waits no longer than the request allows."""
        await add(room, new())
        (item,) = await claim(room)
        await add(room, new())
        async with room.begin() as tx:
            assert await tx.work.postpone(item, seconds=60)
        assert len(await claim(room)) == 1

    async def test_the_last_attempt_is_known(self, room: Room) -> None:
        """Attempts are counted at the claim, so that an item that kills its worker comes to its last one."""
        await add(room, new(max_attempts=2))
        (first,) = await claim(room)
        assert not first.last_attempt
        await room.advance(31)
        async with room.begin() as tx:
            (late,) = await tx.work.expired(10)
            await tx.work.retry(late, seconds=0, error="lost")
        (second,) = await claim(room)
        assert second.last_attempt

    async def test_dropping_removes_queued_work_by_prefix(self, room: Room) -> None:
        """Only queued items of the kind whose keys begin so are dropped; signs in the prefix have no meaning."""
        keys = ["a_%/1", "a_%/2", "a_%/3", "azz/1", "b"]
        await add(room, *(new(key) for key in keys), new("a_%/1", kind="other"))
        (held,) = await claim(room, 1)
        assert held.key == "a_%/1"
        async with room.begin() as tx:
            assert await tx.work.pending("kind", prefix="a_%/") == 3
            assert await tx.work.drop("kind", prefix="a_%/") == 2
            assert await tx.work.pending("kind", prefix="a_%/") == 1
            assert await tx.work.pending("kind", prefix="") == 3
            assert await tx.work.pending("other", prefix="a") == 1
            await tx.work.fail(held, error="")
            assert await tx.work.pending("kind", prefix="a_%/") == 0

    async def test_counts_tell_kinds_and_states(self, room: Room) -> None:
        """Items are counted by kind and state."""
        await add(room, new("one"), new("two"), new("three", kind="other"))
        await claim(room, 1)
        assert await states(room) == {
            ("kind", WorkState.QUEUED): 1,
            ("kind", WorkState.LEASED): 1,
            ("other", WorkState.QUEUED): 1,
        }

    async def test_much_work_is_added_at_once(self, room: Room) -> None:
        """Ten thousand items are added in one call, and all are there."""
        await add(room, *(new(f"key {n:05}") for n in range(10_000)))
        assert await states(room) == {("kind", WorkState.QUEUED): 10_000}
        async with room.begin() as tx:
            assert await tx.work.drop("kind", prefix="key 0") == 10_000
