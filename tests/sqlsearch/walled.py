"""A process behind the kernel's walls that tries what a stranger who broke the engine would try."""

from __future__ import annotations

import mmap
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from videovector_adapters.duckdb import walls


class Walled:
    """Shuts the walls and tries doors."""

    def tries(self, own: str, other: str, out: str) -> dict[str, Any]:
        mmap.mmap(-1, 4096).close()
        doors: dict[str, Callable[[], object]] = {
            "own": Path(own).read_bytes,
            "other": Path(other).read_bytes,
            "environment": Path("/proc/self/environ").read_bytes,
            "directory": lambda: list(Path("/").iterdir()),
            "write": lambda: Path(out).write_bytes(b"x"),
            "socket": socket.socket,
            "fork": os.fork,
            "execute": lambda: os.execv("/bin/true", ["true"]),
            "signal": lambda: os.kill(os.getppid(), signal.SIGTERM),
            "memory": lambda: bytearray(1 << 30),
        }
        up = walls.shut([Path(own)], 256 << 20)
        return {"up": up} | {name: _tried(door) for name, door in doors.items()}


def _tried(door: Callable[[], object]) -> str:
    try:
        door()
    except BaseException as error:  # noqa: BLE001 - the kind of the error is the answer
        return type(error).__name__
    return "read"
