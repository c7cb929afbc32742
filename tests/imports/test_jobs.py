"""Connectors and import jobs over HTTP, with everything in memory: what comes in, what is refused, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from attrs import define, field

from tests.http.api import Api, serving
from tests.http.world import CLIP, CONNECTOR
from tests.imports.test_names import SENDABLE
from videovector_adapters.memory.connectors import MemoryBucket, MemoryFetcher, MemoryStorage
from videovector_adapters.memory.imports import MemoryImports
from videovector_core.connectors.model import StoredObject
from videovector_core.errors import ProcessingFailed
from videovector_core.imports.model import ImportFile


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving() as one:
        yield one


@define
class Stopping(MemoryBucket):
    """A bucket that answers ten reads and then waits."""

    gate: asyncio.Event = field(factory=asyncio.Event)
    begun: int = 0

    async def read(self, found: StoredObject) -> AsyncIterator[bytes]:
        self.begun += 1
        if self.begun > 10:
            await self.gate.wait()
        async for chunk in MemoryBucket.read(self, found):
            yield chunk


def storage_of(api: Api) -> MemoryStorage:
    """Return the storage in memory."""
    storage = api.vv.ports.storage
    assert isinstance(storage, MemoryStorage)
    return storage


def bucket_of(api: Api) -> MemoryBucket:
    """Return the bucket behind the connector."""
    return storage_of(api).bucket("films")


async def connected(api: Api, **more: Any) -> str:
    """Make a connector."""
    answer = await api.client.post("/connectors/s3", json={**CONNECTOR, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["connector_id"])


async def index_of(api: Api) -> str:
    """Make an index."""
    return str((await api.client.post("/indexes", json={"name": "films"})).json()["index_id"])


async def ended(api: Api, job_id: str) -> dict[str, Any]:
    """Wait for a job."""
    while True:
        job: dict[str, Any] = (await api.client.get(f"/import-jobs/{job_id}")).json()
        if job["status"] in {"completed", "failed", "cancelled"}:
            return job
        await asyncio.sleep(0.005)


async def imported(api: Api, connector: str, index: str, **more: Any) -> dict[str, Any]:
    """Import and wait."""
    answer = await api.client.post("/import-jobs", json={"connector_id": connector, "index_id": index, **more})
    assert answer.status_code == 202, answer.text
    return await ended(api, answer.json()["job_id"])


def clip(number: int) -> bytes:
    """Return media of their own content."""
    return CLIP + b" " * number


async def test_every_object_comes_to_one_end(api: Api):
    """What is media is imported, what is broken fails with a reason, what is left out says why; the sums are exact."""
    objects = bucket_of(api).objects
    objects.update({f"in/{n}.mp4": clip(n) for n in range(30)})
    objects.update(
        {"in/bad.mp4": b"junk", "in/notes.txt": b"t", "in/empty.mp4": b"", "in/d/": b"", "in/.x.mp4": clip(50)}
    )
    objects["elsewhere/a.mp4"] = clip(99)
    index = await index_of(api)
    job = await imported(api, await connected(api), index, source_prefix="in/")
    assert job["status"] == "completed"
    progress = job["progress"]
    assert (progress["total_files"], progress["imported"], progress["failed"], progress["skipped"]) == (35, 30, 1, 4)
    assert progress["bytes_transferred"] == sum(len(clip(n)) for n in range(30))
    assert [one["path"] for one in job["failed_files"]] == ["in/bad.mp4"]
    reasons = {one["path"]: one["reason"] for one in job["skipped_files"]}
    assert reasons == {
        "in/notes.txt": "unsupported_type",
        "in/empty.mp4": "empty_file",
        "in/d/": "hidden_or_marker",
        "in/.x.mp4": "hidden_or_marker",
    }
    assert job["outputs"]["total"] == 31
    media = (await api.client.get(f"/indexes/{index}/videos", params={"limit": 100})).json()["data"]
    assert sorted(one["title"] for one in media) == sorted(str(n) for n in range(30))
    failed = (await api.client.get(f"/import-jobs/{job['job_id']}/files", params={"failed_only": True})).json()
    assert (failed["total"], failed["items"][0]["failure"]["error_code"]) == (1, "probe_failed")


async def test_new_only_takes_each_version_once(api: Api):
    """Twenty repeats bring nothing, a changed object comes in anew, and `all` brings everything again."""
    objects = bucket_of(api).objects
    objects.update({f"{n}.mp4": clip(n) for n in range(3)})
    connector, index = await connected(api, import_mode="new_only"), await index_of(api)
    assert (await imported(api, connector, index))["progress"]["imported"] == 3
    for _ in range(20):
        again = await imported(api, connector, index)
        assert (again["progress"]["imported"], again["progress"]["skipped"]) == (0, 3)
        assert {one["reason"] for one in again["skipped_files"]} == {"already_imported"}
    objects["1.mp4"] = clip(9)
    assert (await imported(api, connector, index))["progress"]["imported"] == 1
    assert (await imported(api, connector, index, import_mode_override="all"))["progress"]["imported"] == 3
    assert (await imported(api, connector, await index_of(api)))["progress"]["imported"] == 3


async def test_jobs_at_once_share_new_objects(api: Api):
    """Of three jobs that find the same versions, each version comes in by one of them."""
    bucket_of(api).objects.update({f"{n}.mp4": clip(n) for n in range(20)})
    connector, index = await connected(api, import_mode="new_only"), await index_of(api)
    jobs = await asyncio.gather(*(imported(api, connector, index) for _ in range(3)))
    assert sum(job["progress"]["imported"] for job in jobs) == 20
    for job in jobs:
        assert job["progress"]["imported"] + job["progress"]["skipped"] == 20


async def test_what_passes_is_tried_again(api: Api):
    """A failure that may pass is tried again, and one that does not leaves its reason; one bad file fails no job."""
    bucket = bucket_of(api)
    bucket.objects.update({f"{n}.mp4": clip(n) for n in range(4)})
    seen: dict[str, int] = {}

    def fail(what: str, key: str) -> None:
        seen[f"{what} {key}"] = seen.get(f"{what} {key}", 0) + 1
        if what == "read" and (key == "1.mp4" or (key == "2.mp4" and seen["read 2.mp4"] == 1)):
            raise ProcessingFailed("The storage failed; try again later.", code="storage_error", transient=True)
        if what == "read" and key == "3.mp4":
            raise ProcessingFailed("Not for you.", code="permission_denied")

    connector, index = await connected(api), await index_of(api)
    bucket.fail = fail
    job = await imported(api, connector, index)
    assert (job["status"], job["progress"]["imported"], job["progress"]["failed"]) == ("completed", 2, 2)
    assert (seen["read 1.mp4"], seen["read 2.mp4"], seen["read 3.mp4"]) == (3, 2, 1)


async def test_a_place_that_cannot_be_read_ends_the_job(api: Api):
    """Lost credentials fail the job with the reason, and nothing is left to do."""
    connector, index = await connected(api, aws_secret_access_key="wrong"), await index_of(api)
    known = (await api.client.get(f"/connectors/{connector}")).json()
    assert (known["status"], known["last_test_result"]) == ("failed", "failed")
    job = await imported(api, connector, index)
    assert (job["status"], job["error_message"]) == ("failed", known["last_test_error"])


async def test_a_failing_storage_is_no_fault_of_the_server(api: Api):
    """Who looks behind a connector whose storage fails is told that as the connector's state, with the storage's code."""
    connector = await connected(api)

    def fail(*_: str) -> None:
        raise ProcessingFailed("The storage failed; try again later.", code="storage_error", transient=True)

    bucket_of(api).fail = fail
    answer = await api.client.post(f"/connectors/{connector}/browse", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "storage_error")
    assert answer.json()["error"]["details"] == {"transient": True}


async def test_an_empty_source_completes(api: Api):
    """Where nothing matches, the job completes with zeros."""
    job = await imported(api, await connected(api), await index_of(api), source_prefix="none/")
    assert (job["status"], job["progress"]["total_files"]) == ("completed", 0)


async def stopped(api: Api, bucket: Stopping) -> tuple[str, str, str]:
    """Start importing a bucket and wait until it stops; return the ids of connector, index and job."""
    connector, index = await connected(api), await index_of(api)
    storage_of(api).buckets["films"] = bucket
    body = {"connector_id": connector, "index_id": index}
    job_id = (await api.client.post("/import-jobs", json=body)).json()["job_id"]
    while bucket.begun <= 10:
        await asyncio.sleep(0.005)
    return connector, index, job_id


async def test_a_cancelled_job_keeps_what_it_has(api: Api):
    """Cancelling drops what is pending, and a job that has ended is not cancelled."""
    bucket = Stopping({f"{n}.mp4": clip(n) for n in range(40)})
    connector, index, job_id = await stopped(api, bucket)
    assert (await api.client.delete(f"/connectors/{connector}")).status_code == 409
    cancelled = await api.client.post(f"/import-jobs/{job_id}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    bucket.gate.set()
    again = await api.client.post(f"/import-jobs/{job_id}/cancel")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict_import_job_terminal")
    media = (await api.client.get(f"/indexes/{index}/videos", params={"limit": 100})).json()["data"]
    told = (await api.client.get(f"/import-jobs/{job_id}")).json()
    assert len(media) == told["progress"]["imported"] <= 14
    assert (await api.client.delete(f"/connectors/{connector}")).status_code == 200


async def test_attachments_come_in_and_are_tried_again(api: Api):
    """URLs are fetched, what failed says that a fresh URL is wanted, and a retry with one completes the job."""
    fetcher = api.vv.ports.fetcher
    assert isinstance(fetcher, MemoryFetcher)
    fetcher.contents["https://files.example/a.mp4?signature=s"] = clip(1)
    files = [
        {"download_url": "https://files.example/a.mp4?signature=s", "file_id": "A"},
        {"download_url": "https://files.example/gone.mp4", "file_id": "B", "file_name": "b.mp4"},
    ]
    answer = await api.client.post("/workflow/attachments", json={"files": files, "index_name": "new"})
    assert (answer.status_code, answer.json()["source_kind"]) == (202, "attachments")
    job = await ended(api, answer.json()["job_id"])
    rows = (await api.client.get(f"/import-jobs/{job['job_id']}/files")).json()["items"]
    assert [(row["file_id"], row["status"]) for row in rows] == [("A", "completed"), ("B", "failed")]
    failure = rows[1]["failure"]
    assert (failure["error_code"], failure["refresh_required"]) == ("attachment_download_failed", True)
    fetcher.contents["https://files.example/b2.mp4"] = clip(2)
    fresh = {"files": [{"download_url": "https://files.example/b2.mp4", "file_id": "B"}]}
    again = await api.client.post(f"/import-jobs/{job['job_id']}/retry", json=fresh)
    assert (again.status_code, again.json()["status"]) == (202, "importing")
    done = await ended(api, job["job_id"])
    assert (done["status"], done["progress"]["imported"], done["progress"]["failed"]) == ("completed", 2, 0)


async def test_only_attachments_are_tried_again(api: Api):
    """The retry of another kind of job is 400 and says why."""
    job = await imported(api, await connected(api), await index_of(api))
    answer = await api.client.post(f"/import-jobs/{job['job_id']}/retry")
    assert answer.status_code == 400
    assert "requires an attachment job" in answer.json()["error"]["message"]


async def test_an_object_is_registered_by_its_uri(api: Api):
    """A URI in a bucket of one's own is read through that connector; the id of the media is known at once."""
    bucket_of(api).objects["in/a b.mp4"] = clip(1)
    connector, index = await connected(api), await index_of(api)
    for more in ({}, {"source_connector_id": connector}):
        body = {"title": "Mine", "video_uri": "s3://films/in/a b.mp4", "index_id": index, **more}
        answer = (await api.client.post("/videos", json=body)).json()
        assert (await ended(api, answer["job_id"]))["status"] == "completed"
        video = (await api.client.get(f"/videos/{answer['video_id']}")).json()
        assert video["title"] == "Mine"
    for uri in ("s3://others/a.mp4", "gs://films/a.mp4"):
        body = {"title": "Mine", "video_uri": uri, "index_id": index, "source_connector_id": connector}
        assert (await api.client.post("/videos", json=body)).status_code == 422


async def test_escapes_are_422_everywhere(api: Api):
    """Base paths, prefixes, patterns and keys that climb or hide are refused, and the storage hears nothing."""
    connector, index = await connected(api), await index_of(api)
    asked: list[tuple[str, str]] = []
    bucket_of(api).fail = lambda what, key: asked.append((what, key))
    job = {"connector_id": connector, "index_id": index}
    for path in SENDABLE:
        for method, url, body in (
            ("POST", "/connectors/s3", {**CONNECTOR, "export_base_path": path}),
            ("PATCH", f"/connectors/{connector}", {"export_base_path": path}),
            ("POST", f"/connectors/{connector}/browse", {"prefix": path}),
            ("POST", f"/connectors/{connector}/browse", {"pattern": path}),
            ("POST", "/import-jobs", {**job, "source_prefix": path}),
            ("POST", "/import-jobs", {**job, "file_pattern": path}),
            ("POST", "/videos", {"title": "a", "video_uri": f"s3://films/{path}", "index_id": index}),
        ):
            answer = await api.client.request(method, url, json=body)
            assert answer.status_code == 422, (method, url, path, answer.text)
    assert asked == []


async def test_no_answer_holds_a_secret(api: Api):
    """Secrets come in and never go out, and the place of a connector cannot be changed."""
    connector = await connected(api, aws_secret_access_key="canary-9f2")
    answers = [
        await api.client.get("/connectors"),
        await api.client.get(f"/connectors/{connector}"),
        await api.client.patch(f"/connectors/{connector}", json={"name": "n"}),
        await api.client.post(f"/connectors/{connector}/test"),
    ]
    assert not any("canary-9f2" in answer.text or "AKIDTESTS" in answer.text for answer in answers)
    async with api.vv.begin() as tx:
        kept = await tx.connectors.get(api.user_id, connector)
    assert "canary" not in repr(kept)
    for name in ("bucket", "region", "endpoint_url"):
        answer = await api.client.patch(f"/connectors/{connector}", json={name: "other"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_connector_immutable")
    half = await api.client.patch(f"/connectors/{connector}", json={"aws_access_key_id": "AKIDOTHER"})
    assert (half.status_code, half.json()["error"]["code"]) == (422, "validation_connector_credentials")


async def test_scopes_are_walls(api: Api):
    """An export-only connector is not browsed and not imported from."""
    connector, index = await connected(api, scopes=["export"]), await index_of(api)
    for url, body in (
        (f"/connectors/{connector}/browse", {}),
        ("/import-jobs", {"connector_id": connector, "index_id": index}),
    ):
        answer = await api.client.post(url, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_connector_scope")


async def test_a_list_shows_each_job_as_it_is(api: Api, monkeypatch: pytest.MonkeyPatch):
    """The list says of each job what the job says by itself, and asks for the files of all of them at once."""
    bucket_of(api).objects.update({"a.mp4": clip(1), "bad.mp4": b"junk", "notes.txt": b"t"})
    connector = await connected(api)
    jobs = [await imported(api, connector, await index_of(api), **more) for more in ({}, {"source_prefix": "a"})]
    asked: list[int] = []
    heads = MemoryImports.heads

    async def counted(self: MemoryImports, job_ids: Sequence[str], **more: Any) -> dict[str, list[ImportFile]]:
        asked.append(len(job_ids))
        return await heads(self, job_ids, **more)

    monkeypatch.setattr(MemoryImports, "heads", counted)
    assert (await api.client.get("/import-jobs")).json() == jobs[::-1]
    assert asked == [2, 2, 2]
