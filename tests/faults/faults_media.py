"""Mutated media under strace: the reader answers with a result or a coded error, soon, lives on, and opens nothing else.

Among the files are playlists that ask for a canary file and for a listener; `mutating` reads them, this module looks at
what it and the processes below it opened.
"""

from __future__ import annotations

import asyncio
import compileall
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tests.faults.mutating import MEDIA, MUTATIONS

PROMISE: Final = (
    f"{MUTATIONS} mutated media files in each trial: read or refused within a minute, nothing else opened or dialled"
)
ROOT: Final = Path(__file__).parents[2]
CALLS: Final = "open,openat,openat2,creat,connect,bind,execve"
OPENED: Final = re.compile(r'\b(?:open|openat|openat2|creat|execve)\((?:[^",]*, )?"([^"]*)"')
DIALLED: Final = re.compile(r"\b(?:connect|bind)\(\d+, \{sa_family=(AF_INET6?)\b.*")
WRITES: Final = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|\bcreat\(")
SYSTEM: Final = (
    "/etc/ld.so.",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
    "/usr/share/locale",
    "/proc/",
    "/sys/",
    "/dev/urandom",
)


async def trial(seed: int) -> str | None:
    """Read mutations of one file under strace; say what went wrong in reading, or what was opened besides."""
    if not any(MEDIA.glob("*")):  # fewer files would be mutated, and the promise would hold for less
        return f"{MEDIA.parent.name}/{MEDIA.name} is missing beside the project"
    if not shutil.which("strace"):
        return "strace is missing: make services"
    asked: list[object] = []
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        canary = _prepared(folder)
        server = await asyncio.start_server(lambda *streams: asked.append(streams), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            wrong = await _read(seed, folder, [str(canary), f"http://127.0.0.1:{port}/a.wav"])
        if asked:
            return "somebody dialled the listener"
        return wrong or next(_strange((folder / "trace").read_text(errors="replace").splitlines(), folder), None)


def _prepared(folder: Path) -> Path:
    """Make the directory that may be read, and a canary beside it."""
    # processes that decode know nothing of PYTHONDONTWRITEBYTECODE, and would write what is missing
    compileall.compile_dir(ROOT / "src", quiet=1)
    (folder / "inside").mkdir()
    canary = folder / "outside" / "canary.wav"
    canary.parent.mkdir()
    canary.write_bytes(b"RIFF")
    return canary


async def _read(seed: int, folder: Path, canaries: list[str]) -> str | None:
    tracing = [
        "strace",
        "--seccomp-bpf",
        "-f",
        "-qq",
        "-s",
        "4096",
        "-e",
        f"trace={CALLS}",
        "-o",
        str(folder / "trace"),
    ]
    reading = [sys.executable, "-m", "tests.faults.mutating", str(seed), str(folder / "inside"), *canaries]
    process = await asyncio.create_subprocess_exec(
        *tracing, *reading, cwd=ROOT, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode:
        return f"the process that reads ended with {process.returncode}"
    return said.decode() or None


def _strange(lines: Iterable[str], folder: Path) -> Iterator[str]:
    """Yield what was opened or dialled that reading media needs not."""
    readable = (*SYSTEM, sys.prefix, sys.base_prefix, *filter(None, sys.path), str(ROOT), str(MEDIA))
    for line in lines:
        if dialled := DIALLED.search(line):
            yield f"the network was used: {dialled[0][:200]}"
        if opened := OPENED.search(line):
            path, writes = opened[1], WRITES.search(line)
            inside = not path.startswith("/") or path.startswith((f"{folder}/inside", "/dev/null"))
            if not inside and (writes or not path.startswith(readable)) and not _known(path, writes):
                yield f"opened besides: {line[:300]}"


def _known(path: str, writes: object) -> bool:
    """Say whether the interpreter or its shell asks for this at every start."""
    return not writes and (path in {"/etc/localtime", "/etc/passwd", "/etc/nsswitch.conf"} or path == sys.executable)
