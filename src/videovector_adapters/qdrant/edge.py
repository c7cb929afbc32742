"""Qdrant's engine in a process of its own: the supervisor that keeps it running; `EdgeVectors` talks to it.

The directory holds one store per build, and a file `current` that names the one in use. It is replaced by renaming, so
a switch happens whole or not at all; other stores are left from work that did not end and are removed at the start.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from attrs import define, field

from videovector_adapters.qdrant.building import Built, built_aside
from videovector_adapters.qdrant.client import EdgeVectors
from videovector_adapters.qdrant.process import end, spawn
from videovector_adapters.qdrant.sockets import own
from videovector_adapters.qdrant.store import locked, replace_file
from videovector_core.errors import Conflict, Invalid, Unavailable
from videovector_core.vectors.ports import Point

__all__ = ["EdgeServer", "EdgeVectors"]

_log: Final = logging.getLogger(__name__)
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
    optimize_after: int | None = 20_000
    """Vectors without an index from which on the server has them indexed by itself; `None` for never."""
    look_seconds: float = 60
    """How often it looks how many there are."""
    restarts: int = field(default=0, init=False)
    _lock: BinaryIO | None = field(default=None, init=False)
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _watch: asyncio.Task[None] | None = field(default=None, init=False)
    _keeper: asyncio.Task[None] | None = field(default=None, init=False)
    _built: int = field(default=0, init=False)

    @property
    def pid(self) -> int | None:
        """The engine's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the engine and return when it answers.

        Raises:
            Conflict: another process owns the directory, or an older version wrote what is there.
            Unavailable: the engine cannot load what is there; rebuilding the index may help.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = locked(self.directory)
        try:
            self._sweep()
            self._process = await self._spawned()
        except BaseException:
            self._lock.close()
            raise
        self._watch = asyncio.create_task(self._keep_running())
        self._keeper = asyncio.create_task(self._keep_indexed())

    async def stop(self) -> None:
        """Let the engine finish the writes that it took, bring all to disk and end."""
        await _ended(self._keeper)
        await self._look_away()
        if self._process is not None:
            await end(self._process)
            self._process = None
        if self._lock is not None:
            self._lock.close()

    async def optimize(self) -> None:
        """Build the indexes of all points in a second process and switch to it; queries and writes go on.

        Worth its minutes of processor time when some 50,000 points have come since the last time.
        """
        await self._switch(None)

    async def rebuild(self, points: AsyncIterator[Point]) -> None:
        """Build everything anew from `points` in a second process and switch to it; queries and writes go on.

        What is written or deleted meanwhile wins over `points`, which are to be read after this call began.
        """
        await self._switch(points)

    async def _switch(self, points: AsyncIterator[Point] | None) -> None:
        store = self._fresh()
        async with built_aside(self.socket, store, points, seconds=self.start_seconds) as built:
            taking = asyncio.create_task(self._take_over(store, built))
            try:
                await asyncio.shield(taking)
            except asyncio.CancelledError:
                await asyncio.wait([taking])  # half a switch is none
                raise

    async def _take_over(self, store: Path, built: Built) -> None:
        """Make the second engine the one. Once it is named there is no way back: it has all that was acknowledged."""
        await self._look_away()
        old_store, old = self._store(), self._process
        replace_file(self.directory / "current", store.name.encode())
        self._process = built.taken()
        self._watch = asyncio.create_task(self._keep_running())
        with contextlib.suppress(Unavailable):  # an engine that died meanwhile is started again by the watch
            await built.there.ask("serve", os.fspath(own(self.socket)))
            await built.here.ask("retire")
        if old is not None:
            # its store goes, so it has nothing to finish: while it closed, queries on their way to it would wait
            with contextlib.suppress(ProcessLookupError):
                old.kill()
            await old.wait()
        await asyncio.to_thread(shutil.rmtree, old_store)

    async def _look_away(self) -> None:
        watch, self._watch = self._watch, None
        await _ended(watch)

    async def _keep_indexed(self) -> None:
        """Have the vectors indexed when enough have come since the last time."""
        if self.optimize_after is None:
            return
        client = EdgeVectors(self.socket)
        try:
            while True:
                await asyncio.sleep(self.look_seconds)
                try:
                    await self._index(client, self.optimize_after)
                except (Unavailable, Invalid, Conflict, OSError):
                    _log.exception("the vectors could not be indexed; trying again")
        finally:
            await client.close()

    async def _index(self, client: EdgeVectors, least: int) -> None:
        spaces = (await client.indexing()).values()
        total, bare = sum(one.vectors for one in spaces), sum(max(0, one.vectors - one.indexed) for one in spaces)
        most = max(least, total // 10)
        # the engine leaves small parts without an index, so what stayed bare after a build is no reason for the next
        if bare >= most and total >= self._built + most:
            _log.info("indexing %d vectors", bare)
            await self.optimize()
            self._built = total

    async def _spawned(self) -> asyncio.subprocess.Process:
        return await spawn(self._store(), self.socket, seconds=self.start_seconds)

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

    def _store(self) -> Path:
        """Return the store in use, and name one when there is none."""
        named = self.directory / "current"
        if not named.exists():
            replace_file(named, self._fresh().name.encode())
        return self.directory / named.read_text()

    def _fresh(self) -> Path:
        return self.directory / f"store.{uuid4().hex[:8]}"

    def _sweep(self) -> None:
        used = self._store()
        for one in self.directory.glob("store.*"):
            if one != used:
                shutil.rmtree(one)


async def _ended(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
