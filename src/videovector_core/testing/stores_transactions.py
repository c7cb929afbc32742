"""What every `Begin` keeps: all of a block or nothing of it, seen by others only afterwards."""

from __future__ import annotations

import pytest

from videovector_core.events.model import NewEvent
from videovector_core.testing import stores_room as make
from videovector_core.testing.stores_room import Room
from videovector_core.work import NewWork


class _Broken(Exception):
    """Something went wrong in the middle of a transaction."""


class TransactionContract:
    """The promises of `Begin`, one test each."""

    async def test_what_was_kept_is_there_afterwards(self, room: Room) -> None:
        """A transaction that ends well keeps everything that was done in it."""
        async with room.begin() as tx:
            await tx.indexes.add(make.index())
            await tx.media.add(make.medium())
        async with room.begin() as tx:
            assert await tx.indexes.get(make.USER, "idx_1") == make.index()
            assert await tx.media.get(make.USER, "vid_1") == make.medium()

    async def test_a_block_that_raises_keeps_nothing(self, room: Room) -> None:
        """Rows, work, events and their numbers are all undone together."""
        with pytest.raises(_Broken):  # noqa: PT012 - the block is the transaction
            async with room.begin() as tx:
                await tx.indexes.add(make.index())
                await tx.work.add([NewWork("kind", make.USER, "key")])
                await tx.events.append(make.USER, [NewEvent("media.created")])
                raise _Broken
        async with room.begin() as tx:
            assert await tx.indexes.get(make.USER, "idx_1") is None
            assert await tx.work.claim({"kind": 1}, seconds=30) == []
            assert await tx.events.last(make.USER) == 0

    async def test_changes_and_removals_are_undone_too(self, room: Room) -> None:
        """What a failed transaction replaced or removed stands as it stood before."""
        async with room.begin() as tx:
            await tx.prompts.add(make.prompt())
            await tx.prompts.add(make.prompt("prompt_2", second=1))
        with pytest.raises(_Broken):  # noqa: PT012 - as above
            async with room.begin() as tx:
                await tx.prompts.save(make.prompt(name="Other"))
                await tx.prompts.remove(make.USER, "prompt_2")
                raise _Broken
        async with room.begin() as tx:
            kept = await tx.prompts.all(make.USER)
        assert kept == [make.prompt("prompt_2", second=1), make.prompt()]

    async def test_statements_apart_are_kept_at_once(self, room: Room) -> None:
        """What a block `apart` did stays done when it raises, and the next block is a whole one again."""
        with pytest.raises(_Broken):  # noqa: PT012 - as above
            async with room.begin(apart=True) as tx:
                await tx.indexes.add(make.index())
                raise _Broken
        with pytest.raises(_Broken):  # noqa: PT012 - as above
            async with room.begin() as tx:
                assert await tx.indexes.get(make.USER, "idx_1") == make.index()
                await tx.indexes.add(make.index("idx_2", second=1))
                raise _Broken
        async with room.begin(apart=True) as tx:
            assert [one.index_id for one in await tx.indexes.all(make.USER, defaults=False)] == ["idx_1"]

    async def test_a_transaction_sees_what_it_did(self, room: Room) -> None:
        """Within one transaction later questions know of earlier changes."""
        async with room.begin() as tx:
            await tx.media.add(make.medium())
            assert await tx.media.hide(make.USER, ["vid_1"]) == 1
            assert await tx.media.get(make.USER, "vid_1") is None

    async def test_a_refused_row_does_not_spoil_the_transaction(self, room: Room) -> None:
        """After an id that was taken, the same transaction goes on and commits."""
        async with room.begin() as tx:
            assert await tx.indexes.add(make.index())
            assert not await tx.indexes.add(make.index(user_id=make.OTHER))
            assert await tx.indexes.add(make.index("idx_2", second=1))
        async with room.begin() as tx:
            assert len(await tx.indexes.all(make.USER, defaults=False)) == 2
