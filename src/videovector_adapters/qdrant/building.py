"""Build aside and swap: the one way to optimise, to re-index and to rebuild while queries and writes go on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from attrs import define

from videovector_adapters.qdrant.client import WRITE_AT_ONCE, EdgeVectors
from videovector_adapters.qdrant.process import end, spawn
from videovector_adapters.qdrant.sockets import own
from videovector_core.errors import Unavailable
from videovector_core.vectors.ports import Point

_BUILD_SECONDS: Final = 24 * 3600
_LAST_CHANGES: Final = 500
"""Changes carried over at once; so few are left when writes have to wait for the switch."""


@contextlib.asynccontextmanager
async def built_aside(
    socket: Path, store: Path, points: AsyncIterator[Point] | None, *, seconds: float
) -> AsyncIterator[Built]:
    """Lend a second engine on the directory `store` that has all that the engine on `socket` has, and indexes.

    It is filled with a copy, or with `points`. What the first engine writes meanwhile is carried over in rounds; for
    the last of them, and for as long as the context lasts, its writes wait. When anything fails the first engine goes
    on as it was; when nothing does, the block has switched to the second engine.
    """
    beside = socket.with_name(f"{socket.name}.{store.suffix[1:]}")
    here, there = (EdgeVectors(one, patience=_BUILD_SECONDS) for one in (socket, beside))
    processes: list[asyncio.subprocess.Process] = []
    try:
        await here.ask(*(("copy", os.fspath(store)) if points is None else ("note",)))
        try:
            processes.append(await spawn(store, beside, seconds=seconds, nice=10))
            if points is not None:
                await _fill(there, points)
            await there.ask("optimize")
            # no process may come forward again once it stands back, so another one loads what this one built
            await end(processes.pop())
            processes.append(await spawn(store, beside, seconds=seconds))
            await there.ask("warm")
            while await _catch_up(here, there) > _LAST_CHANGES:
                pass
            await here.ask("pause")
            while await _catch_up(here, there):
                pass
            yield Built(here, there, processes)
        except BaseException:
            with contextlib.suppress(Unavailable):
                await here.ask("abandon")
            raise
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):  # it may have died, and then that error counts
                process.kill()  # what it built goes, and while it builds it hears nothing
            await process.wait()
        if processes:
            await asyncio.to_thread(shutil.rmtree, store, ignore_errors=True)
        own(beside).unlink(missing_ok=True)
        await here.close()
        await there.close()


@define
class Built:
    """Two engines that hold the same. `taken` hands over the second one's process to whoever will look after it."""

    here: EdgeVectors
    there: EdgeVectors
    _processes: list[asyncio.subprocess.Process]

    def taken(self) -> asyncio.subprocess.Process:
        """Return the second engine's process, which then outlives the context."""
        return self._processes.pop()


async def _fill(there: EdgeVectors, points: AsyncIterator[Point]) -> None:
    batch: list[Point] = []
    async for point in points:
        batch.append(point)
        if len(batch) == WRITE_AT_ONCE:
            await there.upsert(batch)
            batch.clear()
    await there.upsert(batch)


async def _catch_up(here: EdgeVectors, there: EdgeVectors) -> int:
    """Carry over some of the changes; return how many are left."""
    changes = await here.ask("changes", _LAST_CHANGES)
    if changes["points"]:
        await there.ask("upsert", changes["points"])
    if changes["gone"]:
        await there.ask("delete", changes["gone"])
    return int(changes["left"])
