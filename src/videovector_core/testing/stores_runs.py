"""What every `RunStore` keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from attrs import evolve

from videovector_core.app import Tx
from videovector_core.runs.model import Outcome, Run, RunCounts, RunStatus
from videovector_core.signals import MediaType
from videovector_core.testing import stores_room as make
from videovector_core.testing.stores_results import FAILED, GOOD
from videovector_core.testing.stores_room import Room

DONE: Final = RunStatus.COMPLETED


def names(runs: Sequence[Run]) -> str:
    """Return the last signs of the ids."""
    return "".join(run.run_id[-1] for run in runs)


async def _some_runs(tx: Tx) -> None:
    """Keep runs 1 to 6: 1 and 2 on the first index, 3 on both, 4 on the playground, 5 foreign, 6 unfinished."""
    for video, index_id in (("vid_1", "idx_1"), ("vid_2", "idx_2"), ("vid_3", None)):
        await tx.media.add(make.medium(video, index_id=index_id))
    for n, videos in enumerate((["vid_1"], ["vid_1"], ["vid_1", "vid_2"], ["vid_3"], ["vid_1"], ["vid_1"]), 1):
        owner = make.OTHER if n == 5 else make.USER
        status = RunStatus.PROCESSING if n == 6 else DONE
        media = [make.run_medium(f"run_{n}", video, ordinal=at) for at, video in enumerate(videos)]
        await tx.runs.add(make.run(f"run_{n}", user_id=owner, second=n, status=status), media)


class RunContract:
    """The promises of `RunStore`, one test each."""

    async def test_a_run_comes_back_as_it_went_in(self, room: Room) -> None:
        """Every field is kept, the frozen prompt and the settings included; it is the tenant's alone."""
        kept = make.run(status=RunStatus.FAILED, error_message="x", stop_requested_at=make.at(3), total_seconds=1.5)
        async with room.begin() as tx:
            assert await tx.runs.add(kept, [make.run_medium()])
            assert not await tx.runs.add(make.run(user_id=make.OTHER), [make.run_medium("run_1", "vid_2")])
        async with room.begin() as tx:
            found = await tx.runs.get(make.USER, "run_1")
            assert found == kept
            assert list(found.prompt.json_schema["properties"]) == ["zebra", "apple"]
            assert await tx.runs.get(make.OTHER, "run_1") is None
            assert await tx.runs.medium("run_1", "vid_2") is None

    async def test_saving_replaces_a_run_that_is_kept(self, room: Room) -> None:
        """Saving changes the run of that id, and an unknown one is not added."""
        changed = make.run(status=DONE, completed_at=make.at(9))
        async with room.begin() as tx:
            await tx.runs.add(make.run(), ())
            await tx.runs.save(changed)
            await tx.runs.save(make.run("run_2"))
            assert await tx.runs.lock("run_1") == changed
            assert await tx.runs.lock("run_2") is None

    async def test_a_deleted_run_is_gone(self, room: Room) -> None:
        """A run that is marked deleted is in no answer, but for the lock that ends it."""
        async with room.begin() as tx:
            await tx.media.add(make.medium())
            await tx.runs.add(make.run(status=DONE), [make.run_medium()])
            await tx.results.plan([make.result(**GOOD)])
            await tx.results.save_video_result(make.video_result())
            await tx.runs.save(make.run(status=DONE, deleted=True))
            assert await tx.runs.get(make.USER, "run_1") is None
            assert await tx.runs.page(make.USER, limit=10) == []
            assert await tx.runs.searchable(make.USER) == []
            assert await tx.runs.of_media(make.USER, ["vid_1"]) == []
            assert await tx.results.many(make.USER, [("run_1", "seg_vid_1_0")]) == []
            assert await tx.results.video_results(make.USER, [("run_1", "vid_1")]) == []
            locked = await tx.runs.lock("run_1")
            assert locked is not None
            assert locked.deleted

    async def test_a_lock_keeps_changes_from_getting_lost(self, room: Room) -> None:
        """Twenty transactions that read under the lock, change and save leave twenty changes."""
        async with room.begin() as tx:
            await tx.runs.add(make.run(), ())

        async def longer() -> None:
            async with room.begin() as tx:
                current = await tx.runs.lock("run_1")
                assert current is not None
                await asyncio.sleep(0)
                await tx.runs.save(evolve(current, total_seconds=current.total_seconds + 1))

        await asyncio.gather(*(longer() for _ in range(20)))
        async with room.begin() as tx:
            found = await tx.runs.get(make.USER, "run_1")
        assert found is not None
        assert found.total_seconds == 20

    async def test_pages_of_runs_join_without_gap_or_repeat(self, room: Room) -> None:
        """Runs come newest first; those of one moment are neither skipped nor shown twice."""
        async with room.begin() as tx:
            for n in range(7):
                await tx.runs.add(make.run(f"run_{n}", second=n // 3), ())
            everything = await tx.runs.page(make.USER, limit=100)
            seen: list[Run] = []
            while page := await tx.runs.page(
                make.USER, limit=2, after=(seen[-1].executed_at.isoformat(), seen[-1].run_id) if seen else None
            ):
                seen += page
        assert seen == everything
        assert names(everything) == "6543210"

    async def test_runs_are_found_by_what_they_touched(self, room: Room) -> None:
        """Pages may be narrowed to the runs that touched an index or a media item, also together and in pages."""
        async with room.begin() as tx:
            await _some_runs(tx)
            assert names(await tx.runs.page(make.USER, limit=10)) == "64321"
            assert names(await tx.runs.page(make.USER, index_id="idx_1", limit=10)) == "6321"
            assert names(await tx.runs.page(make.USER, index_id="idx_2", limit=10)) == "3"
            assert names(await tx.runs.page(make.USER, video_id="vid_3", limit=10)) == "4"
            assert names(await tx.runs.page(make.USER, index_id="idx_1", video_id="vid_2", limit=10)) == "3"
            after = (make.at(3).isoformat(), "run_3")
            assert names(await tx.runs.page(make.USER, index_id="idx_1", limit=1, after=after)) == "2"

    async def test_what_a_run_touched_stays_when_media_go(self, room: Room) -> None:
        """A run is still found by the index of media that were removed since."""
        async with room.begin() as tx:
            await _some_runs(tx)
            await tx.media.remove("vid_2")
            assert names(await tx.runs.page(make.USER, index_id="idx_2", limit=10)) == "3"

    async def test_searchable_runs_are_finished_and_within_what_was_named(self, room: Room) -> None:
        """Runs, indexes and the playground narrow the choice as the search says; foreign and open runs never take part."""
        async with room.begin() as tx:
            await _some_runs(tx)
            find = tx.runs.searchable
            assert names(await find(make.USER)) == "4321"
            assert names(await find(make.USER, run_ids=["run_1", "run_5", "run_6"])) == "1"
            assert names(await find(make.USER, index_ids=["idx_1"])) == "321"
            assert names(await find(make.USER, index_ids=["idx_1", "idx_2"], run_ids=["run_3"])) == "3"
            assert names(await find(make.USER, playground=True)) == "4"
            assert names(await find(make.USER, playground=True, index_ids=["idx_2"])) == "43"
            assert names(await find(make.USER, run_ids=[])) == ""
            assert names(await find(make.USER, index_ids=[])) == ""

    async def test_the_runs_of_a_prompt_are_counted(self, room: Room) -> None:
        """The tenant's runs of a prompt are counted."""
        async with room.begin() as tx:
            await tx.runs.add(make.run("run_1"), ())
            await tx.runs.add(make.run("run_2"), ())
            await tx.runs.add(make.run("run_3", prompt_id="prompt_2"), ())
            assert await tx.runs.of_prompt(make.USER, "prompt_1") == 2
            assert await tx.runs.of_prompt(make.OTHER, "prompt_1") == 0

    async def test_media_of_a_run_come_in_order(self, room: Room) -> None:
        """Pages of a run's media join without gap, and each is found by its id."""
        media = [make.run_medium(video=f"vid_{9 - n}", ordinal=n, duration=n / 2) for n in range(5)]
        async with room.begin() as tx:
            await tx.runs.add(make.run(), media[::-1])
            first = await tx.runs.media("run_1", limit=3)
            rest = await tx.runs.media("run_1", limit=3, after=(first[-1].ordinal,))
            assert [*first, *rest] == media
            assert await tx.runs.medium("run_1", "vid_8") == media[1]

    async def test_saving_replaces_a_row_of_a_medium(self, room: Room) -> None:
        """Saving changes the row of that run and item, and an unknown one is not added."""
        changed = make.run_medium(status=Outcome.PROCESSING, set_id="set_1", total_segments=3, warning="w")
        async with room.begin() as tx:
            await tx.runs.add(make.run(), [make.run_medium()])
            await tx.runs.save_medium(changed)
            await tx.runs.save_medium(make.run_medium(video="vid_2"))
            assert await tx.runs.media("run_1", limit=10) == [changed]

    async def test_a_medium_is_ripe_when_all_its_segments_are_done(self, room: Room) -> None:
        """Ripe media are being processed, are cut, and have no segment that waits."""
        shapes: dict[str, tuple[dict[str, Any], list[Outcome]]] = {
            "vid_1": ({"status": Outcome.PROCESSING, "set_id": "s"}, [Outcome.SUCCESSFUL, Outcome.FAILED]),
            "vid_2": ({"status": Outcome.PROCESSING, "set_id": "s"}, [Outcome.SUCCESSFUL, Outcome.PENDING]),
            "vid_3": ({"status": Outcome.PROCESSING, "set_id": "s"}, [Outcome.PROCESSING]),
            "vid_4": ({"status": Outcome.PROCESSING}, []),
            "vid_5": ({"status": Outcome.SUCCESSFUL, "set_id": "s"}, []),
            "vid_6": ({"status": Outcome.PROCESSING, "set_id": "s"}, []),
        }
        async with room.begin() as tx:
            media = [make.run_medium(video=v, ordinal=n, **about) for n, (v, (about, _)) in enumerate(shapes.items())]
            await tx.runs.add(make.run(), media)
            await tx.results.plan(
                [
                    make.result(ordinal=n, video=video, status=status)
                    for video, (_, statuses) in shapes.items()
                    for n, status in enumerate(statuses)
                ]
            )
            assert [medium.video_id for medium in await tx.runs.ripe("run_1", limit=10)] == ["vid_1", "vid_6"]
            assert len(await tx.runs.ripe("run_1", limit=1)) == 1

    async def test_what_runs_did_with_media_comes_newest_run_first(self, room: Room) -> None:
        """The rows of the tenant's runs on the items are returned, and no others."""
        async with room.begin() as tx:
            await tx.runs.add(make.run("run_1", second=1), [make.run_medium("run_1")])
            await tx.runs.add(
                make.run("run_2", second=2), [make.run_medium("run_2"), make.run_medium("run_2", "vid_2")]
            )
            foreign = make.run("run_3", user_id=make.OTHER, second=3)
            await tx.runs.add(foreign, [make.run_medium("run_3", user_id=make.OTHER)])
            assert [row.run_id for row in await tx.runs.of_media(make.USER, ["vid_1"])] == ["run_2", "run_1"]
            assert len(await tx.runs.of_media(make.USER, ["vid_1", "vid_2"])) == 3

    async def test_cancelling_takes_media_that_wait(self, room: Room) -> None:
        """Media that nobody began are cancelled, and counted."""
        async with room.begin() as tx:
            began = make.run_medium(video="vid_2", ordinal=1, status=Outcome.PROCESSING)
            await tx.runs.add(make.run(), [make.run_medium(), began])
            assert await tx.runs.cancel_media("run_1", make.at(5)) == 1
            assert await tx.runs.cancel_media("run_1", make.at(6)) == 0
            cancelled = make.run_medium(status=Outcome.CANCELLED, completed_at=make.at(5))
            assert await tx.runs.media("run_1", limit=10) == [cancelled, began]

    async def test_counts_add_up_what_there_is(self, room: Room) -> None:
        """Media, segments, failures and media-level results are counted for each run; an unknown one has none."""
        rows = [
            make.result(ordinal=0, **GOOD, transcription=True),
            make.result(ordinal=1, **GOOD, transcription=False, image_embedding=False),
            make.result(ordinal=2, **FAILED),
            make.result(ordinal=3, status=Outcome.FAILED),
            make.result(ordinal=4),
        ]
        async with room.begin() as tx:
            audio = make.run_medium(video="vid_2", ordinal=1, media_type=MediaType.AUDIO, created_new_segments=True)
            await tx.runs.add(make.run(), [make.run_medium(status=Outcome.PARTIAL), audio])
            await tx.results.plan(rows)
            await tx.results.save_video_result(make.video_result(status=Outcome.SUCCESSFUL))
            found = await tx.runs.counts(["run_1", "run_2"])
        assert found["run_2"] == RunCounts()
        assert found["run_1"] == RunCounts(
            media={(MediaType.VIDEO, Outcome.PARTIAL): 1, (MediaType.AUDIO, Outcome.PENDING): 1},
            segments={Outcome.SUCCESSFUL: 2, Outcome.FAILED: 2, Outcome.PENDING: 1},
            field_extraction_failures=1,
            transcription_failures=1,
            image_embedding_failures=1,
            incomplete_segments=3,
            video_level={Outcome.SUCCESSFUL: 1},
            created_new_segments=True,
        )
