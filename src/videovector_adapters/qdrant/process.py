"""Starting and ending one engine process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

from videovector_adapters.children import PASSED_ON
from videovector_adapters.qdrant.sockets import own
from videovector_core.errors import Conflict, Unavailable


async def spawn(store: Path, socket: Path, *, seconds: float, nice: int = 0) -> asyncio.subprocess.Process:
    """Start an engine on the directory `store` and return when it listens on `socket`.

    Args:
        store: the engine's own directory.
        socket: where it is to listen.
        seconds: how long it may take to load what is there.
        nice: how far it stands back behind other processes, 0 to 19.

    Raises:
        Conflict: another process owns the directory, or an older version wrote what is there.
        Unavailable: the engine cannot load what is there; rebuilding the index may help.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from videovector_adapters.qdrant.serving import main; main()",
        os.fspath(store),
        os.fspath(own(socket)),
        str(nice),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        start_new_session=True,
    )
    try:
        await _ready(process, store, seconds)
    except BaseException:
        await end(process)
        raise
    return process


async def _ready(process: asyncio.subprocess.Process, store: Path, seconds: float) -> None:
    if process.stdout is None:
        raise Unavailable("The vector engine has no output.")
    try:
        async with asyncio.timeout(seconds):
            line = (await process.stdout.readline()).decode().strip()
    except TimeoutError as error:
        raise Unavailable(f"The vector engine did not start within {seconds:g} s.") from error
    kind, _, text = line.partition(" ")
    if kind == "owned":
        raise Conflict(text)
    if kind != "ready":
        raise Unavailable(f"The vector engine cannot open {store}: {text or 'it died'}. Rebuild the index.")


async def end(process: asyncio.subprocess.Process, *, seconds: float = 20) -> None:
    """Close the process's input, and kill it when it does not follow."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):  # it may have followed at the last moment
            process.kill()
        await process.wait()
