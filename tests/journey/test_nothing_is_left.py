"""A server that ends leaves no process behind, however early it is told to."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.server import Server

pytestmark = [pytest.mark.real, pytest.mark.timeout(200)]


def living(data_dir: Path) -> list[str]:
    """List the processes of a data directory: those that name it in their environment, and its database."""
    named = (data_dir / "postgres.path").read_text().strip() if (data_dir / "postgres.path").exists() else "\0none"
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (place / "cmdline").read_bytes(), (place / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        ours = f"VIDEOVECTOR_DATA_DIR={data_dir}".encode() in environment or named.encode() in command
        if ours and command:
            found.append(command.replace(b"\0", b" ").decode()[:200])
    return found


def gone(data_dir: Path, seconds: float = 20) -> list[str]:
    """Wait until nothing lives, and return what still does."""
    deadline = time.monotonic() + seconds
    while (left := living(data_dir)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


@pytest.mark.parametrize("moment", ["listening", "at once"])
def test_a_stopped_server_leaves_nothing(tmp_path: Path, moment: str):
    """After SIGTERM, when it listens or while its worker is only starting, no process of it lives on."""
    server = Server(tmp_path / "data")
    if moment == "at once":
        with server.log.open("wb") as log:
            command = [sys.executable, "-m", "videovector_http.cli", "serve"]
            process = subprocess.Popen(command, env=server.settings(), stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while b"listening" not in server.log.read_bytes():
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0, server.log.read_text()
    else:
        server.start()
        assert living(server.data_dir)
        assert server.stop() == 0, server.log.read_text()
    assert gone(server.data_dir) == []


def test_a_killed_server_takes_its_worker_along(tmp_path: Path):
    """When the server is killed while its worker is only starting, the worker ends by itself."""
    server = Server(tmp_path / "data").start()
    server.kill()
    server.start()
    server.kill()
    deadline = time.monotonic() + 30
    while left := [one for one in living(server.data_dir) if "videovector_http.cli" in one]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
    assert server.start().stop() == 0
    assert gone(server.data_dir) == []
