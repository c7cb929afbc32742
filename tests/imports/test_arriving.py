"""What is on its way in and may not come: its index went meanwhile, it is too large, or it cannot be had."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import evolve

from tests.http.api import Api, serving
from tests.imports.test_jobs import Stopping, bucket_of, clip, connected, ended, index_of, stopped
from videovector_adapters.memory.connectors import MemoryFetcher
from videovector_core.access.model import Caller
from videovector_core.errors import NotFound, ProcessingFailed, Unavailable
from videovector_core.imports.model import ImportFile
from videovector_core.imports.sources import Origins, Shelf, about


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving() as one:
        yield one


async def test_nothing_comes_into_an_index_that_went(api: Api):
    """What is on its way when its index is deleted leaves no media and no bytes, and the job says why it ended."""
    bucket = Stopping({"a.mp4": clip(1)}, begun=10)
    _, index, job_id = await stopped(api, bucket)
    assert (await api.client.delete(f"/indexes/{index}")).status_code == 202
    bucket.gate.set()
    job = await ended(api, job_id)
    assert (job["status"], job["progress"]["imported"]) == ("failed", 0)
    assert job["error_message"] == "The index is gone; import into another one."
    video = job["outputs"]["items"][0]["video_id"]
    assert (await api.client.get(f"/videos/{video}")).status_code == 404
    blobs: Any = api.vv.ports.blobs
    assert hashlib.sha256(clip(1)).hexdigest() not in blobs.kept


async def test_an_upload_into_an_index_that_went_is_refused(api: Api):
    """When the index is deleted while a file is taken in, the upload is 404 and leaves no media."""
    index, caller = await index_of(api), Caller(api.user_id)

    async def content() -> AsyncIterator[bytes]:
        yield clip(1)

    item = await api.vv.imports.prepare(caller, content(), file_name="a.mp4", index_id=index)
    assert (await api.client.delete(f"/indexes/{index}")).status_code == 202
    with pytest.raises(NotFound):
        await api.vv.imports.keep(caller, item)
    assert (await api.client.get(f"/videos/{item.video_id}")).status_code == 404


async def test_an_upload_whose_bytes_went_with_another_item_is_to_be_sent_again(api: Api):
    """When the same file is deleted for good while it is taken in once more, there is no media without bytes."""
    caller, blobs = Caller(api.user_id), api.vv.ports.blobs

    async def content() -> AsyncIterator[bytes]:
        yield clip(1)

    item = await api.vv.imports.prepare(caller, content(), file_name="a.mp4")
    await api.vv.media.discard(item.sha256)  # as the end of a deletion does
    assert not await blobs.has(item.sha256)
    with pytest.raises(Unavailable) as raised:
        await api.vv.imports.keep(caller, item)
    assert raised.value.retry_after is not None
    assert (await api.client.get(f"/videos/{item.video_id}")).status_code == 404
    again = await api.vv.imports.keep(caller, await api.vv.imports.prepare(caller, content(), file_name="a.mp4"))
    await api.vv.media.discard(again.items[0].sha256)
    assert await blobs.has(item.sha256)


def origins_of(api: Api, max_bytes: int) -> Origins:
    """Open the content of files of at most so many bytes."""
    connectors = api.vv.connectors
    return Origins(connectors, api.vv.ports.fetcher, Shelf(connectors), max_bytes)


async def test_an_object_that_grew_is_not_read(api: Api):
    """An object over the limit is refused when it is opened: one that was never listed, and one that grew since."""
    bucket_of(api).objects["a.mp4"] = clip(1)
    made = await connected(api)
    async with api.vv.begin() as tx:
        connector = await tx.connectors.get(api.user_id, made)
    registered = ImportFile("file_1", "job_1", api.user_id, 0, "a.mp4")
    for file in (registered, evolve(registered, version="old", size=5)):
        with pytest.raises(ProcessingFailed) as raised:
            async with origins_of(api, 10).open(file, connector):
                pass
        assert raised.value.code == "too_large"


async def test_only_a_failed_download_asks_for_a_fresh_url(api: Api):
    """A file that is too large or broken says so itself, since the same file at another URL would be no better."""
    fetcher, url = api.vv.ports.fetcher, "https://files.example/a.mp4"
    assert isinstance(fetcher, MemoryFetcher)
    fetcher.contents[url] = clip(1)
    made = ImportFile("file_1", "job_1", api.user_id, 0, "a.mp4")
    file = evolve(made, url=api.vv.ports.sealer.seal(url.encode(), about=about(made)))
    for most, expected in ((10, "too_large"), (1_000_000, "media_decode_error")):
        with pytest.raises(ProcessingFailed) as raised:
            async with origins_of(api, most).open(file, None):
                raise ProcessingFailed("The file is broken.", code="media_decode_error")
        assert raised.value.code == expected


@pytest.mark.parametrize(
    ("change", "told"),
    [({"status": "disabled"}, "The connector is disabled"), ({"scopes": ["export"]}, "not for import")],
)
async def test_a_connector_that_is_taken_away_is_read_no_more(api: Api, change: dict[str, Any], told: str):
    """When a connector is disabled or loses its scope, the job that reads through it ends and says why."""
    bucket = Stopping({f"{n:02}.mp4": clip(n) for n in range(40)})
    connector, _, job_id = await stopped(api, bucket)
    assert (await api.client.patch(f"/connectors/{connector}", json=change)).status_code == 200
    bucket.gate.set()
    job = await ended(api, job_id)
    assert job["status"] == "failed"
    assert told in job["error_message"]
    assert bucket.begun < 20


async def test_a_fresh_url_outlives_the_one_before(api: Api, monkeypatch: pytest.MonkeyPatch):
    """A fresh URL that comes while the last try of the old one is in hand is fetched when that has failed."""
    old, new, fetch = "https://files.example/old.mp4", "https://files.example/new.mp4", MemoryFetcher.fetch
    fetcher = api.vv.ports.fetcher
    assert isinstance(fetcher, MemoryFetcher)
    fetcher.contents[new] = clip(1)
    asked, gate = asyncio.Event(), asyncio.Event()

    @contextlib.asynccontextmanager
    async def late(self: MemoryFetcher, url: str, *, max_bytes: int) -> AsyncIterator[Any]:
        if url == old:
            asked.set()
            await gate.wait()
        async with fetch(self, url, max_bytes=max_bytes) as download:
            yield download

    monkeypatch.setattr(MemoryFetcher, "fetch", late)
    files = [{"download_url": old, "file_id": "A"}]
    job_id = (await api.client.post("/workflow/attachments", json={"files": files})).json()["job_id"]
    await asked.wait()
    fresh = {"files": [{"download_url": new, "file_id": "A"}]}
    assert (await api.client.post(f"/import-jobs/{job_id}/retry", json=fresh)).status_code == 202
    gate.set()
    job = await ended(api, job_id)
    assert (job["status"], job["progress"]["imported"], job["progress"]["failed"]) == ("completed", 1, 0)
