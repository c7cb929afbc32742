"""The published client 2.0.0, sync and async, from an index to a hit on a real server."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.server import Server

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]

# The request of the API reference, word for word.
PROMPT = {
    "name": "Scene extractor",
    "description": "Extract structured scene evidence per segment.",
    "prompt_text": "Extract the requested fields from this media segment.",
    "json_schema": {
        "type": "object",
        "properties": {
            "headline": {"type": "string"},
            "scene": {
                "type": "object",
                "properties": {
                    "location": {"type": "string"},
                    "people": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"name": {"type": "string"}, "emotion": {"type": "string"}},
                        },
                    },
                },
            },
        },
    },
    "video_level": {
        "instructions_text": "Summarize the entire asset from the extracted segment evidence.",
        "included_segment_fields": ["headline", "scene.location", "transcription"],
        "json_schema": {"type": "object", "properties": {"program_summary": {"type": "string"}}},
    },
    "semantic_indexing": {"disabled_segment_fields": [], "disabled_video_level_fields": []},
}
EXECUTE = {
    "video_segmentation_type": "smart",
    "audio_segmentation_type": "content_aware",
    "processing_model": "gemini-2.5-flash",
    "enable_transcription": True,
    "enable_image_embedding": True,
}
# Written before any score was looked at.
PARAPHRASES = {
    "what can you do for your nation": ("whisper.cpp__jfk",),
    "early printing in China with carved wooden blocks": ("LJ001-0003",),
    "movable type was invented in the 1400s": ("LJ001-0005",),
    "how printing is unlike the other crafts on show": ("LJ001-0001",),
}


def ended(client, run_id, seconds=240):
    """Wait for a run."""
    deadline = time.monotonic() + seconds
    while (run := client.prompt_runs.retrieve(run_id)).status in {"pending", "processing"}:
        assert time.monotonic() < deadline, run
        time.sleep(0.3)
    return run


def test_every_speech_file_is_found_by_what_is_said(server: Server, shared_media: Path):
    """All recordings lie in one index, and a paraphrase finds its own first, within its duration."""
    files = sorted(shared_media.glob("speech__*"))
    with server.client() as client:
        client.authenticate()
        index = client.indexes.create(name="Speech")
        durations = {}
        for file in files:
            job = client.videos.upload(file=str(file), title=file.name, index_id=index.index_id)
            job = client.import_jobs.wait_for_completion(job.job_id, timeout=60)
            output = client.import_jobs.outputs(job.job_id).items[0]
            durations[file.name] = output.source_end_seconds
        prompt = client.prompts.create(**PROMPT)
        run = client.prompt_runs.execute(
            prompt_id=prompt.prompt_id, target={"type": "index", "index_id": index.index_id}, **EXECUTE
        )
        run = ended(client, run.run_id)
        assert run.status == "completed", (run, client.prompt_runs.get_failed_segments(run.run_id))
        assert run.total_audios == run.completed_audios == len(files)
        for query, (name,) in PARAPHRASES.items():
            hits = client.search.text(index.index_id, query=query, top_k=10)
            assert name in hits[0].video_name, (query, [(hit.video_name, hit.similarity_score) for hit in hits])
            for hit in hits:
                assert 0 <= hit.start_time < hit.end_time <= durations[hit.video_name] + 0.001


def test_shots_of_the_rabbit(server: Server, shared_media: Path):
    """The boundaries of a clip with three cuts are those cuts, within two frames, and no others."""
    with server.client() as client:
        file = shared_media / "cuts__big-buck-bunny-480p-30s__video.mp4"
        job = client.videos.upload(file=str(file), title="Rabbit")
        prompt = client.prompts.create(**PROMPT)
        run = client.prompt_runs.execute(
            prompt_id=prompt.prompt_id, target={"type": "videos", "video_ids": job.video_ids}, **EXECUTE
        )
        run = ended(client, run.run_id)
        assert run.status == "completed"
        results = client.prompt_runs.list_results(run.run_id, video_id=job.video_ids[0]).data
        inner = [row.start_time for row in results if row.start_time > 0]
        assert len(inner) == 3
        assert all(abs(time - frame / 24) <= 2 / 24 for time, frame in zip(inner, (285, 378, 553), strict=True))
        summary = client.prompt_runs.get_video_result(run.run_id, video_id=job.video_ids[0])
        assert summary.successful_segment_count == 4
        again = client.prompt_runs.execute(
            prompt_id=prompt.prompt_id, target={"type": "videos", "video_ids": job.video_ids}, **EXECUTE
        )
        again = ended(client, again.run_id)
        assert again.created_new_segments is False
        assert not client.prompt_runs.get_llm_calls(again.run_id)


async def test_the_async_client_sees_the_same(server: Server):
    """The async client lists, creates and deletes what the sync one would."""
    from videovector import AsyncVideoVector

    async with AsyncVideoVector(api_key=server.key, base_url=f"{server.url}/api/v2") as client:
        index = await client.indexes.create(name="Async")
        assert index.index_id in {one.index_id for one in await client.indexes.list()}
        gone = await client.indexes.delete(index.index_id)
        while gone.status != "deleted":
            await asyncio.sleep(0.2)
            gone = await client.indexes.get_deletion(index.index_id)
        assert index.index_id not in {one.index_id for one in await client.indexes.list()}


BAD = {
    "empty.mp4": b"",
    "random.mp4": bytes((i * 7919 + i // 251) % 256 for i in range(64_000)),
    "text.txt": b"This is a letter and no media at all.\n" * 50,
}


@pytest.mark.parametrize("name", [*BAD, "half.mp4"])
def test_bad_files_are_refused(server: Server, shared_media: Path, name: str):
    """What is no media is a 4xx with a stable code and a sentence; nothing is kept and the server lives."""
    content = BAD[name] if name in BAD else (shared_media / "robust__derived__truncated_half.mp4").read_bytes()
    with server.http() as http:
        before = len(http.get("/playground/videos", params={"limit": 100}).json()["data"])
        answer = http.post("/videos/upload", files={"file": (name, content)}, data={"title": name})
        assert 400 <= answer.status_code < 500, answer.text
        error = answer.json()["error"]
        assert error["code"].startswith("validation_")
        assert error["message"].endswith(".")
        assert len(http.get("/playground/videos", params={"limit": 100}).json()["data"]) == before
        assert http.get("/indexes").status_code == 200


def test_a_body_that_breaks_off_is_refused(server: Server):
    """A form that ends in the middle of its file is a 4xx, and nothing of it is kept."""
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n' + b"x" * 5000
    with server.http() as http:
        answer = http.post("/videos/upload", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.json()["error"]["code"]


def test_bad_requests_are_explained(server: Server):
    """An unknown index, and a schema whose root is an array, are told apart by stable codes."""
    with server.http() as http:
        unknown = http.post("/indexes/idx_0/search", json={"query": "x"})
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "resource_index_not_found")
        array = http.post("/prompts", json={**PROMPT, "json_schema": {"type": "array", "items": {"type": "string"}}})
        assert (array.status_code, array.json()["error"]["code"]) == (422, "validation_schema_invalid")
