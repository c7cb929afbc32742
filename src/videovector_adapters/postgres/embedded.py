"""The embedded PostgreSQL: a real server under the data directory, shared by the processes that use it.

    async with EmbeddedPostgres(data_dir) as dsn:
        ...

Every user holds a shared lock on one file for as long as it lives; the kernel lets go of it however the process ends.
Who leaves and finds nobody else stops the server. Whoever comes after a crash finds the server running and uses it, or
finds it dead and starts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import psycopg
from attrs import define, field
from psycopg.conninfo import make_conninfo

from videovector_adapters.postgres.installation import Installation, installation
from videovector_core.errors import Unavailable

_ROLE: Final = "videovector"
_START_SECONDS: Final = 60.0
_LAUNCHES: Final = 12

_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "192MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "on",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "1",
    "io_method": "sync",
    "jit": "off",
    "autovacuum_naptime": "15s",
    "log_checkpoints": "off",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""For a machine of 2 cores that does other work as well. Durability is PostgreSQL's default: `fsync` and
`synchronous_commit` are on. Statements are not logged, since their values may be secrets."""


@define
class EmbeddedPostgres:
    """The server of one data directory, as an asynchronous context that yields a DSN.

    Args:
        data_dir: the data directory; the server's files lie below it, or, started by root, below `root`.
        settings: server settings besides ours; they count only for the process that starts the server.
        root: where root keeps such servers (`/var/lib/videovector`).
    """

    data_dir: Path
    settings: Mapping[str, str] = field(factory=dict)
    root: Path | None = None
    _place: Installation | None = field(default=None, init=False)
    _using: IO[str] | None = field(default=None, init=False)

    async def __aenter__(self) -> str:
        """Start the server or join its users."""
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave; the last user stops the server."""
        await asyncio.to_thread(self.stop)

    def start(self) -> str:
        """Return a DSN of the server, which runs when this returns."""
        place = self._place = installation(self.data_dir, root=self.root)
        with _locked(place.tree / "start.lock"):
            place.prepare()
            self._using = (place.tree / "users.lock").open("w")
            fcntl.flock(self._using, fcntl.LOCK_SH)
            try:
                return _running(place, {**_SETTINGS, **self.settings})
            except BaseException:
                self._using.close()
                raise

    def stop(self) -> None:
        """Leave the server, and stop it when nobody else uses it."""
        if self._place is None or self._using is None:
            return
        with _locked(self._place.tree / "start.lock"):
            self._using.close()
            self._using = None
            _stop_if_unused(self._place)


def _stop_if_unused(place: Installation) -> None:
    """Stop the server unless somebody uses it. The caller holds the start lock."""
    with (place.tree / "users.lock").open("w") as users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if (place.data / "postmaster.pid").exists():
            place.run("pg_ctl", "stop", "-D", place.data, "-m", "fast", "-w", "-t", "60", timeout=90)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _running(place: Installation, settings: Mapping[str, str]) -> str:
    """Bring the server up and return its DSN; a server that was just killed may need several tries."""
    if not place.data.exists():
        _initialise(place)
    dsn = make_conninfo(host=str(_socket_dir(place)), user=_ROLE, dbname="postgres")
    deadline, launches = time.monotonic() + _START_SECONDS, 0
    while time.monotonic() < deadline and launches < _LAUNCHES:
        if _answers(dsn):
            return dsn
        if _alive(place):
            time.sleep(0.03)
            continue
        time.sleep(0.03 * launches**2)
        launches += 1
        _launch(place, settings)
        dsn = make_conninfo(host=str(_socket_dir(place)), user=_ROLE, dbname="postgres")
    raise Unavailable(f"The embedded database does not start; the end of {_log(place)} says: {_last_words(place)}")


def _initialise(place: Installation) -> None:
    """Make the cluster beside its place and move it there whole, so that a crash leaves no half of one."""
    new = place.tree / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    place.give(new)
    done = place.run(
        "initdb",
        "--auth=trust",  # the socket's directory is the lock: only its owner and root get in
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        f"--username={_ROLE}",
        "--no-sync",  # synced below, once
        "--no-instructions",
        "-D",
        new,
    )
    if done.returncode:
        raise Unavailable(f"The embedded database cannot be made: {done.stdout[-500:]}")
    os.sync()
    new.rename(place.data)


def _launch(place: Installation, settings: Mapping[str, str]) -> None:
    options = {**settings, "unix_socket_directories": str(place.sockets)}
    given = shlex.join(part for name, value in options.items() for part in ("-c", f"{name}={value}"))
    log = _log(place)
    log.touch()
    place.give(log)
    place.run("pg_ctl", "start", "-D", place.data, "-l", log, "-o", given, "-W")
    deadline = time.monotonic() + 1.0
    while not _alive(place) and time.monotonic() < deadline:
        time.sleep(0.01)


def _answers(dsn: str) -> bool:
    with contextlib.suppress(psycopg.Error), psycopg.connect(dsn, connect_timeout=5) as connection:
        connection.execute("SELECT 1")
        return True
    return False


def _alive(place: Installation) -> bool:
    """Whether a server process holds the cluster; a number that another program or user has by now does not count."""
    try:
        pid = int((place.data / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, 0)
        command = Path(f"/proc/{pid}/cmdline")
        return not command.parent.parent.joinpath("self").exists() or os.fsencode(place.data) in command.read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError, ValueError):
        return False


def _socket_dir(place: Installation) -> Path:
    """Read where a running server listens; another process may have chosen the place."""
    with contextlib.suppress(FileNotFoundError, IndexError):
        told = (place.data / "postmaster.pid").read_text().split("\n")[4]
        return Path(told) if told else place.sockets
    return place.sockets


def _log(place: Installation) -> Path:
    return place.tree / "log"


def _last_words(place: Installation) -> str:
    with contextlib.suppress(OSError), _log(place).open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - 500))
        return log.read().decode(errors="replace").strip()
    return "nothing"
