"""Runs: estimated, executed, repaired and cancelled."""

from __future__ import annotations

from tests.clients.conformance.catalogue import SCHEMA
from tests.clients.conformance.journey import Journey
from tests.clients.conformance.recorder import settled

FIXED = {
    "video_segmentation_type": "fixed",
    "audio_segmentation_type": "fixed",
    "video_segment_duration": 1,
    "audio_segment_duration": 1,
}
ENDS = {"completed", "completed_with_failures", "failed", "cancelled"}


async def runs(j: Journey) -> None:
    """Estimate, execute, wait and read; results come in pages."""
    c, target = j.c, {"type": "index", "index_id": j.index.index_id}
    estimate = await c.prompt_runs.estimate(prompt_id=j.prompt, target=target, **FIXED)
    assert estimate.sufficient_balance
    begun = await c.prompt_runs.execute(prompt_id=j.prompt, target=target, idempotency_key="run", **FIXED)
    j.run = begun.run_id
    done = await c.prompt_runs.wait_for_completion(j.run, poll_interval=0.2, timeout=120)
    assert (done.status, done.total_segments, done.completed_segments) == ("completed", 6, 6), done
    assert await c.prompt_runs.retrieve(j.run) == done
    assert [one.run_id for one in await c.prompt_runs.list(limit=5)] == [j.run]
    page = await c.prompt_runs.list_results(j.run, video_id=j.film, limit=2)
    rows = await settled(page.auto_paging_iter())
    assert [row.start_time for row in rows] == [0, 1, 2]
    following = await settled(page.next_page())
    assert [row.start_time for row in following.data] == [2]
    assert all(row.metadata["headline"] for row in rows)
    j.segment = rows[0].segment_id
    result = await c.prompt_runs.get_video_result(j.run, j.film)
    assert result.metadata["summary"]
    calls = await c.prompt_runs.get_llm_calls(j.run)
    assert len(calls) >= 8
    assert (await c.prompts.get_usage(j.prompt)).is_in_use
    listed = await c.indexes.list_prompt_runs(j.index.index_id)
    assert [one.run_id for one in listed.data] == [j.run]
    assert {one.video_id for one in (await c.indexes.list_videos(j.index.index_id)).data} == {
        j.sound,
        j.film,
    }


async def stumbles(j: Journey) -> None:
    """One segment fails and is done again; another run is cancelled."""
    c = j.c
    made = await c.prompts.create(
        name="Stumbling", prompt_text=f"{j.w['stumble']} {j.w['name']}! Name it.", json_schema=SCHEMA
    )
    begun = await c.prompt_runs.execute(
        prompt_id=made.prompt_id, target={"type": "videos", "video_ids": [j.loose]}, **FIXED
    )
    done = await c.prompt_runs.wait_for_completion(begun.run_id, poll_interval=0.2, timeout=120)
    assert done.status == "completed_with_failures", done
    told = await c.prompt_runs.get_failed_segments(begun.run_id)
    (failed,) = told.videos[0].segments
    where = (begun.run_id, j.loose, failed.segment_id)
    retry = await c.prompt_runs.retry_segment(*where, idempotency_key="again")
    await j.until(
        lambda: c.prompt_runs.get_segment_retry_status(*where, retry.retry_id),
        lambda status: status.status == "completed",
    )
    assert (await c.prompt_runs.get_failed_segments(begun.run_id)).failed_segments == 0
    j.loose_run = begun.run_id
    other = await c.prompt_runs.execute(prompt_id=made.prompt_id, target={"type": "playground"}, **FIXED)
    stopped = await c.prompt_runs.cancel(other.run_id)
    assert stopped.run_id == other.run_id
    assert await j.until(lambda: c.prompt_runs.retrieve(other.run_id), lambda run: run.status in ENDS)
    await c.prompts.delete(made.prompt_id, force=True)
