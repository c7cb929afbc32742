"""Pages of mapped files: told to the processor beforehand, or found one by one by the queries that need them.

A process that has just mapped a file faults at the first touch of each page, even when the page is in memory: among 100,000
points a search by words took 20 ms at first and 6 ms once some hundred searches had touched most of them.
"""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_log: Final = logging.getLogger(__name__)
_MADV_POPULATE_READ: Final = 22
"""`madvise(2)`, Linux 5.14: fault all pages of a range in, reading what is not in memory."""
_SLICE: Final = 64 * 1024**2
"""Bytes populated at once, between which it can end."""
_MAPS: Final = Path("/proc/self/maps")
_MEMORY: Final = Path("/proc/meminfo")


def populate(directory: Path, until: Callable[[], bool]) -> int:
    """Fault in the pages of files below `directory` that this process has mapped; return how many bytes they have.

    Nothing is done, and 0 returned, where they would take more than three quarters of the memory that is free, or where the
    system cannot do it. Takes about a second for a gigabyte that is in memory; other threads go on, and it ends early
    when `until` says so.
    """
    slices = list(_mapped(os.fspath(directory.resolve()))) if _MAPS.exists() else []
    if sum(length for _, length in slices) > _free() // 4 * 3:
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    done = 0
    for start, length in slices:
        if until():
            break
        if libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), _MADV_POPULATE_READ):
            # a file that was unmapped meanwhile, or a kernel that is older: queries fault the pages in, as ever
            _log.debug("pages were not populated: %s", os.strerror(ctypes.get_errno()))
        else:
            done += length
    return done


def _mapped(directory: str) -> Iterator[tuple[int, int]]:
    """Return address and length of each slice, less logs, which no query reads; see proc_pid_maps(5)."""
    for line in _MAPS.read_text().splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith(f"{directory}/") and "/wal/" not in fields[5]:
            start, end = (int(one, 16) for one in fields[0].split("-"))
            yield from ((at, min(_SLICE, end - at)) for at in range(start, end, _SLICE))


def _free() -> int:
    """Return the bytes that the system could hand out without swapping."""
    lines = _MEMORY.read_text().splitlines() if _MEMORY.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), 0)
