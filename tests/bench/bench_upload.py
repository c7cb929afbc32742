"""How much a real server grows while it takes in one very large file, sent as a client sends a file that it reads from a disk."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx

from tests.bench.rows import Row
from tests.server import Server
from videovector_core.testing.media import film

SIZE: Final = int(float(os.environ.get("BENCH_UPLOAD_GB", "5")) * 1e9)
CHUNK: Final = bytes(1 << 20)
BOUNDARY: Final = "videovector-bench"


def bench() -> Iterator[Row]:
    """Upload a film with a long tail that no reader looks at, and compare the server's peak with what it held before."""
    with tempfile.TemporaryDirectory(prefix="videovector-upload-") as folder:
        server = Server(Path(folder) / "data")
        try:
            server.start(seconds=180)
            _upload(server, 10 * len(CHUNK))  # what is loaded once is no growth
            pid = server.process.pid if server.process else 0
            before = _resident(pid, "VmRSS")
            watch = _Peak(pid)
            began = time.perf_counter()
            _upload(server, SIZE)
            took = time.perf_counter() - began
            grown = watch.stop() - before
        finally:
            server.stop()
    beside = f"{before / 1e6:.0f} MB before, {SIZE / 1e6 / took:.0f} MB/s; at most 64 MiB (67.1 MB) is promised"
    yield Row(f"growth of the server during an upload of {SIZE / 1e9:g} GB", grown / 1e6, "MB", beside)


def _upload(server: Server, size: int) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    with server.http() as client:
        client.timeout = httpx.Timeout(60, read=900)
        answer = client.post("/videos/upload", content=_form(size), headers=headers)
    assert answer.status_code == 202, answer.text


def _form(size: int) -> Iterator[bytes]:
    """Write a form whose file is an AVI and then nothing but zeros."""
    yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="long.avi"\r\n'.encode()
    yield b"Content-Type: video/x-msvideo\r\n\r\n" + film([40, 200] * 8) + size.to_bytes(8, "big")
    for _ in range(size // len(CHUNK)):
        yield CHUNK
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


class _Peak:
    """Looks at a process every 50 ms; unlike the kernel's own mark it begins when it is told to."""

    def __init__(self, pid: int) -> None:
        self.most, self._pid, self._ended = 0, pid, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            self.most = max(self.most, _resident(self._pid, "VmRSS"))

    def stop(self) -> int:
        """Return the most that was resident, in bytes."""
        self._ended.set()
        self._thread.join()
        return self.most


def _resident(pid: int, name: str) -> int:
    """Return a line of `/proc/PID/status` in bytes (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(rf"{name}:\s+(\d+) kB", status)[0]) * 1024
