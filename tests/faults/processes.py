"""Finding processes by what they are below another one (Linux: `/proc`), to kill or stop exactly them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

PROC = Path("/proc")


def tree(pid: int) -> list[int]:
    """Return the process and everything below it, parents first."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, rest = [], [pid]
    while rest:
        one = rest.pop(0)
        found.append(one)
        rest += children.get(one, [])
    return found


def command_of(pid: int) -> str:
    """Return the command line of a process, empty when it is gone."""
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def below(pid: int, *words: str, seconds: float = 30) -> int:
    """Wait for a process below `pid` whose command line has all the words, and return it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for one in tree(pid):
            command = command_of(one)
            if one != pid and all(word in command for word in words):
                return one
        time.sleep(0.05)
    raise AssertionError(f"no process {words} below {pid}: {[command_of(one)[:80] for one in tree(pid)]}")


def hit(pid: int, how: signal.Signals = signal.SIGKILL) -> bool:
    """Send a signal; false when the process is gone already."""
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return False
    return True
