"""What a storage does wrong ends in another try, or in a reason for each file; the client is the real one of S3."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.emulators import LOOPBACK
from tests.http.api import Api, serving
from tests.imports import scripted
from tests.imports.scripted import BUCKET, Scripted
from tests.imports.test_jobs import clip, connected, imported, index_of
from tests.imports.test_storage import connector
from videovector_adapters.egress import Egress
from videovector_adapters.egress_addresses import networks
from videovector_adapters.storage import doors, s3
from videovector_adapters.storage.connectors import Storages
from videovector_adapters.storage.doors import Doors
from videovector_core.connectors.ports import Bucket
from videovector_core.errors import ProcessingFailed
from videovector_core.testing.storage import listed

FAULTS = ("throttled", "too many", "broken", "cut", "stalled", "silent", "changed")
PLACE = {"bucket": BUCKET, "region": "us-east-1"}
KEYS = {"aws_access_key_id": "AKIDTESTS", "aws_secret_access_key": "secret-of-tests"}


@pytest.fixture
def script() -> Iterator[Scripted]:
    """The server."""
    with scripted.serving(Scripted()) as one:
        yield one


@pytest.fixture
def storages(script: Scripted, monkeypatch: pytest.MonkeyPatch) -> Storages:
    """Storages that lose patience soon."""
    monkeypatch.setattr(doors, "READ_SECONDS", 1.0)
    return Storages(Doors(allow=networks(LOOPBACK), s3_endpoint_url=script.url))


@pytest.fixture
async def bucket(storages: Storages) -> AsyncIterator[Bucket]:
    async with storages.open(connector("s3", **PLACE), KEYS) as one:
        yield one


@pytest.fixture
async def api(storages: Storages) -> AsyncIterator[Api]:
    async with serving(storage=storages) as one:
        yield one


async def brought(api: Api, **more: Any) -> dict[str, Any]:
    """Import everything."""
    place = await connected(api, **PLACE, **KEYS)
    return await imported(api, place, await index_of(api), **more)


async def test_what_fails_once_comes_in(api: Api, script: Scripted):
    """Whatever goes wrong with an object, it is read again, and what is kept is whole."""
    script.objects = {f"{n}.mp4": clip(n) for n in range(len(FAULTS) + 2)}
    script.faults = {f"{n}.mp4": [fault] for n, fault in enumerate(FAULTS)}
    job = await brought(api)
    assert job["failed_files"] == []
    assert (job["status"], job["progress"]["imported"]) == ("completed", len(script.objects))
    assert job["progress"]["bytes_transferred"] == sum(len(content) for content in script.objects.values())


async def test_what_always_fails_has_a_reason(api: Api, script: Scripted):
    """Each object that stays broken fails alone, with a reason of its own; a refusal is not asked for again."""
    always = ("throttled", "too many", "broken", "cut", "denied")
    script.objects = {f"{n}.mp4": clip(n) for n in range(len(always) + 3)}
    script.faults = {f"{n}.mp4": [f"always {fault}"] for n, fault in enumerate(always)}
    job = await brought(api)
    count = job["progress"]
    assert (count["total_files"], count["imported"], count["failed"], count["skipped"]) == (8, 3, 5, 0)
    rows = (await api.client.get(f"/import-jobs/{job['job_id']}/files", params={"failed_only": True})).json()["items"]
    codes = {row["file_name"]: row["failure"]["error_code"] for row in rows}
    assert codes == {"4.mp4": "permission_denied"} | {f"{n}.mp4": "storage_error" for n in range(4)}
    assert script.reads["4.mp4"] == 1
    assert all(script.reads[f"{n}.mp4"] >= 3 for n in range(4))


async def test_a_list_that_fails_is_asked_for_again(api: Api, script: Scripted):
    """Lists that fail in between lose no object and bring none twice."""
    script.objects = {f"{n:04}.mp4": clip(1) for n in range(3)} | {f"{n:04}.txt": b"t" for n in range(3, 2500)}
    script.listing = ["throttled", "broken", "too many", "broken"]
    job = await brought(api)
    count = job["progress"]
    assert (count["total_files"], count["imported"], count["skipped"]) == (2500, 3, 2497)


@pytest.mark.parametrize("fault", ["stalled", "silent", "cut", "broken"])
async def test_a_read_never_ends_short_or_hangs(bucket: Bucket, script: Scripted, fault: str):
    """A stream that stops is an error that may pass, and never a shorter object."""
    script.objects = {"a.mp4": b"x" * 3_000_000}
    (found,) = [one async for page in bucket.pages() for one in page]
    script.faults = {"a.mp4": [f"always {fault}"]}
    with pytest.raises(ProcessingFailed) as raised:
        async for _ in bucket.read(found):
            pass
    assert raised.value.transient
    assert raised.value.code in {"storage_error", "timeout"}


async def test_an_object_that_changed_since_it_was_listed_comes_in_as_it_is(api: Api, script: Scripted):
    """The version that is kept is the one that was read: importing again what changed brings nothing."""
    script.objects = {"a.mp4": clip(1)}
    script.faults = {"a.mp4": ["changed"]}
    place, index = await connected(api, import_mode="new_only", **PLACE, **KEYS), await index_of(api)
    assert (await imported(api, place, index))["progress"]["imported"] == 1
    again = await imported(api, place, index)
    assert [one["reason"] for one in again["skipped_files"]] == ["already_imported"]


async def test_an_endpoint_is_dialled_at_the_address_that_was_checked(
    script: Scripted, monkeypatch: pytest.MonkeyPatch
):
    """The egress door looks up the name of an endpoint: what it admits is dialled, and of the rest nobody hears."""

    async def inside(_: str, __: int) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr(s3, "Egress", functools.partial(Egress, resolver=inside))
    script.objects = {"a.mp4": b"x"}
    place = connector("s3", **PLACE, endpoint_url=f"http://storage.example:{urlsplit(script.url).port}")
    async with Storages(Doors(allow=networks(LOOPBACK))).open(place, KEYS) as bucket:
        assert await listed(bucket) == ["a.mp4"]
    script.listing = ["broken"]
    async with Storages(Doors(allow=networks("192.0.2.0/24"))).open(place, KEYS) as bucket:
        with pytest.raises(ProcessingFailed) as raised:
            await listed(bucket)
    assert raised.value.code == "blocked_address"
    assert script.listing == ["broken"], "somebody asked"
