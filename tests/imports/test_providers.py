"""Each provider end to end: the published client against a real server, which talks to a server of that provider's kind."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests import emulators
from tests.emulators import LOOPBACK, Emulator
from tests.imports.test_storage import connector, storages
from tests.server import Server
from tests.stub_model import StubModel
from videovector_core.connectors.keys import ObjectKey
from videovector_core.testing.storage import stream

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]

OBJECTS = 200
BROKEN = 3
SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}


def contents(picture: bytes) -> dict[str, bytes]:
    """Return the objects of a bucket: pictures of their own content, and a few that are broken."""
    objects = {f"in/day{n % 4}/{n:03}.png": picture + n.to_bytes(4, "big") for n in range(OBJECTS - BROKEN)}
    return objects | {f"in/broken-{n}.png": b"no picture at all" for n in range(BROKEN)}


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A small picture."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "PNG")
    return out.getvalue()


def put(one: Emulator, objects: Mapping[str, bytes]) -> None:
    """Put objects into the bucket of an emulator."""

    async def go() -> None:
        async with storages(one).open(connector(one.provider, **one.place), one.credentials) as bucket:
            for key, data in objects.items():
                await bucket.put(ObjectKey(key), stream(data))

    asyncio.run(go())


def got(one: Emulator, key: str) -> bytes:
    """Read an object as the owner of the bucket."""

    async def go() -> bytes:
        async with storages(one).open(connector(one.provider, **one.place), one.credentials) as bucket:
            return b"".join([chunk async for chunk in bucket.read(await bucket.stat(key))])

    return asyncio.run(go())


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Emulator]]:
    """All emulators at once."""
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(start(tmp_path_factory.mktemp(name) / "home"))
            for name, start in emulators.BY_NAME.items()
        }


@pytest.fixture(scope="module")
def importing(emulated: dict[str, Emulator], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that knows all emulators."""
    environment = {name: value for one in emulated.values() for name, value in one.environment.items()}
    environment |= {"VIDEOVECTOR_EGRESS_ALLOW": LOOPBACK, "VIDEOVECTOR_EXTRACTION_MODEL": "openai:toy"}
    environment |= {f"VIDEOVECTOR_{kind}_MODEL": "none" for kind in ("TRANSCRIPTION", "IMAGE_EMBEDDING", "PICTURE")}
    with StubModel() as model:
        environment["VIDEOVECTOR_OPENAI_BASE_URL"] = model.url
        running = Server(tmp_path_factory.mktemp("importing") / "data", environment).start(seconds=180)
        yield running
        assert running.stop() == 0


def made(client: Any, one: Emulator, credentials: Mapping[str, Any], folder: Path, **more: Any) -> Any:
    """Make a connector as the published client does."""
    if one.provider == "gcs":
        file = folder / "credentials.json"
        file.write_text(json.dumps(credentials))
        credentials = {"credentials_file": str(file)}
    return getattr(client.connectors, f"create_{one.provider}")(name="films", **one.place, **credentials, **more)


@pytest.mark.parametrize("provider", sorted(emulators.BY_NAME))
def test_a_bucket_comes_in_whole(
    importing: Server, emulated: dict[str, Emulator], provider: str, picture: bytes, tmp_path: Path
):
    """Create, test, browse, import 200 objects, 3 of them broken, and export what was found: all the same byte by byte."""
    one, objects = emulated[provider], contents(picture)
    put(one, objects)
    with importing.client() as client:
        good = made(client, one, one.credentials, tmp_path, scopes=["import", "export"], export_base_path="out")
        assert (good.status, good.last_test_error) == ("active", None)
        assert client.connectors.test(good.connector_id).success
        if one.wrong != one.credentials:
            bad = made(client, one, one.wrong, tmp_path)
            assert (bad.status, client.connectors.test(bad.connector_id).success) == ("failed", False)
        seen = client.connectors.browse(good.connector_id, prefix="in/", pattern="day{1,2}/*.png", recursive=True)
        assert [file.path for file in seen] == sorted(key for key in objects if key[3:8] in {"day1/", "day2/"})
        flat = client.connectors.browse(good.connector_id, prefix="in/", recursive=False)
        assert [file.name for file in flat] == [f"broken-{n}.png" for n in range(BROKEN)]
        index = client.indexes.create(name=provider)
        job = client.import_jobs.create(connector_id=good.connector_id, index_id=index.index_id, source_prefix="in/")
        job = client.import_jobs.wait_for_completion(job.job_id, timeout=240)
        count = job.progress
        assert (count.total_files, count.imported, count.failed) == (OBJECTS, OBJECTS - BROKEN, BROKEN)
        assert sorted(file["path"] for file in job.failed_files) == [f"in/broken-{n}.png" for n in range(BROKEN)]
        outputs = {output.file_name: output for output in client.import_jobs.iter_outputs(job.job_id)}
        came = {key: outputs[key].video_id for key in objects if "broken" not in key}
        run = extracted(client, list(came.values())[:5])
        kept, there = exported(client, run), exported(client, run, good.connector_id)
        key = f"out/back/prompt_run-{run}/{there.export_id}.json"
        assert there.destination_uri.endswith(f"/media/{key}")
        here = b"".join(client.exports.iter_download(kept.export_id))
    assert all(content_of(importing, came[key]) == objects[key] for key in came)
    back, told = got(one, key), got(one, f"{key}.sha256")
    assert (len(back), told.split()[0].decode()) == (there.file_size_bytes, hashlib.sha256(back).hexdigest())
    # the first line tells of the export itself: its id and when it was made
    assert back.partition(b"\n")[2] == here.partition(b"\n")[2] != b""


def extracted(client: Any, video_ids: list[str]) -> str:
    """Run a prompt over some of what came in."""
    prompt = client.prompts.create(name="Places", prompt_text="Name the place.", json_schema=SCHEMA)
    target = {"type": "videos", "video_ids": video_ids}
    run = client.prompt_runs.execute(prompt_id=prompt.prompt_id, target=target)
    while client.prompt_runs.retrieve(run.run_id).status in {"pending", "processing"}:
        time.sleep(0.2)
    return str(run.run_id)


def exported(client: Any, run: str, connector_id: str | None = None) -> Any:
    """Export a run, to download or to a connector."""
    to = {"destination_connector_id": connector_id, "destination_subpath": "back"} if connector_id else {}
    made = client.exports.create_prompt_run_export(run, **to)
    done = client.exports.wait_for_completion(made.export_id, poll_interval=0.3, timeout=60)
    assert done.status == "completed", done.error_message
    return done


def content_of(server: Server, video_id: str) -> bytes:
    """Download a media item as whoever holds a link to it."""
    with server.http() as plain:
        link = plain.post("/workflow/media-grants", json={"video_id": video_id, "intent": "download"})
        return httpx.get(link.raise_for_status().json()["url"]).content


class Canary:
    """Listens, and counts who comes."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        self.heard = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                came, _ = self.socket.accept()
            except OSError:
                return
            self.heard += 1
            came.close()


@pytest.fixture
def canary() -> Iterator[Canary]:
    """A server on the loopback that nobody may reach."""
    one = Canary()
    yield one
    one.socket.close()


def urls(port: int) -> list[str]:
    """Return ways of writing the address of the canary, and of other places that nobody may reach."""
    hosts = ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
    hosts += ["a.localhost", "0.0.0.0", "[::]", "[64:ff9b::7f00:1]"]
    found = [f"{scheme}://{host}:{port}/x.mp4" for scheme in ("http", "https") for host in hosts]
    found += [f"https://user@127.0.0.1:{port}/x.mp4", f"https://127.0.0.1:{port}\\@a.example/x.mp4"]
    return [
        *found,
        "http://169.254.169.254/latest/meta-data/x.mp4",
        "file:///proc/self/environ",
        "concat:a|b",
        "subfile:x",
    ]


def test_no_url_of_a_user_reaches_inside(server: Server, canary: Canary, tmp_path: Path):
    """Registered URIs, attachments and endpoints of connectors are 422 or fail, and the canary hears nothing."""
    with server.http() as client:
        index = client.post("/indexes", json={"name": "n"}).json()["index_id"]
        keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "s"}
        for url in urls(canary.port):
            uri = client.post("/videos", json={"title": "t", "video_uri": url, "index_id": index})
            assert uri.status_code == 422, (url, uri.text)
            files = [{"download_url": url, "file_id": "1"}]
            assert client.post("/workflow/attachments", json={"files": files}).status_code == 422, url
            place = {"name": "n", "bucket": "media", "region": "us-east-1", "endpoint_url": url, **keys}
            assert client.post("/connectors/s3", json=place).status_code == 422, url
        account = emulators.service_account(f"http://127.0.0.1:{canary.port}", "a@b.iam.gserviceaccount.com")
        form = {"name": "n", "bucket": "media", "gcp_project_id": "p"}
        refused = client.post("/connectors/gcs", data=form, files={"credentials_file": json.dumps(account).encode()})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "validation_url_not_allowed")
        for root in ("/etc", "/", str(tmp_path)):
            assert client.post("/connectors/local", json={"name": "n", "root": root}).status_code == 422
    assert canary.heard == 0
