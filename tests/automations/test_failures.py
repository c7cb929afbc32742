"""What an import automation does about files that its jobs failed with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.automations.test_automations import advanced, bucket_of, connected, indexed, put, until
from tests.http.api import Api, serving
from tests.http.world import CLIP
from videovector_adapters.memory.connectors import MemoryStorage
from videovector_core.automations.importing import TRIES
from videovector_core.errors import ProcessingFailed


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving(storage=MemoryStorage()) as one:
        yield one


async def cycle(api: Api, path: str, number: int) -> tuple[int, int]:
    """Wait for the end of so many cycles; return what the job of the last one imported, and with how many it failed."""
    history = await until(
        api, f"{path}/history", lambda page: len(page["data"]) >= number and page["data"][0]["status"] != "running"
    )
    job = (await api.client.get(f"/import-jobs/{history['data'][0]['job_id']}")).json()
    return job["progress"]["imported"], job["progress"]["failed"]


async def test_what_failed_for_a_while_is_looked_at_again(api: Api):
    """A file that failed for a passing reason comes in by itself once that has passed; one that never does is let be."""
    index, prompt = await indexed(api)
    source = await connected(api, "in")
    bucket, away = bucket_of(api, "in"), {"late.mp4", "never.mp4"}
    bucket.objects |= {"good.mp4": CLIP, "late.mp4": CLIP + b" ", "never.mp4": CLIP + b"  ", "bad.mp4": b"junk"}

    def fail(what: str, key: str) -> None:
        if what == "read" and key in away:
            raise ProcessingFailed("The storage failed; try again later.", code="storage_error", transient=True)

    bucket.fail = fail
    body = {"connector_id": source, "debounce_interval": "5m", "prompt_preset": {"prompt_id": prompt}}
    assert (await put(api, "import", index, body)).status_code == 200
    path = f"/indexes/{index}/automations/import"
    assert await cycle(api, path, 1) == (1, 3)
    away.discard("late.mp4")
    assert await cycle(api, path, 2) == (1, 2)
    for number in range(3, TRIES + 1):
        assert await cycle(api, path, number) == (0, 2)
    for _ in range(10):
        await advanced(api, 150)
    assert len((await api.client.get(f"{path}/history")).json()["data"]) == TRIES
    # whoever resumes an order has mended something
    away.clear()
    for verb in ("pause", "resume"):
        assert (await api.client.post(f"{path}/{verb}")).status_code == 200
    assert await cycle(api, path, TRIES + 1) == (1, 1)
