"""Files that were begun and never became anything, because the process that wrote them was killed."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import Final

ABANDONED_SECONDS: Final = 6 * 3600.0
"""How long nobody has written to a file of a dead writer. A living one waits minutes for its next bytes, at the most."""


def sweep(folder: int) -> None:
    """Remove from an open directory what nobody has written to for long; whoever begins a file there does it before."""
    before = time.time() - ABANDONED_SECONDS
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        with contextlib.suppress(FileNotFoundError):  # whoever else sweeps, or has just ended its file, was faster
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISREG(about.st_mode) and about.st_mtime < before:
                os.unlink(name, dir_fd=folder)
