"""What every `ResultStore` and `CallLog` keeps."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from videovector_core.runs.model import Outcome, Spent
from videovector_core.testing import stores_room as make
from videovector_core.testing.stores_room import Room

FAILED: Final[dict[str, Any]] = {"status": Outcome.FAILED, "field_extraction": False, "failure_code": "timeout"}
GOOD: Final[dict[str, Any]] = {"status": Outcome.SUCCESSFUL, "field_extraction": True}


class ResultContract:
    """The promises of `ResultStore`, one test each."""

    async def test_planning_leaves_rows_that_exist(self, room: Room) -> None:
        """Planning a second time adds what is new and changes nothing."""
        done = make.result(ordinal=0, **GOOD)
        async with room.begin() as tx:
            await tx.results.plan([make.result(ordinal=0)])
            await tx.results.save(done)
            await tx.results.plan([make.result(ordinal=n) for n in range(3)])
            assert await tx.results.page("run_1", "vid_1", limit=10) == [
                done,
                make.result(ordinal=1),
                make.result(ordinal=2),
            ]

    async def test_a_result_comes_back_as_it_went_in(self, room: Room) -> None:
        """Every field is kept: extracted properties in their order, any text in them; an unknown row is not added."""
        kept = make.result(
            **GOOD,
            transcription=False,
            transcription_error="no sound",
            retryable=True,
            metadata={"z": [1, 2.5, None, "ü\u0000\ud83d"], "a": {"y": True, "b": "'; --"}},
            metadata_text="z: ü",
            spoken="hello",
            warning="w",
            attempt_id="attempt_1",
            processed_at=make.at(4),
        )
        async with room.begin() as tx:
            await tx.results.plan([make.result()])
            await tx.results.save(kept)
            await tx.results.save(make.result(ordinal=1))
            found = await tx.results.get("run_1", "seg_vid_1_0")
            assert found == kept
            assert found.metadata is not None
            assert list(found.metadata) == ["z", "a"]
            assert await tx.results.get("run_1", "seg_vid_1_1") is None

    async def test_pages_of_results_join_without_gap(self, room: Room) -> None:
        """A media item's results come in order of time."""
        rows = [make.result(ordinal=n) for n in range(5)]
        async with room.begin() as tx:
            await tx.results.plan([*rows[::-1], make.result(video="vid_2"), make.result("run_2")])
            first = await tx.results.page("run_1", "vid_1", limit=3)
            rest = await tx.results.page("run_1", "vid_1", limit=3, after=(first[-1].ordinal,))
        assert [*first, *rest] == rows

    async def test_many_returns_the_tenants_shown_results(self, room: Room) -> None:
        """Of the pairs asked for, those that are foreign, unknown or of hidden media are left out."""
        async with room.begin() as tx:
            for video in ("vid_1", "vid_2"):
                await tx.media.add(make.medium(video))
            await tx.runs.add(make.run(), ())
            await tx.runs.add(make.run("run_2", user_id=make.OTHER), ())
            rows = [make.result(), make.result(video="vid_2"), make.result("run_2", user_id=make.OTHER)]
            await tx.results.plan(rows)
            levels = [make.video_result(), make.video_result(video="vid_2")]
            for level in levels:
                await tx.results.save_video_result(level)
            pairs = [(row.run_id, row.segment_id) for row in rows] + [("run_9", "seg_9")]
            found = await tx.results.many(make.USER, pairs)
            assert sorted(row.video_id for row in found) == ["vid_1", "vid_2"]
            await tx.media.hide(make.USER, ["vid_2"])
            assert await tx.results.many(make.USER, pairs) == [rows[0]]
            assert await tx.results.video_results(make.USER, [("run_1", "vid_1"), ("run_1", "vid_2")]) == levels[:1]
            assert await tx.results.video_results(make.OTHER, [("run_1", "vid_1")]) == []
            assert await tx.results.many(make.USER, []) == []

    async def test_failed_results_are_exactly_those_in_which_something_failed(self, room: Room) -> None:
        """A failed segment and one with a failed part are listed, by item and time, in pages that join."""
        rows = [
            make.result(video="vid_2", ordinal=0, **FAILED),
            make.result(video="vid_1", ordinal=0, **GOOD),
            make.result(video="vid_1", ordinal=1, **GOOD, image_embedding=False),
            make.result(video="vid_1", ordinal=2, **GOOD, transcription=False),
            make.result(video="vid_1", ordinal=3, status=Outcome.FAILED),
            make.result(video="vid_1", ordinal=4, status=Outcome.CANCELLED),
            make.result(video="vid_1", ordinal=5),
        ]
        expected = sorted((row for row in rows if row.failed_operations), key=lambda row: (row.video_id, row.ordinal))
        async with room.begin() as tx:
            await tx.results.plan(rows)
            assert await tx.results.failed("run_1", limit=10) == expected
            first = await tx.results.failed("run_1", limit=3)
            rest = await tx.results.failed("run_1", limit=3, after=(first[-1].video_id, first[-1].ordinal))
            assert [*first, *rest] == expected

    async def test_unfinished_means_that_a_segment_waits(self, room: Room) -> None:
        """Waiting and working segments are unfinished, of the run and of one item of it."""
        async with room.begin() as tx:
            await tx.results.plan([make.result(**GOOD), make.result(video="vid_2", status=Outcome.PROCESSING)])
            assert await tx.results.unfinished("run_1")
            assert await tx.results.unfinished("run_1", "vid_2")
            assert not await tx.results.unfinished("run_1", "vid_1")
            assert not await tx.results.unfinished("run_2")
            await tx.results.save(make.result(video="vid_2", status=Outcome.CANCELLED))
            assert not await tx.results.unfinished("run_1")

    async def test_cancelling_takes_segments_that_wait(self, room: Room) -> None:
        """Segments that nobody began are cancelled, and counted."""
        working = make.result(ordinal=1, status=Outcome.PROCESSING)
        async with room.begin() as tx:
            await tx.results.plan([make.result(ordinal=0), working])
            assert await tx.results.cancel_pending("run_1", make.at(5)) == 1
            assert await tx.results.cancel_pending("run_1", make.at(6)) == 0
            cancelled = make.result(status=Outcome.CANCELLED, failure_code="cancelled", processed_at=make.at(5))
            assert await tx.results.page("run_1", "vid_1", limit=10) == [cancelled, working]

    async def test_outcomes_tell_whole_from_flawed(self, room: Room) -> None:
        """A media item's segments are counted by outcome and by whether everything asked for succeeded."""
        rows = [
            make.result(ordinal=0, **GOOD),
            make.result(ordinal=1, **GOOD),
            make.result(ordinal=2, **GOOD, transcription=False),
            make.result(ordinal=3, **FAILED),
        ]
        async with room.begin() as tx:
            await tx.results.plan([*rows, make.result(video="vid_2")])
            found = await tx.results.outcomes("run_1", "vid_1")
        assert found == {
            (Outcome.SUCCESSFUL, True): 2,
            (Outcome.SUCCESSFUL, False): 1,
            (Outcome.FAILED, False): 1,
        }

    async def test_a_media_level_result_is_added_or_replaced(self, room: Room) -> None:
        """There is one for each run and item, and it comes back as it went in."""
        kept = make.video_result(
            status=Outcome.PARTIAL,
            metadata={"z": 1, "a": 2},
            raw_response="{",
            omitted_segment_ids=["seg_2", "seg_1"],
            llm_attempted=True,
            prompt_chars=10,
            started_at=make.at(1),
        )
        async with room.begin() as tx:
            await tx.results.save_video_result(make.video_result())
            assert await tx.results.video_result("run_1", "vid_1") == make.video_result()
            await tx.results.save_video_result(kept)
            assert await tx.results.video_result("run_1", "vid_1") == kept
            assert await tx.results.video_result("run_1", "vid_2") is None

    async def test_removing_takes_all_results_of_an_item(self, room: Room) -> None:
        """Nothing of the item's results is left in any run, and other items keep theirs."""
        async with room.begin() as tx:
            await tx.results.plan([make.result(), make.result("run_2"), make.result(video="vid_2")])
            await tx.results.save_video_result(make.video_result())
            await tx.results.remove("vid_1")
            assert await tx.results.get("run_1", "seg_vid_1_0") is None
            assert await tx.results.get("run_2", "seg_vid_1_0") is None
            assert await tx.results.video_result("run_1", "vid_1") is None
            assert await tx.results.get("run_1", "seg_vid_2_0") is not None


class CallContract:
    """The promises of `CallLog`, one test each."""

    async def test_a_call_is_kept_before_and_replaced_after(self, room: Room) -> None:
        """What ended replaces what was started; a call that nobody started is not added; the newest comes first."""
        ended = make.call(status="succeeded", input_tokens=10, response_text="{}", completed_at=make.at(2))
        async with room.begin() as tx:
            await tx.calls.started(make.call())
            await tx.calls.started(make.call("llm_2", second=1))
            await tx.calls.ended(ended)
            await tx.calls.ended(make.call("llm_3"))
            assert await tx.calls.calls("run_1", limit=10) == [make.call("llm_2", second=1), ended]
            assert await tx.calls.calls("run_1", limit=1) == [make.call("llm_2", second=1)]
            assert await tx.calls.calls("run_2", limit=1) == []

    async def test_calls_that_never_ended_are_abandoned(self, room: Room) -> None:
        """Open calls of one segment, or of the whole run, are marked and counted; ended ones stay."""
        async with room.begin() as tx:
            for n, (segment, status) in enumerate((("seg_1", "started"), ("seg_2", "started"), ("seg_1", "failed"))):
                await tx.calls.started(make.call(f"llm_{n}", second=n, segment_id=segment, status=status))
            assert await tx.calls.abandon("run_1", "seg_1", make.at(9)) == 1
            assert await tx.calls.abandon("run_1", None, make.at(9)) == 1
            assert await tx.calls.abandon("run_1", None, make.at(9)) == 0
            found = await tx.calls.calls("run_1", limit=10)
        assert [call.status for call in found] == ["failed", "abandoned", "abandoned"]
        assert found[1].completed_at == make.at(9)

    async def test_what_is_spent_adds_up(self, room: Room) -> None:
        """However many spend at the same time, each sees the sum up to itself, and what was undone does not count."""

        async def spend() -> Spent:
            async with room.begin() as tx:
                return await tx.calls.spend(Spent("run_1", 1, 10, 5, 0.25))

        sums = await asyncio.gather(*(spend() for _ in range(20)))
        with contextlib.suppress(ValueError):
            async with room.begin() as tx:
                await tx.calls.spend(Spent("run_1", calls=1000))
                raise ValueError
        assert sorted(spent.calls for spent in sums) == list(range(1, 21))
        async with room.begin() as tx:
            assert await tx.calls.spend(Spent("run_1")) == Spent("run_1", 20, 200, 100, 5.0)
            assert await tx.calls.spend(Spent("run_2")) == Spent("run_2")

    async def test_twenty_repairs_at_once_are_one(self, room: Room) -> None:
        """However many ask at the same time for a segment's repair, one is kept."""

        async def ask(n: int) -> bool:
            async with room.begin() as tx:
                return await tx.calls.add_retry(make.retry(f"retry_{n}"))

        answers = await asyncio.gather(*(ask(n) for n in range(20)))
        assert sum(answers) == 1
        async with room.begin() as tx:
            active = await tx.calls.active_retry("run_1", "seg_1")
            assert active is not None
            assert await tx.calls.retry("run_1", "seg_1", active.retry_id) == active
            assert await tx.calls.retry("run_1", "seg_2", active.retry_id) is None

    async def test_an_ended_repair_makes_room_for_the_next(self, room: Room) -> None:
        """While a repair waits or works there is no second one of that segment; afterwards there may be."""
        async with room.begin() as tx:
            assert await tx.calls.add_retry(make.retry())
            assert await tx.calls.add_retry(make.retry("retry_2", segment="seg_2"))
            await tx.calls.save_retry(make.retry(status="processing"))
            assert not await tx.calls.add_retry(make.retry("retry_3"))
            done = make.retry(status="failed", error="x", completed_at=make.at(3))
            await tx.calls.save_retry(done)
            assert await tx.calls.active_retry("run_1", "seg_1") is None
            assert await tx.calls.retry("run_1", "seg_1", "retry_1") == done
            assert await tx.calls.add_retry(make.retry("retry_3"))
            await tx.calls.save_retry(make.retry("retry_9", segment="seg_9"))
            assert await tx.calls.active_retry("run_1", "seg_9") is None
