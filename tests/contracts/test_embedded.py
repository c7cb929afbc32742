"""The embedded server: shared by its users, stopped by the last one, and there again after any kill."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from attrs import define

from videovector_adapters.postgres.embedded import EmbeddedPostgres

pytestmark = pytest.mark.real

QUICKER = {"fsync": "off"}
"""What the kernel was told survives any kill of a process; only power cuts are left out here."""

USER = """
import sys, time
from pathlib import Path
from videovector_adapters.postgres.embedded import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1]), root=Path(sys.argv[2])).start(), flush=True)
time.sleep(600)
"""


@define
class Place:
    """A data directory and the root beside it."""

    folder: Path

    def server(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.folder / "data", QUICKER, root=self.folder / "root")

    def other_process(self) -> subprocess.Popen[str]:
        """Start another process that uses the same server."""
        command = [sys.executable, "-c", USER, str(self.folder / "data"), str(self.folder / "root")]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def pid(self) -> int | None:
        """The server's process, if it runs."""
        found = [
            *self.folder.glob("root/*/data/postmaster.pid"),
            *self.folder.glob("data/postgres/data/postmaster.pid"),
        ]
        return int(found[0].read_text().split("\n", 1)[0]) if found else None


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """One place for all tests of this module: making a cluster is the slow part."""
    with tempfile.TemporaryDirectory(prefix="videovector-pg-") as folder:
        Path(folder).chmod(0o711)
        place = Place(Path(folder))
        yield place
        left = place.pid()
        if left is not None:  # a test failed half-way
            os.kill(left, signal.SIGQUIT)


def gone(pid: int) -> None:
    """Kill the server and wait until its number is free."""
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        for _ in range(500):
            os.kill(pid, 0)
            time.sleep(0.01)


def modes(paths: list[Path]) -> dict[Path, int]:
    """Return who may do what."""
    return {path: stat.S_IMODE(path.stat().st_mode) for path in paths}


def number(dsn: str) -> int:
    """Count a row more in a table, and return how many there are."""
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row is not None
        return int(row[0])


def ended(process: subprocess.Popen[str]) -> None:
    """Kill a process and wait for it."""
    process.kill()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


async def test_users_share_a_server_and_the_last_one_stops_it(place: Place):
    """Two users get the same server with the same data; when both left, nothing runs."""
    async with place.server() as one:
        async with place.server() as two:
            assert one == two
            before = number(one)
        assert number(two) == before + 1
    assert place.pid() is None


async def test_the_data_are_there_at_the_next_start(place: Place):
    """What was committed is found by the next server."""
    async with place.server() as dsn:
        before = number(dsn)
    async with place.server() as dsn:
        assert number(dsn) == before + 1


async def test_a_killed_user_leaves_a_server_that_the_next_one_takes_over(place: Place):
    """After SIGKILL of its only user the server is used by whoever comes next, who then stops it."""
    other = place.other_process()
    assert other.stdout is not None
    assert other.stdout.readline().startswith("host=")
    pid = place.pid()
    ended(other)
    async with place.server() as dsn:
        assert place.pid() == pid
        number(dsn)
    assert place.pid() is None


async def test_a_server_in_use_elsewhere_is_left_running(place: Place):
    """Who leaves does not stop the server of another process."""
    other = place.other_process()
    assert other.stdout is not None
    dsn = other.stdout.readline()
    async with place.server():
        pass
    number(dsn)
    ended(other)
    async with place.server():
        pass
    assert place.pid() is None


async def test_a_killed_server_is_started_again(place: Place):
    """After SIGKILL of the server itself the next start brings it back with everything that was committed."""
    server = place.server()
    before = number(server.start())
    pid = place.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    async with place.server() as dsn:  # at once: parts of the old server may still be dying
        assert number(dsn) == before + 1
        assert place.pid() != pid
    server.stop()
    assert place.pid() is None


async def test_a_number_that_belongs_to_another_program_is_no_server(place: Place):
    """A note of a server that is long gone, whose number another program has now, does not keep the next from starting."""
    server = place.server()
    before = number(server.start())
    pid = place.pid()
    assert pid is not None
    gone(pid)
    (note,) = [
        *place.folder.glob("root/*/data/postmaster.pid"),
        *place.folder.glob("data/postgres/data/postmaster.pid"),
    ]
    note.write_text(note.read_text().replace(str(pid), str(os.getpid()), 1))
    async with place.server() as dsn:
        assert number(dsn) == before + 1
    server.stop()


async def test_no_mode_outside_the_root_changes(place: Place):
    """Starting and stopping opens neither the data directory nor a directory above it; nobody else reads the data."""
    data = place.folder / "data"
    data.mkdir(mode=0o700, exist_ok=True)
    watched = [data, *data.parents, Path(sys.prefix), *Path(sys.prefix).parents]
    before = modes(watched)
    assert before[data] == 0o700
    async with place.server() as dsn:
        assert modes(watched) == before
        private = [Path(str(psycopg.conninfo.conninfo_to_dict(dsn)["host"])), *place.folder.glob("root/*/data")]
        assert set(modes(private).values()) == {0o700}
    assert modes(watched) == before
