"""What every `AccessStore` keeps."""

from __future__ import annotations

from attrs import evolve

from videovector_core.access.model import Scope
from videovector_core.testing import stores_room as make
from videovector_core.testing.stores_room import Room


class AccessContract:
    """The promises of `AccessStore`, one test each."""

    async def test_a_user_is_found_by_id_and_by_name(self, room: Room) -> None:
        """An account that was kept is returned as it was, and nobody else is."""
        async with room.begin() as tx:
            assert await tx.access.add_user(make.user())
            assert await tx.access.user(make.USER) == make.user()
            assert await tx.access.user_named("anna") == make.user()
            assert await tx.access.user(make.OTHER) is None
            assert await tx.access.user_named("Anna") is None

    async def test_names_and_ids_of_users_are_unique(self, room: Room) -> None:
        """A second account of the same id or the same name is refused and changes nothing."""
        async with room.begin() as tx:
            assert await tx.access.add_user(make.user())
            assert not await tx.access.add_user(make.user("berta"))
            assert not await tx.access.add_user(make.user(user_id=make.OTHER))
            assert await tx.access.users() == [make.user()]

    async def test_users_come_oldest_first(self, room: Room) -> None:
        """The order of accounts is that of their making."""
        async with room.begin() as tx:
            await tx.access.add_user(make.user("late", user_id="user_1", second=2))
            await tx.access.add_user(make.user("early", user_id="user_2", second=1))
            assert [user.name for user in await tx.access.users()] == ["early", "late"]

    async def test_a_key_is_found_by_id_and_by_digest(self, room: Room) -> None:
        """A key is its owner's by id, and anybody's who shows it by digest; all its fields are kept."""
        key = make.api_key(scopes=(Scope.WRITE, Scope.SEARCH), expires_at=make.at(9))
        async with room.begin() as tx:
            assert await tx.access.add_key(key)
            assert await tx.access.key(make.USER, "key_1") == key
            assert await tx.access.key(make.OTHER, "key_1") is None
            assert await tx.access.key_with_digest(b"key_1") == key
            assert await tx.access.key_with_digest(b"key_2") is None

    async def test_ids_and_digests_of_keys_are_unique(self, room: Room) -> None:
        """A second key of the same id or the same digest is refused."""
        async with room.begin() as tx:
            assert await tx.access.add_key(make.api_key())
            assert not await tx.access.add_key(evolve(make.api_key(), digest=b"another"))
            assert not await tx.access.add_key(evolve(make.api_key(), key_id="key_2"))
            assert await tx.access.keys(make.USER) == [make.api_key()]

    async def test_keys_come_newest_first_and_only_ones_own(self, room: Room) -> None:
        """A user's list holds that user's keys, the newest at the top."""
        async with room.begin() as tx:
            for name, owner, second in (("key_1", make.USER, 1), ("key_2", make.USER, 2), ("key_3", make.OTHER, 3)):
                await tx.access.add_key(make.api_key(name, user_id=owner, second=second))
            assert [key.key_id for key in await tx.access.keys(make.USER)] == ["key_2", "key_1"]

    async def test_saving_replaces_a_key_that_is_kept(self, room: Room) -> None:
        """Saving changes the key of that id, and an unknown one is not added."""
        async with room.begin() as tx:
            await tx.access.add_key(make.api_key())
            revoked = make.api_key().revoked(make.at(5))
            await tx.access.save_key(revoked)
            await tx.access.save_key(make.api_key("key_2"))
            assert await tx.access.keys(make.USER) == [revoked]

    async def test_only_the_owner_removes_a_key(self, room: Room) -> None:
        """Removing says whether the key was there, and a foreign one is not."""
        async with room.begin() as tx:
            await tx.access.add_key(make.api_key())
            assert not await tx.access.remove_key(make.OTHER, "key_1")
            assert await tx.access.remove_key(make.USER, "key_1")
            assert not await tx.access.remove_key(make.USER, "key_1")
            assert await tx.access.key_with_digest(b"key_1") is None

    async def test_use_is_noted_once_a_minute(self, room: Room) -> None:
        """A use within the minute after a noted one is not noted."""
        async with room.begin() as tx:
            await tx.access.add_key(make.api_key())
            noted = []
            for second in (0, 59, 60, 61):
                await tx.access.touch_key("key_1", make.at(second))
                key = await tx.access.key(make.USER, "key_1")
                assert key is not None
                noted.append(key.last_used_at)
        assert noted == [make.at(0), make.at(0), make.at(60), make.at(60)]
