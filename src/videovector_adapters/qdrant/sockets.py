"""Where a Unix socket can live: its path has at most 107 bytes on Linux (103 on macOS), and nobody else may answer on it."""

from __future__ import annotations

import os
import stat
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import Final

from videovector_core.errors import Conflict

MAX_PATH: Final = 100


def own(socket: Path) -> Path:
    """Return the path to bind for `socket`, and make its directory: private when it is made here.

    Raises:
        Conflict: the short directory below the temporary directory belongs to somebody else.
    """
    path = short(socket)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return trusted(socket)


def trusted(socket: Path) -> Path:
    """Return the path to connect to for `socket`; `Conflict` when somebody else made its short directory."""
    path = short(socket)
    if path != socket.absolute() and path.parent.exists():
        facts = path.parent.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
            raise Conflict(f"{path.parent} belongs to somebody else; use a shorter data directory.")
    return path


def short(socket: Path) -> Path:
    """Return the path itself where it fits, else one below the temporary directory that follows from it."""
    full = socket.absolute()
    if len(os.fsencode(full)) <= MAX_PATH:
        return full
    digest = blake2b(os.fsencode(full), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"videovector-{os.geteuid()}-{digest}" / "v.sock"
