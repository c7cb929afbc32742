"""Build aside and swap: the one way to optimise, to re-index and to rebuild while queries and writes go on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Protocol

from videovector_adapters.qdrant.client import WRITE_AT_ONCE, EdgeVectors
from videovector_core.errors import Unavailable
from videovector_core.vectors.ports import Point

_BUILD_SECONDS: Final = 24 * 3600
_LAST_CHANGES: Final = 500
"""Changes carried over at once; so few are left when writes have to wait for the switch."""


class Second(Protocol):
    """The second engine: an `EdgeServer` of its own directory."""

    directory: Path
    socket: Path

    async def start(self) -> None:
        """Start it and return when it answers."""
        ...

    async def stop(self) -> None:
        """Bring all to disk and end it; nothing when it does not run."""
        ...


async def build_aside(socket: Path, second: Second, points: AsyncIterator[Point] | None) -> None:
    """Build in a second engine from a copy, or from `points`, and let the engine on `socket` adopt the result.

    Points that the first engine writes meanwhile are carried over in rounds; for the last of them, and while the first
    engine loads what was built, writes wait. When anything fails, the first engine goes on as it was.
    """
    here, there = (EdgeVectors(one, patience=_BUILD_SECONDS) for one in (socket, second.socket))
    try:
        await here.ask(*(("copy", os.fspath(second.directory)) if points is None else ("note",)))
        try:
            await _build(here, there, second, points)
        except BaseException:
            with contextlib.suppress(Unavailable):
                await here.ask("abandon")
            raise
    finally:
        await second.stop()
        await asyncio.to_thread(shutil.rmtree, second.directory, ignore_errors=True)
        await here.close()
        await there.close()


async def _build(here: EdgeVectors, there: EdgeVectors, second: Second, points: AsyncIterator[Point] | None) -> None:
    await second.start()
    if points is not None:
        await _fill(there, points)
    await there.ask("optimize")
    while await _catch_up(here, there) > _LAST_CHANGES:
        pass
    await here.ask("pause")
    while await _catch_up(here, there):
        pass
    await second.stop()
    await here.ask("adopt", os.fspath(second.directory))


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
