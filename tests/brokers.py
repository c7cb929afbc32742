"""Message brokers as ordinary children on free ports: `redis-server` and `rabbitmq-server`, installed by `make services`."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
import redis
from attrs import define, field

from tests.needs import needs_program
from tests.server import free_port

START_SECONDS = 90


@define
class Broker:
    """A broker that can be killed, started again empty, and wiped while it runs."""

    kind: str
    program: str
    home: Path
    port: int = field(factory=free_port)
    _epmd: int = field(factory=free_port, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _names: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """What VIDEOVECTOR_BROKER_URL is to be."""
        return f"redis://127.0.0.1:{self.port}/0" if self.kind == "redis" else f"amqp://127.0.0.1:{self.port}"

    def start(self) -> Broker:
        """Start it, empty, and wait until it answers."""
        data = self.home / "data"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True)
        command, environment = self._redis(data) if self.kind == "redis" else self._rabbitmq(data)
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, (self.home / "log").read_text()[-2000:]
            assert self._process.poll() is None, (self.home / "log").read_text()[-2000:]
            time.sleep(0.1)
        return self

    def kill(self) -> None:
        """End it as a power failure would."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End it and what it started."""
        if self._process is not None:
            self.kill()
        if self._names is not None:
            self._names.kill()
            self._names.wait()

    def wipe(self) -> None:
        """Remove everything in it while it runs."""
        if self.kind == "redis":
            with redis.Redis(port=self.port) as client:
                client.flushall()
            return
        with self._pika() as connection:
            channel = connection.channel()
            for queue in ("videovector", "videovector.DQ", "videovector.XQ"):
                channel.queue_delete(queue)

    def _pika(self) -> Any:
        return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", self.port))

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as sock:
            sock.sendall(b"PING\r\n" if self.kind == "redis" else b"AMQP\x00\x00\x09\x01")
            sock.settimeout(3)
            return bool(sock.recv(1))
        return False

    def _redis(self, data: Path) -> tuple[list[str], dict[str, str]]:
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(data)]
        return [self.program, "--port", str(self.port), *options], {}

    def _rabbitmq(self, data: Path) -> tuple[list[str], dict[str, str]]:
        if self._names is None:  # Erlang's name server; a node without one would leave its own behind
            self._names = subprocess.Popen([needs_program("epmd"), "-port", str(self._epmd)])
        config = self.home / "rabbitmq.conf"
        config.write_text(f"listeners.tcp.default = 127.0.0.1:{self.port}\nlog.console = true\nlog.file = false\n")
        plugins = self.home / "plugins"
        plugins.write_text("[].\n")
        return [self.program], {
            "HOME": str(self.home),
            "ERL_EPMD_PORT": str(self._epmd),
            "RABBITMQ_NODENAME": f"videovector{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_MNESIA_BASE": str(data),
            "RABBITMQ_LOG_BASE": str(data),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }


def find_program(kind: str) -> str:
    """Return the server's program, or skip (fail where `CI` is set)."""
    if kind == "redis":
        return needs_program("redis-server")
    needs_program("rabbitmq-server")
    # Debian's wrapper changes to a system user; the script behind it runs as whoever calls
    script = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    return str(script) if script.exists() else needs_program("rabbitmq-server")


@contextlib.contextmanager
def running(kind: str) -> Iterator[Broker]:
    """Run a broker of a kind for as long as the context lasts."""
    program = find_program(kind)
    with tempfile.TemporaryDirectory(prefix=f"videovector-{kind}-", ignore_cleanup_errors=True) as folder:
        broker = Broker(kind, program, Path(folder))
        try:
            yield broker.start()
        finally:
            broker.close()


@pytest.fixture(scope="session", params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker of each kind."""
    with running(request.param) as one:
        yield one
