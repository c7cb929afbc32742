"""The short way with the published client 2.0.0, sync and async, on a real server: the quickstart of its README."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server import Server

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]

SPEECH = "speech__TTS__LJ001-0003.wav"


def test_the_quickstart(server: Server, shared_media: Path):
    """Upload into an index by name, define, process the import, wait, search, and read page after page."""
    with server.client() as client:
        client.authenticate()
        job = client.workflow.upload(shared_media / SPEECH, index_name="Quickstart", idempotency_key="quickstart")
        again = client.workflow.upload(shared_media / SPEECH, index_name="Quickstart", idempotency_key="quickstart")
        assert again.job_id == job.job_id
        job = client.import_jobs.wait_for_completion(job.job_id, timeout=60)
        outputs = list(client.import_jobs.iter_outputs(job.job_id))
        assert [one.video_id for one in outputs] == job.video_ids
        definition = client.workflow.define("Extract the topic and a list of keywords")
        assert definition.saved
        assert definition.prompt.prompt_id == definition.prompt_id
        draft = client.workflow.define("Extract the topic", save=False)
        assert (draft.saved, draft.prompt_id, draft.prompt) == (False, None, None)
        started = client.workflow.process(
            prompt_id=definition.prompt_id,
            import_job_id=job.job_id,
            segmentation_mode="fixed",
            fixed_segment_duration_seconds=2,
            create_image_embeddings=False,
        )
        assert started.prompt_created_inline is False
        assert started.status_url.endswith(started.run.run_id)
        run = client.workflow.wait_until_searchable(started.run.run_id, poll_interval=0.3, timeout=200)
        assert run.status in {"completed", "completed_with_failures"}
        page = client.workflow.search("carved blocks of wood", prompt_run_ids=run.run_id, limit=2)
        assert len(page) == 2
        assert page.has_more
        rows = list(page.auto_paging_iter())
        assert 2 < len(rows) == len({row.result_id for row in rows}) <= run.completed_segments
        assert {row.video_id for row in rows} == set(job.video_ids)
        assert [row.result_id for row in page] == [row.result_id for row in rows[:2]]
        other = client.workflow.search(cursor=page.next_cursor)
        assert other[0].result_id == rows[2].result_id
        found = client.workflow.search(
            filters=[{"field": "transcription", "operator": "is_not_empty"}], index_name="Quickstart", limit=50
        )
        assert len(found) >= 1
        assert all(row.metadata["transcription"] for row in found)
        assert list(client.workflow.search("wood", index_name="Quickstart", result_level="video")) == []


async def test_the_quickstart_without_waiting_threads(server: Server, shared_media: Path):
    """The async client goes the same way, with a prompt made of an instruction, over the playground."""
    from videovector import AsyncVideoVector

    async with AsyncVideoVector(api_key=server.key, base_url=f"{server.url}/api/v2") as client:
        with (shared_media / SPEECH).open("rb") as stream:
            job = await client.workflow.upload(stream, title="Playground")
        started = await client.workflow.process(
            prompt_instruction="Extract the topic", video_ids=job.video_ids[0], create_image_embeddings=False
        )
        assert started.prompt_created_inline
        run = await client.workflow.wait_until_searchable(started.run.run_id, poll_interval=0.3, timeout=200)
        page = await client.workflow.search("wood", video_ids=job.video_ids, prompt_run_ids=[run.run_id], limit=1)
        rows = [row async for row in page.auto_paging_iter()]
        assert {row.video_id for row in rows} == set(job.video_ids)
        assert 1 <= len(rows) <= run.completed_segments
