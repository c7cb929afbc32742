"""What every `IndexStore`, `MediaStore`, `SegmentStore`, `PromptStore` and `ImportStore` keeps."""

from __future__ import annotations

import asyncio

from attrs import evolve

from videovector_core.imports.model import JobStatus, Which
from videovector_core.media.model import MediaStatus
from videovector_core.testing import stores_room as make
from videovector_core.testing.stores_room import Room


class IndexContract:
    """The promises of `IndexStore`, one test each."""

    async def test_an_index_is_its_owners(self, room: Room) -> None:
        """An index is returned as it was kept, to its tenant alone."""
        kept = make.index(description="films", sort_order=3)
        async with room.begin() as tx:
            assert await tx.indexes.add(kept)
            assert not await tx.indexes.add(make.index(user_id=make.OTHER))
            assert await tx.indexes.get(make.USER, "idx_1") == kept
            assert await tx.indexes.get(make.OTHER, "idx_1") is None

    async def test_default_indexes_are_everybodys(self, room: Room) -> None:
        """A default index is read by all, and listed only when asked for, behind one's own."""
        shared = make.index("idx_0", user_id="system", is_default=True, second=9)
        async with room.begin() as tx:
            await tx.indexes.add(shared)
            for n in (1, 2):
                await tx.indexes.add(make.index(f"idx_{n}", second=n))
            await tx.indexes.add(make.index("idx_9", user_id=make.OTHER))
            assert await tx.indexes.get(make.USER, "idx_0") == shared
            listed = [index.index_id for index in await tx.indexes.all(make.USER, defaults=True)]
            assert listed == ["idx_2", "idx_1", "idx_0"]
            assert len(await tx.indexes.all(make.USER, defaults=False)) == 2

    async def test_a_name_leads_to_the_oldest_index(self, room: Room) -> None:
        """Names need not be unique; the oldest of that name is meant, and never a foreign one."""
        async with room.begin() as tx:
            for name, owner, second in (("idx_1", make.USER, 2), ("idx_2", make.USER, 1), ("idx_3", make.OTHER, 0)):
                await tx.indexes.add(make.index(name, user_id=owner, second=second))
            found = await tx.indexes.named(make.USER, "Archive")
            assert found is not None
            assert found.index_id == "idx_2"
            assert await tx.indexes.named(make.USER, "archive") is None

    async def test_a_hidden_index_is_gone(self, room: Room) -> None:
        """Hiding, which only the owner does and only once, takes the index out of every answer; its id stays taken."""
        async with room.begin() as tx:
            await tx.indexes.add(make.index())
            assert not await tx.indexes.hide(make.OTHER, "idx_1")
            assert await tx.indexes.hide(make.USER, "idx_1")
            assert not await tx.indexes.hide(make.USER, "idx_1")
            assert await tx.indexes.get(make.USER, "idx_1") is None
            assert await tx.indexes.named(make.USER, "Archive") is None
            assert await tx.indexes.all(make.USER, defaults=True) == []
            assert not await tx.indexes.add(make.index())
            await tx.indexes.remove("idx_1")
            assert await tx.indexes.add(make.index())
            assert await tx.indexes.get(make.USER, "idx_1") == make.index()

    async def test_an_index_that_is_held_is_not_hidden(self, room: Room) -> None:
        """Whoever hides an index waits for those who hold it, and finds what they kept in it."""
        held = asyncio.Event()

        async def keep() -> None:
            async with room.begin() as tx:
                assert await tx.indexes.get(make.USER, "idx_1", lock=True) == make.index()
                held.set()
                await asyncio.sleep(0.1)
                await tx.media.add(make.medium())

        async def hide() -> list[str]:
            await held.wait()
            async with room.begin() as tx:
                assert await tx.indexes.hide(make.USER, "idx_1")
                return await tx.media.ids(make.USER, "idx_1")

        async with room.begin() as tx:
            await tx.indexes.add(make.index())
        _, found = await asyncio.gather(keep(), hide())
        assert found == ["vid_1"]
        async with room.begin() as tx:
            assert await tx.indexes.get(make.USER, "idx_1", lock=True) is None


class MediaContract:
    """The promises of `MediaStore`, one test each."""

    async def test_an_item_is_its_owners(self, room: Room) -> None:
        """An item is returned with all its fields, to its tenant alone."""
        kept = make.medium(width=640, height=480, frame_rate=29.97, has_audio=True, source_uri="https://x.example/a")
        async with room.begin() as tx:
            assert await tx.media.add(kept)
            assert not await tx.media.add(make.medium(user_id=make.OTHER))
            assert await tx.media.get(make.USER, "vid_1") == kept
            assert await tx.media.get(make.OTHER, "vid_1") is None

    async def test_many_keeps_the_order_asked_for(self, room: Room) -> None:
        """Items come in the order of the ids, without those that are not there or not the tenant's."""
        async with room.begin() as tx:
            for n in (1, 2, 3):
                await tx.media.add(make.medium(f"vid_{n}"))
            await tx.media.add(make.medium("vid_4", user_id=make.OTHER))
            found = await tx.media.many(make.USER, ["vid_3", "vid_0", "vid_4", "vid_1"])
            assert [item.video_id for item in found] == ["vid_3", "vid_1"]
            assert await tx.media.many(make.USER, []) == []

    async def test_pages_join_without_gap_or_repeat(self, room: Room) -> None:
        """Items that were made in the same moment are neither skipped nor shown twice at the border of a page."""
        async with room.begin() as tx:
            for n in range(7):
                await tx.media.add(make.medium(f"vid_{n}", second=n // 3 + n % 2 / 1e6))
            await tx.media.add(make.medium("vid_8", index_id=None))
            await tx.media.add(make.medium("vid_9", user_id=make.OTHER))
            everything = await tx.media.page(make.USER, "idx_1", limit=100, after=None)
            seen, after = [], None
            while page := await tx.media.page(make.USER, "idx_1", limit=2, after=after):
                seen += page
                after = (page[-1].created_at.isoformat(), page[-1].video_id)
        assert seen == everything
        keys = [(item.created_at, item.video_id) for item in everything]
        assert keys == sorted(keys, reverse=True)
        assert len(keys) == 7

    async def test_the_playground_is_what_lies_in_no_index(self, room: Room) -> None:
        """Without an index the items of the playground are meant, by pages and by ids."""
        async with room.begin() as tx:
            for n, index_id in enumerate([None, "idx_1", None]):
                await tx.media.add(make.medium(f"vid_{n}", index_id=index_id, second=n))
            page = await tx.media.page(make.USER, None, limit=10, after=None)
            assert [item.video_id for item in page] == ["vid_2", "vid_0"]
            assert await tx.media.ids(make.USER, None) == ["vid_0", "vid_2"]
            assert await tx.media.ids(make.USER, "idx_1") == ["vid_1"]

    async def test_a_status_is_noted(self, room: Room) -> None:
        """Setting the status changes that and the moment of the change; an unknown item is no error."""
        async with room.begin() as tx:
            await tx.media.add(make.medium())
            await tx.media.set_status("vid_1", MediaStatus.PROCESSING, make.at(7))
            await tx.media.set_status("vid_2", MediaStatus.PROCESSING, make.at(7))
            changed = evolve(make.medium(), status=MediaStatus.PROCESSING, updated_at=make.at(7))
            assert await tx.media.get(make.USER, "vid_1") == changed

    async def test_hidden_items_are_gone_for_all_but_one_question(self, room: Room) -> None:
        """Hiding counts what was there; afterwards only `hidden` finds the items, by index or by id."""
        async with room.begin() as tx:
            for n, index_id in enumerate(["idx_1", "idx_1", None]):
                await tx.media.add(make.medium(f"vid_{n}", index_id=index_id))
            assert await tx.media.hide(make.OTHER, ["vid_0"]) == 0
            assert await tx.media.hide(make.USER, ["vid_0", "vid_2", "vid_9"]) == 2
            assert await tx.media.hide(make.USER, ["vid_0"]) == 0
            assert await tx.media.many(make.USER, ["vid_0", "vid_1"]) == [make.medium("vid_1")]
            assert await tx.media.ids(make.USER, "idx_1") == ["vid_1"]
            assert await tx.media.page(make.USER, None, limit=10, after=None) == []
            by_index = await tx.media.hidden(make.USER, index_id="idx_1", video_id=None, limit=10)
            assert [item.video_id for item in by_index] == ["vid_0"]
            by_id = await tx.media.hidden(make.USER, index_id=None, video_id="vid_2", limit=10)
            assert [item.video_id for item in by_id] == ["vid_2"]
            assert await tx.media.hidden(make.USER, index_id=None, video_id="vid_1", limit=10) == []
            assert await tx.media.hidden(make.OTHER, index_id=None, video_id="vid_2", limit=10) == []

    async def test_bytes_are_referred_to_until_the_last_item_is_removed(self, room: Room) -> None:
        """A hidden item still stands on its blob; a removed one does not."""
        async with room.begin() as tx:
            await tx.media.add(make.medium("vid_1", sha256="abc"))
            await tx.media.add(make.medium("vid_2", sha256="abc", user_id=make.OTHER))
            await tx.media.hide(make.USER, ["vid_1"])
            assert await tx.media.refers("abc", apart_from="vid_1")
            assert not await tx.media.shares(make.USER, "abc", "vid_1")
            assert await tx.media.shares(make.USER, "abc", "vid_2")
            await tx.media.remove("vid_2")
            assert await tx.media.refers("abc")
            assert not await tx.media.refers("abc", apart_from="vid_1")
            await tx.media.remove("vid_1")
            assert not await tx.media.refers("abc")
            assert await tx.media.hidden(make.USER, index_id="idx_1", video_id=None, limit=10) == []

    async def test_those_that_decide_over_the_same_bytes_take_turns(self, room: Room) -> None:
        """Whoever holds a blob is done before the next one that wants to hold it."""
        order: list[str] = []

        async def second() -> None:
            async with room.begin() as tx:
                await tx.media.hold("abc")
                order.append("second")

        async with room.begin() as tx:
            await tx.media.hold("abc")
            waiting = asyncio.create_task(second())
            await asyncio.sleep(0.1)
            order.append("first")
        await waiting
        assert order == ["first", "second"]


class SegmentContract:
    """The promises of `SegmentStore`, one test each."""

    async def test_there_is_one_set_for_an_item_and_its_settings(self, room: Room) -> None:
        """A second set of the same fingerprint is refused, and none of its segments is kept."""
        async with room.begin() as tx:
            assert await tx.segments.add_set(make.segment_set(), make.segments())
            assert not await tx.segments.add_set(make.segment_set("set_2"), make.segments("set_2"))
            assert await tx.segments.add_set(make.segment_set("set_3", fingerprint="g"), make.segments("set_3"))
            assert await tx.segments.find_set("vid_1", "f") == make.segment_set()
            assert await tx.segments.find_set("vid_1", "h") is None
            assert await tx.segments.page("set_2", limit=10, after=None) == []

    async def test_the_newest_set_is_the_latest(self, room: Room) -> None:
        """Of several sets of an item the newest is returned."""
        async with room.begin() as tx:
            for n, second in enumerate((1, 3, 2)):
                await tx.segments.add_set(make.segment_set(f"set_{n}", fingerprint=str(n), second=second), ())
            latest = await tx.segments.latest_set("vid_1")
            assert latest is not None
            assert latest.set_id == "set_1"
            assert await tx.segments.latest_set("vid_2") is None

    async def test_segments_come_in_order_of_time(self, room: Room) -> None:
        """Pages of a set join without gap, whatever the order in which segments were kept."""
        async with room.begin() as tx:
            await tx.segments.add_set(make.segment_set(), make.segments(count=5)[::-1])
            first = await tx.segments.page("set_1", limit=3, after=None)
            rest = await tx.segments.page("set_1", limit=3, after=(first[-1].ordinal,))
        assert [*first, *rest] == make.segments(count=5)

    async def test_a_segment_is_its_owners(self, room: Room) -> None:
        """A segment is found by its id, by its tenant."""
        async with room.begin() as tx:
            await tx.segments.add_set(make.segment_set(), make.segments())
            assert await tx.segments.get(make.USER, "seg_set_1_1") == make.segments()[1]
            assert await tx.segments.get(make.OTHER, "seg_set_1_1") is None

    async def test_removing_takes_all_sets_of_an_item(self, room: Room) -> None:
        """Nothing of the item's sets is left, and other items keep theirs."""
        async with room.begin() as tx:
            await tx.segments.add_set(make.segment_set(), make.segments())
            await tx.segments.add_set(make.segment_set("set_2", video="vid_2"), make.segments("set_2", video="vid_2"))
            await tx.segments.remove("vid_1")
            assert await tx.segments.find_set("vid_1", "f") is None
            assert await tx.segments.get(make.USER, "seg_set_1_0") is None
            assert len(await tx.segments.page("set_2", limit=10, after=None)) == 3


class PromptContract:
    """The promises of `PromptStore`, one test each."""

    async def test_a_prompt_comes_back_as_it_went_in(self, room: Room) -> None:
        """Every field is kept, the properties of schemas in their order and any text in them."""
        schema = {"type": "object", "properties": {"z": {"description": "ü \u0000 \ud800 '; --"}, "a": {}}}
        kept = make.prompt(json_schema=schema, selection_filter=[{"b": 1, "a": None}])
        async with room.begin() as tx:
            assert await tx.prompts.add(kept)
        async with room.begin() as tx:
            found = await tx.prompts.get(make.USER, "prompt_1")
        assert found == kept
        assert found is not None
        assert list(found.json_schema["properties"]) == ["z", "a"]

    async def test_a_prompt_is_its_owners(self, room: Room) -> None:
        """Others do not see one's prompts; inactive ones are returned too, and an id is taken once."""
        async with room.begin() as tx:
            assert await tx.prompts.add(make.prompt(is_active=False))
            assert not await tx.prompts.add(make.prompt(user_id=make.OTHER))
            assert await tx.prompts.get(make.USER, "prompt_1") == make.prompt(is_active=False)
            assert await tx.prompts.get(make.OTHER, "prompt_1") is None

    async def test_lists_show_ones_own_newest_first(self, room: Room) -> None:
        """The list holds the tenant's prompts, active or not."""
        async with room.begin() as tx:
            for n, (owner, second, active) in enumerate(
                ((make.USER, 1, True), (make.USER, 3, False), (make.USER, 2, True), (make.OTHER, 5, True))
            ):
                await tx.prompts.add(make.prompt(f"prompt_{n}", user_id=owner, second=second, is_active=active))
            assert [prompt.prompt_id[-1] for prompt in await tx.prompts.all(make.USER)] == ["1", "2", "0"]

    async def test_saving_replaces_the_owners_prompt(self, room: Room) -> None:
        """Saving says whether the tenant's prompt was there; a foreign one is untouched."""
        changed = make.prompt(name="Other", video_level=None, execution_config=None)
        async with room.begin() as tx:
            assert not await tx.prompts.save(changed)
            await tx.prompts.add(make.prompt())
            assert not await tx.prompts.save(make.prompt(user_id=make.OTHER))
            assert await tx.prompts.save(changed)
            assert await tx.prompts.get(make.USER, "prompt_1") == changed

    async def test_only_the_owner_removes_a_prompt(self, room: Room) -> None:
        """Removing says whether the prompt was there."""
        async with room.begin() as tx:
            await tx.prompts.add(make.prompt())
            assert not await tx.prompts.remove(make.OTHER, "prompt_1")
            assert await tx.prompts.remove(make.USER, "prompt_1")
            assert not await tx.prompts.remove(make.USER, "prompt_1")


class ImportContract:
    """The promises of `ImportStore`, one test each."""

    async def test_a_job_is_its_owners(self, room: Room) -> None:
        """A job is returned as it was kept, to its tenant alone, and an id is taken once."""
        async with room.begin() as tx:
            assert await tx.imports.add(make.job(), make.files())
            assert not await tx.imports.add(make.job(user_id=make.OTHER), make.files("job_2"))
            assert await tx.imports.get(make.USER, "job_1") == make.job()
            assert await tx.imports.get(make.OTHER, "job_1") is None
            assert await tx.imports.files("job_2", limit=3, after=None) == []

    async def test_saving_replaces_a_job_that_is_kept(self, room: Room) -> None:
        """Saving changes the job of that id, and an unknown one is not added."""
        done = make.job(status=JobStatus.COMPLETED, completed_at=make.at(3))
        async with room.begin() as tx:
            await tx.imports.add(make.job(), ())
            await tx.imports.save(done)
            await tx.imports.save(make.job("job_2"))
            assert await tx.imports.get(make.USER, "job_1") == done
            assert await tx.imports.get(make.USER, "job_2") is None

    async def test_jobs_come_newest_first_by_status_and_index(self, room: Room) -> None:
        """The list keeps what meets the conditions, up to the limit."""
        async with room.begin() as tx:
            for n in range(4):
                status = JobStatus.FAILED if n % 2 else JobStatus.PENDING
                target = "idx_1" if n < 2 else None
                await tx.imports.add(make.job(f"job_{n}", second=n, status=status, target_index_id=target), ())
            await tx.imports.add(make.job("job_9", user_id=make.OTHER), ())

            async def listed(status: JobStatus | None, index_id: str | None, limit: int = 10) -> list[str]:
                found = await tx.imports.all(make.USER, status=status, index_id=index_id, limit=limit)
                return [job.job_id[-1] for job in found]

            assert await listed(None, None) == ["3", "2", "1", "0"]
            assert await listed(None, None, 2) == ["3", "2"]
            assert await listed(JobStatus.FAILED, None) == ["3", "1"]
            assert await listed(JobStatus.FAILED, "idx_1") == ["1"]

    async def test_files_come_in_order(self, room: Room) -> None:
        """Pages of a job's files join without gap; the failed ones are found by themselves."""
        kept = [evolve(file, status="failed" if file.ordinal % 2 else "done") for file in make.files(count=5)]
        async with room.begin() as tx:
            await tx.imports.add(make.job(), kept[::-1])
            first = await tx.imports.files("job_1", limit=3, after=None)
            rest = await tx.imports.files("job_1", limit=3, after=(first[-1].ordinal,))
            assert [*first, *rest] == kept
            failed = await tx.imports.files("job_1", limit=10, after=(1,), which=Which.FAILED)
            assert [file.ordinal for file in failed] == [3]
