"""Processor time of processes and all that they started: unlike a clock, it hardly tells of other work on the machine."""

from __future__ import annotations

import os
from pathlib import Path

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


def spent(root: int) -> float:
    """Return the milliseconds that a process, its descendants and those of them that ended have used (Linux)."""
    facts = dict(filter(None, (_read(one) for one in Path("/proc").iterdir() if one.name.isdigit())))
    parents = {pid: parent for pid, (parent, _) in facts.items()}
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(facts[pid][1] for pid in family if pid in facts)


def parent(pid: int) -> int:
    """Return the process that started another one."""
    found = _read(Path(f"/proc/{pid}"))
    assert found is not None
    return found[1][0]


def _read(process: Path) -> tuple[int, tuple[int, float]] | None:
    """Return id, parent and time; `None` when the process is gone. Source: proc_pid_stat(5)."""
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(process.name), (int(fields[1]), sum(map(int, fields[11:15])) * _TICK_MS)
