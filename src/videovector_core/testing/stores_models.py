"""What every `ResultCache`, `EmbeddingStore` and `DeletionStore` keeps."""

from __future__ import annotations

from array import array
from uuid import NAMESPACE_OID, uuid5

from attrs import evolve

from videovector_core.deletions import Deletion, DeletionStatus
from videovector_core.testing import stores_room as make
from videovector_core.testing.stores_room import Room
from videovector_core.vectors.ports import Point, PointKind


class CacheContract:
    """The promises of `ResultCache`, one test each."""

    async def test_a_result_is_kept_for_its_tenant(self, room: Room) -> None:
        """Any JSON comes back as it went in, to the tenant that kept it."""
        value = {"z": ["ü\u0000", None, 1.5], "a": {}}
        async with room.begin() as tx:
            await tx.cache.put(make.USER, "key", sha256="abc", value=value)
            await tx.cache.put(make.USER, "list", sha256="abc", value=["x"])
        async with room.begin() as tx:
            assert await tx.cache.get(make.USER, "key") == value
            assert await tx.cache.get(make.USER, "list") == ["x"]
            assert await tx.cache.get(make.OTHER, "key") is None
            assert await tx.cache.get(make.USER, "other") is None

    async def test_the_first_value_stays(self, room: Room) -> None:
        """A key that is there keeps its first value."""
        async with room.begin() as tx:
            await tx.cache.put(make.USER, "key", sha256="abc", value=1)
            await tx.cache.put(make.USER, "key", sha256="def", value=2)
            assert await tx.cache.get(make.USER, "key") == 1

    async def test_purging_forgets_what_came_from_the_media(self, room: Room) -> None:
        """Results of those media go, for that tenant alone."""
        async with room.begin() as tx:
            for owner, key, sha256 in ((make.USER, "1", "abc"), (make.USER, "2", "def"), (make.OTHER, "1", "abc")):
                await tx.cache.put(owner, key, sha256=sha256, value=key)
            assert await tx.cache.purge(make.USER, "abc") == []
            assert await tx.cache.get(make.USER, "1") is None
            assert await tx.cache.get(make.USER, "2") == "2"
            assert await tx.cache.get(make.OTHER, "1") == "1"

    async def test_what_is_forgotten_makes_room(self, room: Room) -> None:
        """After a result is forgotten, the next one under its key is kept; other tenants and keys stay."""
        async with room.begin() as tx:
            for owner, key in ((make.USER, "1"), (make.USER, "2"), (make.OTHER, "1")):
                await tx.cache.put(owner, key, sha256="abc", value="old")
            for _ in range(2):
                await tx.cache.forget(make.USER, "1")
            assert await tx.cache.get(make.USER, "1") is None
            await tx.cache.put(make.USER, "1", sha256="abc", value="new")
            assert await tx.cache.get(make.USER, "1") == "new"
            assert await tx.cache.get(make.USER, "2") == await tx.cache.get(make.OTHER, "1") == "old"

    async def test_purging_returns_blobs_that_nothing_stands_on(self, room: Room) -> None:
        """A blob is returned once, and not while a kept result of any tenant stands on it."""
        async with room.begin() as tx:
            await tx.cache.put(make.USER, "1", sha256="abc", value=1, blobs=("b", "c", "a"))
            await tx.cache.put(make.USER, "2", sha256="abc", value=1, blobs=("a",))
            await tx.cache.put(make.OTHER, "3", sha256="xyz", value=1, blobs=("c",))
            assert await tx.cache.purge(make.USER, "abc") == ["a", "b"]
            assert await tx.cache.purge(make.USER, "abc") == []
            assert await tx.cache.purge(make.OTHER, "xyz") == ["c"]


def named(name: str) -> str:
    """Return the id of the point that is called `name`."""
    return str(uuid5(NAMESPACE_OID, name))


def point(name: str, *, run: str = "run_1", video: str = "vid_1", user: str = make.USER) -> Point:
    """Make a point with everything on it, in numbers that half precision holds."""
    return Point(
        named(name),
        PointKind.LEAF,
        user,
        run,
        video,
        index_id="idx_1",
        segment_id="seg_1",
        field_path="scene.people[].mood",
        instance_key="scene.people[0].mood",
        time=1.5,
        dense={"text@2": array("f", [0.5, -0.25]), "image": array("f", [1.0])},
        sparse={4_000_000_000: 1.5, 7: 0.25},
    )


class EmbeddingContract:
    """The promises of `EmbeddingStore`, one test each."""

    async def test_rows_come_back_as_they_went_in(self, room: Room) -> None:
        """Fields, vectors of every space and term weights are kept; the version is the store's."""
        bare = Point(named("bare"), PointKind.VIDEO, make.USER, "run_1", "vid_1")
        async with room.begin() as tx:
            await tx.embeddings.replace("run_1", "seg_1", [point("a"), bare])
        async with room.begin() as tx:
            owed = {found.id: found for found in await tx.embeddings.owed("run_1", limit=10)}
        assert evolve(owed[named("a")], version=1) == point("a")
        assert evolve(owed[named("bare")], version=1) == bare
        assert all(found.version > 0 for found in owed.values())

    async def test_what_the_engine_learned_is_owed_no_more(self, room: Room) -> None:
        """Debts are paid row by row, and are each run's own."""
        async with room.begin() as tx:
            await tx.embeddings.replace("run_1", "seg_1", [point("a"), point("b")])
            await tx.embeddings.replace("run_2", "seg_1", [point("c", run="run_2")])
            assert await tx.embeddings.debt("run_1") == 2
            assert await tx.embeddings.indebted(limit=10) == [(make.USER, "run_1"), (make.USER, "run_2")]
            assert len(await tx.embeddings.indebted(limit=1)) == 1
            (first,) = await tx.embeddings.owed("run_1", limit=1)
            await tx.embeddings.learned([first])
            assert await tx.embeddings.debt("run_1") == 1
            await tx.embeddings.learned(await tx.embeddings.owed("run_1", limit=10))
            assert await tx.embeddings.owed("run_1", limit=10) == []
            assert await tx.embeddings.indebted(limit=10) == [(make.USER, "run_2")]

    async def test_a_row_that_changed_meanwhile_stays_owed(self, room: Room) -> None:
        """Learning an older version does not pay for a newer one."""
        async with room.begin() as tx:
            await tx.embeddings.replace("run_1", "seg_1", [point("a")])
            old = await tx.embeddings.owed("run_1", limit=10)
            await tx.embeddings.replace("run_1", "seg_1", [point("a")])
            await tx.embeddings.learned(old)
            (new,) = await tx.embeddings.owed("run_1", limit=10)
            assert new.version > old[0].version

    async def test_replacing_dooms_what_is_no_longer_there(self, room: Room) -> None:
        """Rows of the owner that are not among the new ones are to be forgotten; other owners keep theirs."""
        async with room.begin() as tx:
            await tx.embeddings.replace("run_1", "seg_1", [point("a"), point("b")])
            await tx.embeddings.replace("run_1", "seg_2", [point("c")])
            await tx.embeddings.learned(await tx.embeddings.owed("run_1", limit=10))
            await tx.embeddings.replace("run_1", "seg_1", [point("b")])
            assert await tx.embeddings.doomed(limit=10) == [named("a")]
            assert await tx.embeddings.doomed(limit=10, run_id="run_1") == [named("a")]
            assert await tx.embeddings.doomed(limit=10, run_id="run_2") == []
            assert [owed.id for owed in await tx.embeddings.owed("run_1", limit=10)] == [named("b")]
            assert await tx.embeddings.debt("run_1") == 2
            await tx.embeddings.forgotten([named("a"), named("c")])
            assert await tx.embeddings.doomed(limit=10) == []
            assert [row[0] for row in await tx.embeddings.scan(after=None, limit=10)] == sorted(
                [named("b"), named("c")]
            )

    async def test_a_row_that_comes_back_is_owed_and_has_a_new_version(self, room: Room) -> None:
        """A doomed row that is kept again is not forgotten, and one that was forgotten never repeats a version."""
        async with room.begin() as tx:
            await tx.embeddings.replace("run_1", "seg_1", [point("a")])
            (first,) = await tx.embeddings.owed("run_1", limit=10)
            await tx.embeddings.replace("run_1", "seg_1", [])
            await tx.embeddings.replace("run_1", "seg_1", [point("a")])
            await tx.embeddings.forgotten([named("a")])
            (second,) = await tx.embeddings.owed("run_1", limit=10)
            await tx.embeddings.replace("run_1", "seg_1", [])
            await tx.embeddings.forgotten([named("a")])
            assert await tx.embeddings.debt("run_1") == 0
            await tx.embeddings.replace("run_1", "seg_1", [point("a")])
            (third,) = await tx.embeddings.owed("run_1", limit=10)
        assert first.version < second.version < third.version

    async def test_dooming_a_media_item_takes_all_its_rows(self, room: Room) -> None:
        """Rows of the item in every run are doomed, and counted once."""
        async with room.begin() as tx:
            await tx.embeddings.replace("run_1", "seg_1", [point("a"), point("b")])
            await tx.embeddings.replace("run_2", "seg_1", [point("c", run="run_2"), point("d", run="run_2", video="v")])
            assert await tx.embeddings.doom("vid_1") == 3
            assert await tx.embeddings.doom("vid_1") == 0
            assert await tx.embeddings.doomed(limit=10) == sorted(named(name) for name in "abc")
            assert [owed.id for owed in await tx.embeddings.owed("run_2", limit=10)] == [named("d")]

    async def test_scanning_shows_every_living_row_once(self, room: Room) -> None:
        """Pages in order of id join; each row says its version and whether the engine has it."""
        async with room.begin() as tx:
            await tx.embeddings.replace("run_1", "seg_1", [point(name) for name in "abcde"])
            owed = await tx.embeddings.owed("run_1", limit=10)
            await tx.embeddings.learned(owed[:2])
            first = await tx.embeddings.scan(after=None, limit=3)
            rest = await tx.embeddings.scan(after=first[-1][0], limit=3)
            known = {found.id for found in owed[:2]}
            versions = {found.id: found.version for found in owed}
            expected = [(identity, versions[identity], identity in known) for identity in sorted(versions)]
            assert [*first, *rest] == expected

    async def test_rows_change_space_without_being_written_anew(self, room: Room) -> None:
        """Texts that lack a space are named, a vector is added to the version that was read only, and taken away again."""
        frame = evolve(point("f"), kind=PointKind.FRAME)
        async with room.begin() as tx:
            await tx.embeddings.replace("run_1", "seg_1", [point("a"), point("b"), frame])
            await tx.embeddings.learned(await tx.embeddings.owed("run_1", limit=10))
            before = await tx.embeddings.spaces()
            old, other = sorted(before)
            first, second = await tx.embeddings.lacking("new", after=None, limit=10)
            assert [one.id for one in await tx.embeddings.lacking("new", after=first.id, limit=1)] == [second.id]
            vector = array("f", [0.5, 0.25])
            stale = evolve(second, version=second.version + 1_000_000)
            assert await tx.embeddings.widen("new", [(first, vector), (stale, vector)]) == 1
            assert [one.id for one in await tx.embeddings.lacking("new", after=None, limit=10)] == [second.id]
            assert await tx.embeddings.spaces() == {**before, "new": 1}
            (owed,) = await tx.embeddings.owed("run_1", limit=10)
            assert (owed.id, owed.dense["new"], set(owed.dense)) == (first.id, vector, {old, other, "new"})
            assert owed.version > first.version
            assert await tx.embeddings.widen("new", [(owed, vector)]) == 0
            first_page = await tx.embeddings.narrow(old, after=None, limit=1)
            rest = await tx.embeddings.narrow(old, after=first_page[-1], limit=10)
            assert [*first_page, *rest] == sorted([*first_page, *rest])
            assert (len(first_page), len(rest)) == (1, before[old] - 1)
            assert await tx.embeddings.narrow(old, after=None, limit=10) == []
            assert await tx.embeddings.spaces() == {other: before[other], "new": 1}

    async def test_everything_may_be_owed_again(self, room: Room) -> None:
        """For a rebuild every living row is owed, in the version that it had."""
        async with room.begin() as tx:
            await tx.embeddings.replace("run_1", "seg_1", [point("a"), point("b")])
            owed = await tx.embeddings.owed("run_1", limit=10)
            await tx.embeddings.learned(owed)
            await tx.embeddings.replace("run_1", "seg_1", owed[:1])
            await tx.embeddings.learned(await tx.embeddings.owed("run_1", limit=10))
            before = await tx.embeddings.scan(after=None, limit=10)
            assert await tx.embeddings.owe(after=None, limit=10) == [before[0][0]]
            assert await tx.embeddings.owe(after=before[0][0], limit=10) == []
            assert await tx.embeddings.scan(after=None, limit=10) == [(before[0][0], before[0][1], False)]
            assert await tx.embeddings.doomed(limit=10) == [owed[1].id]


class DeletionContract:
    """The promises of `DeletionStore`, one test each."""

    async def test_a_thing_has_one_record(self, room: Room) -> None:
        """A second record of the same thing is refused; saving changes the one that is there."""
        first = Deletion("deletion_1", make.USER, "video", "vid_1", make.at(0))
        done = evolve(first, status=DeletionStatus.DELETED, completed_at=make.at(1))
        async with room.begin() as tx:
            assert await tx.deletions.add(first)
            assert not await tx.deletions.add(evolve(first, deletion_id="deletion_2"))
            assert await tx.deletions.add(evolve(first, kind="index"))
            assert await tx.deletions.of(make.USER, "video", "vid_1") == first
            assert await tx.deletions.of(make.OTHER, "video", "vid_1") is None
            await tx.deletions.save(done)
            assert await tx.deletions.of(make.USER, "video", "vid_1") == done
            await tx.deletions.save(evolve(first, owner_id="vid_2"))
            assert await tx.deletions.of(make.USER, "video", "vid_2") is None
