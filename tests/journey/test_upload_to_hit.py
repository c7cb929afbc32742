"""The executable map: one upload followed to its hit, in memory and on real parts through the published client."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.server import Server
from videovector_adapters import memory
from videovector_adapters.memory.models import toy
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_core.runs.model import RunStatus
from videovector_core.runs.service import Target
from videovector_core.search.service import Where
from videovector_core.testing.storage import stream

SCHEMA = {
    "type": "object",
    "properties": {
        "headline": {"type": "string", "description": "The most telling sentence that is said."},
        "scene": {
            "type": "object",
            "properties": {
                "location": {"type": "string"},
                "objects": {"type": "array", "items": {"type": "string"}},
            },
        },
    },
}


async def test_the_whole_way_in_memory():
    """A clip that was uploaded is found by what is said in it, at the right second."""
    vv = VideoVector(memory.ports())
    caller = Caller((await vv.access.ensure_user("owner")).user_id)
    index = await vv.indexes.create(caller, name="Archive")
    clip = toy(duration=30, cuts=[10, 20], speech=[[1, 4, "ask not what your country can do for you"]])
    await vv.imports.upload(caller, stream(clip), file_name="speech.toy", index_id=index.index_id)
    prompt = await vv.prompts.create(caller, name="Scene", prompt_text="Describe the scene.", json_schema=SCHEMA)
    stop = asyncio.Event()
    engine = asyncio.create_task(vv.engine().run(stop))
    run = (await vv.runs.execute(caller, prompt_id=prompt.prompt_id, target=Target("index", index.index_id))).run
    while not (view := await vv.runs.get(caller, run.run_id)).run.terminal:
        await asyncio.sleep(0.005)
    assert view.run.status is RunStatus.COMPLETED
    hits = await vv.search.text(caller, "what can you do for your nation", Where(index.index_id))
    assert (hits[0].start, hits[0].end) == (0.0, 10.0)
    assert (await vv.checker.check()).clean
    stop.set()
    await engine


@pytest.mark.real
@pytest.mark.timeout(240)
async def test_the_whole_way_on_real_parts(server: Server, shared_media: Path):
    """The published client uploads a recording to a real server and finds the sentence in it."""
    with server.client() as client:
        index = client.indexes.create(name="Speeches")
        file = shared_media / "speech__whisper.cpp__jfk.wav"
        job = client.videos.upload(file=str(file), title="JFK", index_id=index.index_id)
        job = client.import_jobs.wait_for_completion(job.job_id, timeout=60)
        prompt = client.prompts.create(name="Scene", prompt_text="Describe the scene.", json_schema=SCHEMA)
        run = client.prompt_runs.execute(
            prompt_id=prompt.prompt_id, target={"type": "index", "index_id": index.index_id}
        )
        run = await asyncio.to_thread(_ended, client, run.run_id)
        assert run.status == "completed", run.error_message
        hits = client.search.text(index.index_id, query="what can you do for your nation", top_k=5)
        assert hits[0].video_name == "JFK"
        assert 0 <= hits[0].start_time < hits[0].end_time <= 11.1
        results = client.prompt_runs.list_results(run.run_id, video_id=hits[0].video_id)
        assert "country" in results.data[0].metadata["headline"]


def _ended(client, run_id):
    deadline = time.monotonic() + 180
    while (run := client.prompt_runs.retrieve(run_id)).status in {"pending", "processing"}:
        assert time.monotonic() < deadline, run
        time.sleep(0.2)
    return run
