"""Automations over HTTP, from an object that appears to an export that lies in another bucket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from attrs import define, field

from tests.http.api import Api, serving
from tests.http.world import CLIP, PROMPT, populated
from tests.imports.test_jobs import Stopping
from tests.imports.test_names import SENDABLE
from videovector_adapters.memory.connectors import MemoryBucket, MemoryStorage
from videovector_core.connectors.model import StoredObject
from videovector_core.errors import ProcessingFailed

PLACE = {
    "name": "films",
    "region": "eu-west-1",
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
}


@pytest.fixture
async def api():
    async with serving(storage=MemoryStorage()) as one:
        yield one


async def connected(api: Api, bucket: str, **more: Any) -> str:
    answer = await api.client.post("/connectors/s3", json={**PLACE, "bucket": bucket, **more})
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["connector_id"]
    return found


def bucket_of(api: Api, name: str) -> MemoryBucket:
    storage = api.vv.ports.storage
    assert isinstance(storage, MemoryStorage)
    return storage.bucket(name)


async def indexed(api: Api) -> tuple[str, str]:
    """Make an index and a prompt."""
    index = (await api.client.post("/indexes", json={"name": "films"})).json()["index_id"]
    return index, (await api.client.post("/prompts", json=PROMPT)).json()["prompt_id"]


async def advanced(api: Api, seconds: float) -> None:
    """Let time pass, and wake whoever works."""
    clock: Any = api.vv.ports.clock
    clock.time.advance(seconds)
    api.vv.ports.doorbell.ring("work")
    await asyncio.sleep(0.05)


async def until(api: Api, path: str, wanted: Any) -> dict[str, Any]:
    """Look at something again and again while time passes."""
    while True:
        found: dict[str, Any] = (await api.client.get(path)).json()
        if wanted(found):
            return found
        await advanced(api, 40)


async def put(api: Api, kind: str, index: str, body: dict[str, Any]) -> Any:
    return await api.client.put(f"/indexes/{index}/automations/{kind}", json=body)


async def test_from_an_object_to_an_export(api):
    """What appears is imported once it is quiet, run with the preset as it was saved, and its results are exported."""
    index, prompt = await indexed(api)
    source, target = await connected(api, "in"), await connected(api, "out", scopes=["export"], export_base_path="done")
    watching = {
        "connector_id": source,
        "source_prefix": "clips/",
        "debounce_interval": "5m",
        "prompt_preset": {"prompt_id": prompt, "video_segmentation_type": "smart"},
    }
    saved = await put(api, "import", index, watching)
    assert saved.status_code == 200, saved.text
    assert (saved.json()["enabled"], saved.json()["paused"], saved.json()["last_job_id"]) == (True, False, None)
    assert saved.json()["next_check_at"] is not None
    answer = await put(api, "export", index, {"destination_connector_id": target, "destination_subpath": "runs"})
    assert answer.status_code == 200, answer.text
    assert (await api.client.delete(f"/prompts/{prompt}")).status_code == 200
    bucket_of(api, "in").objects |= {"clips/a.mp4": CLIP, "clips/b.txt": b"no media", "else/c.mp4": CLIP}
    imported = await until(
        api, f"/indexes/{index}/automations/import", lambda found: found["last_prompt_run_id"] is not None
    )
    assert imported["prompt_preset"]["stale"]
    job = (await api.client.get(f"/import-jobs/{imported['last_job_id']}")).json()
    assert (job["status"], job["progress"]["imported"]) == ("completed", 1)
    run = await api.finished(imported["last_prompt_run_id"])
    assert run["status"] == "completed"
    path = f"/indexes/{index}/automations/export"
    history = await until(api, f"{path}/history", lambda page: page["data"] and page["data"][0]["status"] != "running")
    cycle = history["data"][0]
    assert (cycle["status"], cycle["run_id"], cycle["error"]) == ("completed", run["run_id"], None)
    key = f"done/runs/prompt_run-{run['run_id']}/{cycle['export_id']}.json"
    assert set(bucket_of(api, "out").objects) == {key, f"{key}.sha256"}
    assert (await api.client.get(path)).json()["last_export_id"] == cycle["export_id"]
    # the window is shut: nothing new, so nothing happens
    for _ in range(20):
        await advanced(api, 150)
    jobs = (await api.client.get("/import-jobs", params={"index_id": index, "automation_only": True})).json()
    assert [one["job_id"] for one in jobs] == [imported["last_job_id"]]
    cycles = (await api.client.get(f"/indexes/{index}/automations/import/history")).json()["data"]
    assert [(one["job_id"], one["run_id"], one["status"]) for one in cycles] == [
        (job["job_id"], run["run_id"], "completed")
    ]


async def test_five_failures_in_a_row_pause(api):
    """A place that cannot be listed pauses the order with the fifth failure and says why; resuming starts afresh."""
    index, prompt = await indexed(api)
    source = await connected(api, "in")

    def fail(*_: str) -> None:
        raise ProcessingFailed("The storage is shut.", code="permission_denied")

    bucket_of(api, "in").fail = fail
    body = {"connector_id": source, "debounce_interval": "5m", "prompt_preset": {"prompt_id": prompt}}
    await put(api, "import", index, body)
    path = f"/indexes/{index}/automations/import"
    order = await until(api, path, lambda found: found["paused"])
    assert (order["consecutive_failures"], order["last_error"]) == (5, "The storage is shut.")
    assert order["next_check_at"] is None
    bucket_of(api, "in").fail = lambda *_: None
    resumed = (await api.client.post(f"{path}/resume")).json()
    assert (resumed["paused"], resumed["consecutive_failures"], resumed["last_error"]) == (False, 0, None)
    assert resumed["next_check_at"] is not None
    looked = await until(api, path, lambda found: found["last_check_at"] != order["last_check_at"])
    assert (looked["paused"], looked["consecutive_failures"], looked["last_error"]) == (False, 0, None)


@define
class Waiting(MemoryBucket):
    """A bucket that lists when it is told to."""

    asked: asyncio.Event = field(factory=asyncio.Event)
    gate: asyncio.Event = field(factory=asyncio.Event)

    async def pages(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[Sequence[StoredObject]]:
        self.asked.set()
        await self.gate.wait()
        async for page in MemoryBucket.pages(self, prefix, recursive=recursive):
            yield page


async def test_a_place_that_was_given_up_fails_nothing(api):
    """When an order is saved anew while its old place is listed, a failure there counts for nothing."""
    index, prompt = await indexed(api)
    old, new = await connected(api, "in"), await connected(api, "other")

    def fail(*_: str) -> None:
        raise ProcessingFailed("The storage is shut.", code="permission_denied")

    storage = api.vv.ports.storage
    waiting = storage.buckets["in"] = Waiting(fail=fail)
    body = {"connector_id": old, "debounce_interval": "5m", "prompt_preset": {"prompt_id": prompt}}
    assert (await put(api, "import", index, body)).status_code == 200
    await waiting.asked.wait()
    assert (await put(api, "import", index, {**body, "connector_id": new})).status_code == 200
    waiting.gate.set()
    path = f"/indexes/{index}/automations/import"
    order = await until(api, path, lambda found: found["last_check_at"] is not None)
    assert (order["consecutive_failures"], order["last_error"]) == (0, None)
    assert (await api.client.get(f"{path}/history")).json()["data"] == []


async def test_pausing_stops_and_twice_is_the_same(api):
    """While paused nothing is looked at; pausing twice and resuming twice change nothing; with nothing saved it is 404."""
    index, prompt = await indexed(api)
    for kind in ("import", "export"):
        for verb in ("pause", "resume"):
            answer = await api.client.post(f"/indexes/{index}/automations/{kind}/{verb}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "resource_automation_not_found")
        answer = await api.client.get(f"/indexes/{index}/automations/{kind}")
        assert answer.status_code == 404
    source = await connected(api, "in")
    body = {"connector_id": source, "debounce_interval": "5m", "prompt_preset": {"prompt_id": prompt}}
    await put(api, "import", index, body)
    path = f"/indexes/{index}/automations/import"
    first, second = [(await api.client.post(f"{path}/pause")).json() for _ in range(2)]
    assert first == second
    assert first["paused"]
    bucket_of(api, "in").objects["a.mp4"] = CLIP
    for _ in range(20):
        await advanced(api, 150)
    assert (await api.client.get(path)).json()["last_job_id"] is None
    await api.client.post(f"{path}/resume")
    again = (await api.client.post(f"{path}/resume")).json()
    assert not again["paused"]
    assert (await until(api, path, lambda found: found["last_job_id"] is not None))["last_run_at"] is not None
    refused = await api.client.delete(f"/connectors/{source}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict_connector_in_use")


async def test_a_paused_order_looks_at_nothing_while_its_cycle_ends(api):
    """While the job of a paused order goes on, no next look is told of; what the job brings in is run."""
    index, prompt = await indexed(api)
    source = await connected(api, "in")
    bucket = api.vv.ports.storage.buckets["in"] = Stopping({"a.mp4": CLIP}, begun=10)
    body = {"connector_id": source, "debounce_interval": "5m", "prompt_preset": {"prompt_id": prompt}}
    assert (await put(api, "import", index, body)).status_code == 200
    path = f"/indexes/{index}/automations/import"
    await until(api, path, lambda found: found["last_job_id"] is not None)
    assert (await api.client.post(f"{path}/pause")).json()["next_check_at"] is None
    await advanced(api, 31)
    order = (await api.client.get(path)).json()
    assert (order["paused"], order["next_check_at"], order["last_prompt_run_id"]) == (True, None, None)
    bucket.gate.set()
    order = await until(api, path, lambda found: found["last_prompt_run_id"] is not None)
    assert (order["paused"], order["next_check_at"]) == (True, None)


@pytest.mark.parametrize(
    ("base", "subpath", "prefix"),
    [
        ("media", None, ""),
        ("media", "out", "media/"),
        ("media", "out", "med"),
        ("media", None, "media/out/"),
        ("", None, ""),
        ("", "out", "out/prompt_run-"),
    ],
)
async def test_a_loop_is_refused(api, base, subpath, prefix):
    """An export into what an import of the same bucket watches is 422, whichever of the two is saved first."""
    index, prompt = await indexed(api)
    source = await connected(api, "same")
    target = await connected(api, "same", scopes=["export"], export_base_path=base)
    watch = {"connector_id": source, "source_prefix": prefix, "prompt_preset": {"prompt_id": prompt}}
    write = {"destination_connector_id": target, "destination_subpath": subpath}
    other = (await api.client.post("/indexes", json={"name": "other"})).json()["index_id"]
    assert (await put(api, "import", index, watch)).status_code == 200
    for one in (index, other):
        refused = await put(api, "export", one, write)
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "validation_automation_loop")
    fresh, second = await connected(api, "apart"), {**watch}
    assert (await put(api, "import", index, {**second, "connector_id": fresh})).status_code == 200
    assert (await put(api, "export", index, write)).status_code == 200
    refused = await put(api, "import", other, watch)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "validation_automation_loop")


async def test_places_that_do_not_meet_are_no_loop(api):
    """The same bucket under prefixes that do not meet, and other buckets, are allowed."""
    index, prompt = await indexed(api)
    source = await connected(api, "same")
    target = await connected(api, "same", scopes=["export"], export_base_path="out")
    for prefix in ("in/", "output", "in/out/"):
        watch = {"connector_id": source, "source_prefix": prefix, "prompt_preset": {"prompt_id": prompt}}
        assert (await put(api, "import", index, watch)).status_code == 200
        write = {"destination_connector_id": target}
        status = (await put(api, "export", index, write)).status_code
        assert status == 200, prefix


async def test_a_base_path_does_not_move_into_what_is_watched(api):
    """A base path that would have an export write where an import watches is 422 and stays as it was; another is taken."""
    index, prompt = await indexed(api)
    source = await connected(api, "same")
    target = await connected(api, "same", scopes=["export"], export_base_path="out")
    watch = {"connector_id": source, "source_prefix": "in/", "prompt_preset": {"prompt_id": prompt}}
    assert (await put(api, "import", index, watch)).status_code == 200
    assert (await put(api, "export", index, {"destination_connector_id": target})).status_code == 200
    for base in ("in", "in/deep"):
        refused = await api.client.patch(f"/connectors/{target}", json={"export_base_path": base})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "validation_automation_loop")
    assert (await api.client.get(f"/connectors/{target}")).json()["export_base_path"] == "out"
    moved = await api.client.patch(f"/connectors/{target}", json={"export_base_path": "else"})
    assert (moved.status_code, moved.json()["export_base_path"]) == (200, "else")


async def test_requests_that_cannot_be_met(api):
    """Each wrong order is refused with its code."""
    index, prompt = await indexed(api)
    source, target = await connected(api, "in"), await connected(api, "out", scopes=["export"])
    good = {"connector_id": source, "prompt_preset": {"prompt_id": prompt}}
    for kind, body, status, code in (
        ("import", {**good, "connector_id": target}, 422, "validation_connector_scope"),
        ("import", {**good, "connector_id": "conn_9"}, 404, "resource_connector_not_found"),
        ("import", {**good, "prompt_preset": {"prompt_id": "prompt_9"}}, 404, "resource_prompt_not_found"),
        ("import", {**good, "prompt_preset": {}}, 422, "validation_error"),
        ("import", {**good, "debounce_interval": "2m"}, 422, "validation_error"),
        ("import", {**good, "source_prefix": "../"}, 422, "validation_path"),
        ("import", {**good, "file_pattern": "a/../*"}, 422, "validation_path"),
        ("export", {"destination_connector_id": source}, 422, "validation_connector_scope"),
        ("export", {"destination_connector_id": target, "destination_subpath": "../a"}, 422, "validation_path"),
    ):
        answer = await put(api, kind, index, body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), (kind, body, answer.text)
    assert (await put(api, "import", "idx_9", good)).status_code == 404


async def test_no_order_reaches_beyond_its_place(api):
    """Whatever climbs or hides is 422 as a prefix, a pattern or a sub-path of an order."""
    index, prompt = await indexed(api)
    source, target = await connected(api, "in"), await connected(api, "out", scopes=["export"], export_base_path="base")
    good = {"connector_id": source, "prompt_preset": {"prompt_id": prompt}}
    for path in SENDABLE:
        for kind, body in (
            ("import", {**good, "source_prefix": path}),
            ("import", {**good, "file_pattern": path}),
            ("export", {"destination_connector_id": target, "destination_subpath": path}),
        ):
            answer = await put(api, kind, index, body)
            assert answer.status_code == 422, (kind, path, answer.text)


async def test_an_order_goes_with_its_index(api):
    """When the index is deleted, its orders stop holding their connectors."""
    ids = await populated(api)
    source = await connected(api, "in")
    body = {"connector_id": source, "debounce_interval": "5m", "prompt_preset": {"prompt_id": ids.prompt}}
    assert (await put(api, "import", ids.index, body)).status_code == 200
    await api.client.delete(f"/indexes/{ids.index}")
    for _ in range(4):
        await advanced(api, 200)
    assert (await api.client.delete(f"/connectors/{source}")).status_code == 200


async def test_orders_of_a_deleted_index_stand_against_nothing(api):
    """Orders that nothing ticks, paused ones and exports, hold no connector and make no loop without their index."""
    index, prompt = await indexed(api)
    source = await connected(api, "same")
    target = await connected(api, "same", scopes=["export"], export_base_path="out")
    watch = {"connector_id": source, "source_prefix": "in/", "paused": True, "prompt_preset": {"prompt_id": prompt}}
    assert (await put(api, "import", index, watch)).status_code == 200
    assert (await put(api, "export", index, {"destination_connector_id": target})).status_code == 200
    for one in (source, target):
        assert (await api.client.delete(f"/connectors/{one}")).status_code == 409
    assert (await api.client.delete(f"/indexes/{index}")).status_code == 202
    other = (await api.client.post("/indexes", json={"name": "other"})).json()["index_id"]
    assert (await put(api, "import", other, {**watch, "source_prefix": "out/"})).status_code == 200
    assert (await api.client.delete(f"/indexes/{other}")).status_code == 202
    for one in (source, target):
        assert (await api.client.delete(f"/connectors/{one}")).status_code == 200
