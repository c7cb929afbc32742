"""Exports on a real server through the published client: downloaded, and delivered to a real S3."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import s3fs

from tests import emulators
from tests.faults.plant import Plant

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
SEGMENTS = 6


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    with emulators.s3(tmp_path_factory.mktemp("s3"), "archive") as one:
        yield one


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory, store: emulators.Emulator):
    more = {"VIDEOVECTOR_EGRESS_ALLOW": emulators.LOOPBACK, **store.environment}
    with Plant(tmp_path_factory.mktemp("plant"), latency=0.0, more=more) as one:
        yield one


@pytest.fixture(scope="module")
def run(plant: Plant) -> str:
    """A run that has ended."""
    found = plant.execute(seconds=SEGMENTS)
    with plant.server.client() as client:
        while client.prompt_runs.retrieve(found).status in {"pending", "processing"}:
            time.sleep(0.2)
    return found


def content(store: emulators.Emulator, key: str) -> bytes:
    """Read an object as its owner."""
    own = {"key": store.credentials["aws_access_key_id"], "secret": store.credentials["aws_secret_access_key"]}
    found: bytes = s3fs.S3FileSystem(endpoint_url=store.url, skip_instance_cache=True, **own).cat(f"archive/{key}")
    return found


def test_created_waited_for_and_downloaded(plant: Plant, run: str, tmp_path: Path):
    """Create, wait, download to a file and to a stream, and iterate: the same bytes, and all segments in them."""
    with plant.server.client() as client:
        made = client.exports.create_prompt_run_export(run)
        done = client.exports.wait_for_completion(made.export_id, poll_interval=0.3, timeout=60)
        assert (done.status, done.queue_status, done.destination_type) == ("completed", "succeeded", "download")
        path = tmp_path / "run.json"
        assert client.exports.download(done.export_id, str(path)) == done.file_size_bytes
        whole = path.read_bytes()
        assert b"".join(client.exports.iter_download(done.export_id)) == whole
        stream = io.BytesIO()
        client.exports.download(done.export_id, stream)
        assert stream.getvalue() == whole
        told = json.loads(whole)
        assert len(told["runs"][0]["media"][0]["segments"]) == SEGMENTS
        assert all(one["metadata"] for one in told["runs"][0]["media"][0]["segments"])
        assert client.exports.download_url(done.export_id) is None, "the server is reached by http"
        assert client.exports.retrieve(done.export_id) == done
        assert done.export_id in {one.export_id for one in client.exports.list(limit=10)}
        index, _ = plant.media(SEGMENTS)
        other = client.exports.create_index_export(index, prompt_run_ids=[run])
        other = client.exports.wait_for_completion(other.export_id, poll_interval=0.3, timeout=60)
        assert other.export_params == {"prompt_run_ids": [run]}


def test_the_async_client_does_the_same(plant: Plant, run: str):
    """The async client creates, waits and streams."""
    from videovector import AsyncVideoVector

    async def main() -> None:
        key, url = plant.server.key, f"{plant.server.url}/api/v2"
        async with AsyncVideoVector(api_key=key, base_url=url) as client:
            made = await client.exports.create_prompt_run_export(run)
            done = await client.exports.wait_for_completion(made.export_id, poll_interval=0.3, timeout=60)
            data = b"".join([chunk async for chunk in client.exports.iter_download(done.export_id)])
            assert len(data) == done.file_size_bytes

    asyncio.run(main())


def test_delivered_to_s3(plant: Plant, run: str, store: emulators.Emulator):
    """The object in the bucket is, byte for byte, what its SHA-256 says, and holds what a download of the run holds."""
    with plant.server.client() as client:
        connector: Any = client.connectors.create_s3(
            name="archive", scopes=["export"], export_base_path="weekly", **store.place, **store.credentials
        )
        made = client.exports.create_prompt_run_export(
            run, destination_connector_id=connector.connector_id, destination_subpath="april"
        )
        done = client.exports.wait_for_completion(made.export_id, poll_interval=0.3, timeout=60)
        key = f"weekly/april/prompt_run-{run}/{done.export_id}.json"
        assert done.destination_uri == done.gcs_uri == f"s3://archive/{key}"
        found = content(store, key)
        assert len(found) == done.file_size_bytes
        assert content(store, f"{key}.sha256").split()[0].decode() == hashlib.sha256(found).hexdigest()
        plain = client.exports.create_prompt_run_export(run)
        plain = client.exports.wait_for_completion(plain.export_id, poll_interval=0.3, timeout=60)
        downloaded = b"".join(client.exports.iter_download(plain.export_id))
        assert json.loads(downloaded)["runs"] == json.loads(found)["runs"]


def test_a_minted_url_passes_the_clients_checks(plant: Plant, run: str):
    """Behind an https origin, the minted URL is one that the published client takes, and it opens the file."""
    from videovector.resources.exports import _parse_export_download_url_response

    origin = f"https://127.0.0.1:{plant.server.port}"
    with plant.server.client() as client:
        made = client.exports.create_prompt_run_export(run)
        done = client.exports.wait_for_completion(made.export_id, poll_interval=0.3, timeout=60)
    before = plant.server.environment
    plant.server.stop()
    plant.server.environment = {**before, "VIDEOVECTOR_PUBLIC_URL": origin}
    plant.server.start()
    try:
        with plant.server.http() as http:
            answer = http.post(f"/exports/{done.export_id}/download-url").json()
        url = _parse_export_download_url_response(
            answer, expected_export_id=done.export_id, configured_base_url=f"{origin}/api/v2"
        )
        assert url is not None
        file = httpx.get(url.replace("https://", "http://", 1))
        assert (file.status_code, len(file.content)) == (200, done.file_size_bytes)
    finally:  # other tests of this module ask the same server
        plant.server.stop()
        plant.server.environment = before
        plant.server.start()
