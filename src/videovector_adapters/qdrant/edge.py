"""Qdrant's engine in a process of its own: the supervisor that keeps it running, and the client that talks to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import uuid4

from attrs import define, field

from videovector_adapters.qdrant.building import build_aside
from videovector_adapters.qdrant.client import EdgeVectors
from videovector_adapters.qdrant.sockets import own
from videovector_core.errors import Conflict, Unavailable
from videovector_core.vectors.ports import Point

__all__ = ["EdgeServer", "EdgeVectors"]

_log: Final = logging.getLogger(__name__)
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_PAUSES: Final = (0.05, 0.2, 0.5, 1.0, 2.0)
"""Seconds before the first, second ... restart in a row; the last one stays."""
_CALM_SECONDS: Final = 30


@define
class EdgeServer:
    """Starts the engine process, and starts it again when it dies. One server owns a directory.

    `socket` is where clients are to connect; when its path is longer than the system allows, both sides use the same
    short path below the temporary directory instead.
    """

    directory: Path = field(converter=Path)
    socket: Path = field(converter=Path)
    start_seconds: float = 120
    """How long the engine may take to load what is there."""
    nice: int = 0
    """How far the engine stands back behind other processes, 0 to 19."""
    restarts: int = field(default=0, init=False)
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _watch: asyncio.Task[None] | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """The engine's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the engine and return when it answers.

        Raises:
            Conflict: another process owns the directory.
            Unavailable: the engine cannot load what is there; rebuilding the index may help.
        """
        self._process = await self._spawned()
        self._watch = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """Let the engine finish the writes that it took, bring all to disk and end."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        if self._process is not None:
            await _end(self._process)
            self._process = None

    async def optimize(self) -> None:
        """Build the indexes of all points in a second process and switch to them; queries and writes go on.

        Worth its minutes of processor time when some 50,000 points have come since the last time.
        """
        await build_aside(self.socket, self._second(), None)

    async def rebuild(self, points: AsyncIterator[Point]) -> None:
        """Build everything anew from `points` in a second process and switch to it; queries and writes go on.

        What is written or deleted meanwhile wins over `points`, which are to be read after this call began.
        """
        await build_aside(self.socket, self._second(), points)

    def _second(self) -> EdgeServer:
        name = uuid4().hex[:8]
        return EdgeServer(
            self.directory / f"aside.{name}",
            self.socket.with_name(f"{self.socket.name}.{name}"),
            start_seconds=self.start_seconds,
            nice=10,
        )

    async def _spawned(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from videovector_adapters.qdrant.engine import main; main()",
            os.fspath(self.directory),
            os.fspath(own(self.socket)),
            str(self.nice),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            start_new_session=True,
        )
        try:
            await self._ready(process)
        except BaseException:
            await _end(process)
            raise
        return process

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            raise Unavailable("The vector engine has no output.")
        try:
            async with asyncio.timeout(self.start_seconds):
                line = (await process.stdout.readline()).decode().strip()
        except TimeoutError as error:
            raise Unavailable(f"The vector engine did not start within {self.start_seconds:g} s.") from error
        kind, _, text = line.partition(" ")
        if kind == "owned":
            raise Conflict(text)
        if kind != "ready":
            raise Unavailable(
                f"The vector engine cannot open {self.directory}: {text or 'it died'}. Rebuild the index."
            )

    async def _keep_running(self) -> None:
        loop, in_a_row = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            if self._process is not None:
                status = await self._process.wait()
                _log.warning("the vector engine died with status %s; starting it again", status)
                self._process = None
            in_a_row = 0 if loop.time() - began > _CALM_SECONDS else in_a_row + 1
            await asyncio.sleep(_PAUSES[min(in_a_row, len(_PAUSES)) - 1] if in_a_row else 0)
            try:
                self._process = await self._spawned()
                self.restarts += 1
            except (Unavailable, Conflict, OSError):
                _log.exception("the vector engine did not start")


async def _end(process: asyncio.subprocess.Process, *, seconds: float = 20) -> None:
    """Close the process's input, and kill it when it does not follow."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        process.kill()
        await process.wait()
