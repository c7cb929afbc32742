"""Exports over HTTP: asked for, built by the engine, fetched or delivered."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import re
from typing import Any

import pyarrow.parquet as pq
import pytest
from attrs import evolve

from tests.http.api import Api, serving
from tests.http.world import Ids, populated
from tests.imports.test_names import SENDABLE
from videovector_adapters.duckdb.tables import ParquetTables
from videovector_adapters.memory.connectors import MemoryBucket, MemoryStorage
from videovector_adapters.memory.models import ToyDecoder
from videovector_adapters.memory.parts import MemoryBlobs
from videovector_core.errors import ProcessingFailed
from videovector_core.events.model import EventFilter

PLACE = {
    "name": "archive",
    "bucket": "films",
    "region": "eu-west-1",
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
    "scopes": ["import", "export"],
    "export_base_path": "exports/weekly",
}


@pytest.fixture
async def api():
    blobs = MemoryBlobs()
    about = {"public_url": "https://testserver"}
    async with serving(
        about=about, blobs=blobs, decoder=ToyDecoder(blobs), tables=ParquetTables(blobs), storage=MemoryStorage()
    ) as one:
        yield one


async def built(api: Api, path: str, **body: Any) -> dict[str, Any]:
    """Ask for an export and wait for its end."""
    asked = await api.client.post(path, json=body) if body else await api.client.post(path)
    assert asked.status_code == 202, asked.text
    assert set(asked.json()) == {"export_id", "status"}
    while True:
        found: dict[str, Any] = (await api.client.get(f"/exports/{asked.json()['export_id']}")).json()
        if found["status"] in {"completed", "failed"}:
            return found
        await asyncio.sleep(0.01)


async def file_of(api: Api, found: dict[str, Any]) -> bytes:
    """Download the file of an export."""
    answer = await api.client.get(found["download_url"].removeprefix("/api/v2"))
    assert answer.status_code == 200, answer.text
    return answer.content


async def connected(api: Api, **more: Any) -> tuple[str, MemoryBucket]:
    """Make a connector, and return it with the bucket behind it."""
    made = await api.client.post("/connectors/s3", json={**PLACE, **more})
    assert made.status_code == 201, made.text
    storage = api.vv.ports.storage
    assert isinstance(storage, MemoryStorage)
    return made.json()["connector_id"], storage.bucket(more.get("bucket", "films"))


async def test_a_run_becomes_a_file(api):
    """A run export completes, shows exactly 23 keys, and its file says everything that the API says of the run."""
    ids = await populated(api)
    await api.client.put("/markers", json={"target_type": "segment", "target_id": ids.segment, "note": "look"})
    found = await built(api, f"/exports/prompt-run/{ids.run}")
    assert len(found) == 23
    assert found["download_url"] == f"/api/v2/exports/{found['export_id']}/download"
    assert (found["queue_status"], found["destination_type"]) == ("succeeded", "download")
    assert (found["destination_uri"], found["export_params"], found["error_message"]) == (None, None, None)
    file = await api.client.get(f"/exports/{found['export_id']}/download")
    assert file.headers["content-type"] == "application/json"
    assert int(file.headers["content-length"]) == len(file.content) == found["file_size_bytes"]
    assert found["export_id"] in file.headers["content-disposition"]
    told = file.json()
    media = told["runs"][0]["media"]
    assert [one["video_id"] for one in media] == [ids.video]
    shown = (await api.client.get(f"/videos/{ids.video}/segments", params={"run_id": ids.run})).json()["data"]
    assert [one["segment_id"] for one in media[0]["segments"]] == [one["segment_id"] for one in shown]
    assert media[0]["segments"][0]["markers"]["segment"]["note"] == "look"
    part = await api.client.get(f"/exports/{found['export_id']}/download", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, file.content[10:20])


async def test_every_format_says_the_same(api):
    """JSON lines, CSV and Parquet hold the segments of the JSON document, in its order."""
    ids = await populated(api)
    files = {
        kind: await file_of(api, await built(api, f"/exports/prompt-run/{ids.run}", format=kind))
        for kind in ("json", "jsonl", "csv", "parquet")
    }
    segments = json.loads(files["json"])["runs"][0]["media"][0]["segments"]
    lines = [json.loads(line) for line in files["jsonl"].splitlines()]
    assert [line["type"] for line in lines] == ["export", "run", "media"] + ["segment"] * len(segments)
    mine = {"type", "run_id", "video_id"}
    assert [{name: one for name, one in line.items() if name not in mine} for line in lines[3:]] == segments
    table = list(csv.DictReader(io.StringIO(files["csv"].decode())))
    rows = pq.read_table(io.BytesIO(files["parquet"])).to_pylist()
    for found in (table, rows):
        assert [row["segment_id"] for row in found] == [one["segment_id"] for one in segments]
        assert [json.loads(row["metadata"]) for row in found] == [one["metadata"] for one in segments]
    assert [row["start_time"] for row in rows] == [one["start_time"] for one in segments]


async def test_an_index_holds_its_own(api):
    """An index export holds the finished runs of the index, of them only its own media, and only those that are named."""
    ids, other = await populated(api), await populated(api)
    body = {"prompt_id": ids.prompt, "target": {"type": "videos", "video_ids": [ids.video, other.video]}}
    both = (await api.client.post("/prompt-runs/execute", json=body)).json()["run_id"]
    await api.finished(both)
    told = json.loads(await file_of(api, await built(api, f"/exports/index/{ids.index}")))
    assert told["index"]["index_id"] == ids.index
    assert [run["run_id"] for run in told["runs"]] == [ids.run, both]
    assert {item["video_id"] for run in told["runs"] for item in run["media"]} == {ids.video}
    some = await built(api, f"/exports/index/{ids.index}", prompt_run_ids=[both])
    assert some["export_params"] == {"prompt_run_ids": [both]}
    assert [run["run_id"] for run in json.loads(await file_of(api, some))["runs"]] == [both]


async def test_what_was_deleted_is_left_out(api):
    """Media that were deleted before the file was built are not in it."""
    ids = await populated(api)
    await api.client.delete(f"/videos/{ids.video}")
    told = json.loads(await file_of(api, await built(api, f"/exports/index/{ids.index}")))
    assert [run["media"] for run in told["runs"]] == [[]]


async def test_only_what_was_found(api):
    """With `matches`, segments in which nothing was found are left out; with `all` they are there, with null or empty fields."""
    ids = await populated(api)
    async with api.vv.begin() as tx:
        rows = await tx.results.page(ids.run, ids.video, limit=10)
        await tx.results.save(evolve(rows[0], metadata={"headline": ""}))
        await tx.results.save(evolve(rows[1], metadata=None, field_extraction=False, field_extraction_error="no"))
    for scope, count in (("all", len(rows)), ("matches", len(rows) - 2)):
        found = await built(api, f"/exports/prompt-run/{ids.run}", result_scope=scope)
        told = json.loads(await file_of(api, found))
        assert len(told["runs"][0]["media"][0]["segments"]) == count
        assert told["result_scope"] == scope
        assert found["export_params"] is None


async def test_a_minted_url_needs_no_credential(api):
    """The URL is https on the public origin with one token; it opens its own file until its time is over, and no other."""
    ids = await populated(api)
    found, other = [await built(api, f"/exports/prompt-run/{ids.run}") for _ in range(2)]
    minted = (await api.client.post(f"/exports/{found['export_id']}/download-url")).json()
    assert set(minted) == {"export_id", "status", "destination_type", "destination_connector_id", "download_url"}
    pattern = rf"https://testserver/api/v2/exports/{found['export_id']}/download\?token=(v1\.[\w-]+\.[\w-]+)"
    token = re.fullmatch(pattern, minted["download_url"])
    assert token
    assert 32 <= len(token[1]) <= 2048
    content = await file_of(api, found)
    del api.client.headers["X-API-Key"]

    async def status(export: dict[str, Any], text: str) -> int:
        path = f"/exports/{export['export_id']}/download"
        return (await api.client.get(path, params={"token": text})).status_code

    path = minted["download_url"].removeprefix("https://testserver/api/v2")
    assert (await api.client.get(path)).content == content
    assert await status(other, token[1]) == 404
    assert await status(found, token[1][:-2]) == 404
    assert (await api.client.get(f"/exports/{found['export_id']}/download")).status_code == 401
    clock: Any = api.vv.ports.clock
    clock.time.advance(901)
    assert await status(found, token[1]) == 404


@pytest.mark.parametrize(
    ("origin", "status", "told"),
    [
        ("http://video.example", 200, None),
        ("https://video.example/behind/a/path", 503, "metadata_export_token_configuration_invalid"),
    ],
)
async def test_an_origin_that_clients_refuse(origin, status, told):
    """A server that is reached by http mints nothing; one whose public URL is no origin says so."""
    async with serving(about={"public_url": origin}) as api:
        ids = await populated(api)
        found = await built(api, f"/exports/prompt-run/{ids.run}")
        answer = await api.client.post(f"/exports/{found['export_id']}/download-url")
        assert answer.status_code == status
        body = answer.json()
        assert (body["download_url"] if status == 200 else body["error"]["code"]) == told


async def test_delivery_to_a_connector(api):
    """A file is put whole under the base path, with its SHA-256 beside it, and there is nothing to download."""
    ids = await populated(api)
    connector, bucket = await connected(api)
    found = await built(
        api, f"/exports/prompt-run/{ids.run}", destination_connector_id=connector, destination_subpath="april"
    )
    key = f"exports/weekly/april/prompt_run-{ids.run}/{found['export_id']}.json"
    assert found["destination_uri"] == found["gcs_uri"] == f"s3://films/{key}"
    assert (found["destination_type"], found["download_url"]) == ("connector", None)
    assert found["export_params"] == {
        "destination_connector_id": connector,
        "destination_base_path": "exports/weekly",
        "destination_subpath": "april",
    }
    content = bucket.objects[key]
    assert set(bucket.objects) == {key, f"{key}.sha256"}
    assert bucket.objects[f"{key}.sha256"].split()[0].decode() == hashlib.sha256(content).hexdigest()
    assert json.loads(content)["export_id"] == found["export_id"]
    minted = (await api.client.post(f"/exports/{found['export_id']}/download-url")).json()
    assert minted["download_url"] is None
    refused = await api.client.get(f"/exports/{found['export_id']}/download")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict_export_delivered")


async def test_a_storage_that_refuses_fails_the_export(api):
    """When the storage refuses for good, the export says why, tells `export.failed`, and leaves nothing there."""
    ids = await populated(api)
    connector, bucket = await connected(api)

    def fail(operation: str, _: str) -> None:
        if operation == "put":
            raise ProcessingFailed("The storage refuses.", code="permission_denied")

    bucket.fail = fail
    found = await built(api, f"/exports/prompt-run/{ids.run}", destination_connector_id=connector)
    assert (found["status"], found["queue_status"], found["error_message"]) == (
        "failed",
        "failed",
        "The storage refuses.",
    )
    assert not bucket.objects
    log: Any = api.vv.ports.begin
    async with log() as tx:
        wanted = EventFilter(event_types=frozenset({"export.failed", "export.ready"}))
        events = await tx.events.after(api.user_id, 0, wanted=wanted, limit=10)
    mine = [one for one in events if one.payload["export_id"] == found["export_id"]]
    assert [(one.event_type, one.payload["status"], one.index_id) for one in mine] == [
        ("export.failed", "failed", ids.index)
    ]
    gone = await api.client.delete(f"/connectors/{connector}")
    assert gone.status_code == 200, gone.text


async def test_the_file_goes_after_its_time(api):
    """After seven days the bytes are gone, the export stays completed, and downloading is 410."""
    ids = await populated(api)
    found = await built(api, f"/exports/prompt-run/{ids.run}")
    blobs: Any = api.vv.ports.blobs
    name = hashlib.sha256(await file_of(api, found)).hexdigest()
    assert name in blobs.kept
    clock: Any = api.vv.ports.clock
    clock.time.advance(7 * 86_400 + 60)
    api.vv.ports.doorbell.ring("work")
    while name in blobs.kept:
        await asyncio.sleep(0.01)
    after = (await api.client.get(f"/exports/{found['export_id']}")).json()
    assert (after["status"], after["download_url"]) == ("completed", None)
    gone = await api.client.get(f"/exports/{found['export_id']}/download")
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "resource_export_expired")


async def test_nothing_but_the_file_is_left(api):
    """When an export has ended, its parts are gone from the blobs and from the tables."""
    ids = await populated(api)
    blobs: Any = api.vv.ports.blobs
    before = set(blobs.kept)
    found = await built(api, f"/exports/prompt-run/{ids.run}")
    async with api.vv.begin() as tx:
        left = await tx.exports.parts(found["export_id"])
    while left:
        await asyncio.sleep(0.01)
        async with api.vv.begin() as tx:
            left = await tx.exports.parts(found["export_id"])
    assert set(blobs.kept) - before == {hashlib.sha256(await file_of(api, found)).hexdigest()}


async def test_a_path_that_climbs_is_refused(api):
    """Every escape from the base path is 422 before anything is kept."""
    ids = await populated(api)
    connector, bucket = await connected(api)
    before = len((await api.client.get("/exports")).json())
    for path in SENDABLE:
        body = {"destination_connector_id": connector, "destination_subpath": path}
        answer = await api.client.post(f"/exports/prompt-run/{ids.run}", json=body)
        assert answer.status_code == 422, (path, answer.text)
    assert len((await api.client.get("/exports")).json()) == before
    assert not bucket.objects


async def test_requests_that_cannot_be_met(api):
    """Each wrong request is refused with its code, and keeps nothing."""
    ids, other = await populated(api), await populated(api)
    importing, _ = await connected(api, scopes=["import"], bucket="other")
    run, index = f"/exports/prompt-run/{ids.run}", f"/exports/index/{ids.index}"
    for path, body, status, code in (
        (run, {"prompt_run_ids": [ids.run]}, 422, "validation_prompt_run_ids"),
        (index, {"prompt_run_ids": [other.run]}, 422, "validation_prompt_run_ids"),
        (index, {"prompt_run_ids": []}, 422, "validation_prompt_run_ids"),
        (run, {"destination_subpath": "a"}, 422, "validation_export_destination"),
        (run, {"destination_connector_id": importing}, 422, "validation_connector_scope"),
        (run, {"destination_connector_id": "conn_9"}, 404, "resource_connector_not_found"),
        (run, {"format": "xml"}, 422, "validation_error"),
        ("/exports/prompt-run/run_9", {}, 404, "resource_run_not_found"),
        ("/exports/index/idx_9", {}, 404, "resource_index_not_found"),
    ):
        answer = await api.client.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), (path, body)


async def test_one_key_is_one_export(api):
    """The same key with no body, an empty one and `{}` is one export; the list is newest first and takes up to 200."""
    ids: Ids = await populated(api)
    headers = {"Idempotency-Key": "export-create:1"}
    path = f"/exports/prompt-run/{ids.run}"
    first = await api.client.post(path, headers=headers)
    empty = await api.client.post(path, headers={**headers, "Content-Type": "application/json"}, content=b"")
    for again in (empty, await api.client.post(path, headers=headers, json={})):
        assert first.json() == again.json()
        assert again.headers["idempotency-replayed"] == "true"
    newest = (await api.client.get("/exports", params={"limit": 200})).json()
    assert newest[0]["export_id"] == first.json()["export_id"]
    assert (await api.client.get("/exports", params={"limit": 201})).status_code == 422
