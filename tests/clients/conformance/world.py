"""What the walks need around them: a real server, a model that stumbles when told to, a storage, a receiver, and files."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
from attrs import define, field
from av.video.frame import VideoFrame

from tests import emulators
from tests.faults.plant import sound, start_of
from tests.server import Server
from tests.stub_model import Call, Reply, StubModel

STUMBLE = "stumble over the second one"


@define
class Stumbling:
    """Refuses the segment that begins at 1 s, the first time that a prompt which says so comes by."""

    seen: set[str] = field(factory=set)

    def __call__(self, call: Call, _: int) -> Reply | None:
        """Answer a call, or leave that to the stub."""
        place = call.text.partition(STUMBLE)
        name = place[2].partition("!")[0]
        if not place[1] or start_of(call) != 1.0 or name in self.seen:
            return None
        self.seen.add(name)
        return Reply(status=400)


class _Receiver(http.server.BaseHTTPRequestHandler):
    """Takes what comes, but for what is sent to /refuse; has no file at all."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(404 if self.path.startswith("/refuse") else 204)

    def do_GET(self) -> None:
        self.answer(404)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextlib.contextmanager
def receiving() -> Iterator[str]:
    """Run the receiver of webhooks."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def film(path: Path, seconds: int = 3) -> Path:
    """Write a small film without sound: one colour for each second."""
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(seconds * 10):
            pixels = np.full((120, 160, 3), [[[40 + 80 * (number // 10), 90, 200 - 60 * (number // 10)]]], np.uint8)
            for packet in stream.encode(VideoFrame.from_ndarray(pixels, format="rgb24")):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return path


@contextlib.contextmanager
def world(home: Path) -> Iterator[dict[str, Any]]:
    """Run everything, and say where it is in words that another interpreter reads."""
    home.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        stub = stack.enter_context(StubModel(script=Stumbling()))
        store = stack.enter_context(emulators.s3(home / "s3"))
        receiver = stack.enter_context(receiving())
        server = Server(home / "data", _settings(stub, store, receiver)).start()
        stack.callback(server.stop)
        (home / "sound.wav").write_bytes(sound(3))
        httpx.put(f"{store.url}/{store.place['bucket']}/in/a.wav", content=sound(3, seed="a")).raise_for_status()
        key = home / "credentials.json"
        key.write_text(json.dumps(emulators.service_account(receiver, "importer@tests.iam.gserviceaccount.com")))
        yield {
            "server": server,
            "base_url": f"{server.url}/api/v2",
            "receiver": receiver,
            "sound": str(home / "sound.wav"),
            "film": str(film(home / "film.mp4")),
            "gcs_key": str(key),
            "store": {"url": store.url, **store.place, **store.credentials},
            "stumble": STUMBLE,
            "folder": str(home),
        }


def _settings(stub: StubModel, store: emulators.Emulator, receiver: str) -> dict[str, str]:
    return {
        "VIDEOVECTOR_OPENAI_BASE_URL": stub.url,
        "VIDEOVECTOR_EXTRACTION_MODEL": "openai:toy",
        "VIDEOVECTOR_TRANSCRIPTION_MODEL": "openai:toy",
        "VIDEOVECTOR_PICTURE_MODEL": "none",
        "VIDEOVECTOR_EGRESS_ALLOW": emulators.LOOPBACK,
        # Sign-in services that refuse at once: what becomes of accounts that they know is the subject of tests/imports.
        "VIDEOVECTOR_GCS_ENDPOINT_URL": receiver,
        "VIDEOVECTOR_AZURE_ENDPOINT_URL": "https://127.0.0.1:1",
        "VIDEOVECTOR_AZURE_AUTHORITY_URL": "https://127.0.0.1:1",
        "VIDEOVECTOR_RATE_LIMITS": "search=9999/min;read=off;write=off;execute=off;chat=off",
        **store.environment,
    }
