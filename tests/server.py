"""A real server process for tests: everything embedded, on a free port, in a data directory of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from attrs import define, field


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@define
class Server:
    """`videovector serve` as a child process."""

    data_dir: Path
    environment: Mapping[str, str] = field(factory=dict)
    port: int = field(factory=free_port)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    key: str = field(default="", init=False)

    @property
    def url(self) -> str:
        """The origin."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    def start(self, *, seconds: float = 60) -> Server:
        """Start the server and wait until it is well; the first start also makes an admin key."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command("serve"), env=self.settings(), stdout=log, stderr=log)
        deadline = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start:\n{self.log.read_text()[-4000:]}")
            try:
                if httpx.get(f"{self.url}/health", timeout=5).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        self.key = self.key or self.run("keys", "create", "--name", "tests", "--scopes", "admin")
        return self

    def stop(self) -> int:
        """Ask the server to end, and return its status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)

    def kill(self) -> None:
        """End the server as a power failure would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def run(self, *command: str) -> str:
        """Run another command on the same data directory and return what it printed."""
        done = subprocess.run(
            self.command(*command), env=self.settings(), capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def client(self, **options: Any) -> Any:
        """Return the published client, connected to this server."""
        from videovector import VideoVector

        return VideoVector(api_key=self.key, base_url=f"{self.url}/api/v2", **options)

    def http(self, **options: Any) -> httpx.Client:
        """Return a plain client with the key."""
        headers = {"X-API-Key": self.key}
        return httpx.Client(base_url=f"{self.url}/api/v2", headers=headers, timeout=60, **options)

    def command(self, *arguments: str) -> list[str]:
        """Return a command line of `videovector` with the interpreter of the tests."""
        return [sys.executable, "-m", "videovector_http.cli", *arguments]

    def settings(self) -> dict[str, str]:
        """Return the environment of every command on this data directory."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("VIDEOVECTOR_")}
        ours = {
            "VIDEOVECTOR_DATA_DIR": str(self.data_dir),
            "VIDEOVECTOR_PORT": str(self.port),
            "VIDEOVECTOR_RATE_LIMITS": "off",
        }
        return {**plain, **ours, **self.environment}
