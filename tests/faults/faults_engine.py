"""The vector engine is killed at random instants of queries and writes."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from pathlib import Path

from attrs import define, evolve, field

from tests.search.test_vectors_build import query, wide
from videovector_adapters.memory.vectors import MemoryVectors
from videovector_adapters.qdrant.edge import EdgeServer, EdgeVectors
from videovector_core.errors import Unavailable
from videovector_core.testing.vectors import mine, named
from videovector_core.vectors.ports import Scored

PROMISE = "kill -9 of the vector engine in queries and writes: the right answer or 503, back within 5 s, nothing lost"
POINTS = 400
KILLS = 3
BACK_S = 5.0


@define
class Trial:
    """An engine, the exact model of what it must hold, and what went wrong."""

    server: EdgeServer
    edge: EdgeVectors
    chance: random.Random
    model: MemoryVectors = field(factory=MemoryVectors)
    wrong: list[str] = field(factory=list)

    async def write(self) -> None:
        """Write and delete until told to stop; what was refused is repeated, as the relay does."""
        for number in range(10_000):
            points = [wide(self.chance.randrange(POINTS), version=number + 2) for _ in range(20)]
            gone = [named(f"wide {self.chance.randrange(POINTS)}")]
            await self._until_done(self.edge.upsert, points)
            await self._until_done(self.edge.delete, gone)
            await self.model.upsert(points)
            await self.model.delete(gone)
            await asyncio.sleep(0.01)

    async def ask(self) -> None:
        """Ask for what no writer touches: there is one right answer all the time."""
        while True:
            try:
                found = await self._answer()
            except Unavailable:
                await asyncio.sleep(0.01)
                continue
            if not found or found[0].point.id != named(f"wide {POINTS}"):
                self.wrong.append(f"a query answered {[one.point.id for one in found]}")
                return

    async def kill(self) -> float:
        """Kill the engine and say after how many seconds it answers again."""
        await asyncio.sleep(self.chance.random())
        began = time.monotonic()
        while self.server.pid is None:
            await asyncio.sleep(0.01)
        os.kill(self.server.pid, signal.SIGKILL)
        while True:
            try:
                await self._answer()
            except Unavailable:
                await asyncio.sleep(0.01)
            else:
                return time.monotonic() - began

    async def _answer(self) -> list[Scored]:
        return await self.edge.nearest("wide", query(POINTS), within=mine(run_ids=("still",)), top_k=1, exact=True)

    async def _until_done(self, write: object, given: object) -> None:
        while True:
            try:
                await write(given)  # type: ignore[operator]  # one of two methods with their argument
            except Unavailable:
                await asyncio.sleep(0.02)
            else:
                return


async def trial(seed: int) -> str | None:
    """Kill the engine some times while it is written to and asked."""
    with tempfile.TemporaryDirectory() as folder:
        server, edge = EdgeServer(Path(folder) / "v", Path(folder) / "s"), EdgeVectors(Path(folder) / "s")
        began = time.monotonic()
        await server.start()
        most = max(BACK_S, 2 * (time.monotonic() - began))  # a machine that is that busy starts nothing sooner
        one = Trial(server, edge, random.Random(seed))
        first = [*(wide(number) for number in range(POINTS)), evolve(wide(POINTS), run_id="still")]
        for engine in (edge, one.model):
            await engine.upsert(first)
        tasks = [asyncio.create_task(work()) for work in (one.write, one.ask, one.ask)]
        try:
            took = [await one.kill() for _ in range(KILLS)]
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        broken = [repr(end) for end in ends if isinstance(end, Exception)]
        # the write that was cut off may have been carried out or not: it is repeated, as after a restart of the relay
        await edge.upsert(last := [wide(number, version=99_999) for number in range(POINTS)])
        await one.model.upsert(last)
        same = await edge.versions(limit=10_000) == await one.model.versions(limit=10_000)
        await edge.close()
        await server.stop()
    slow = [f"back after {seconds:.1f} s" for seconds in took if seconds > most]
    return "; ".join([*one.wrong, *broken, *slow, *([] if same else ["points differ"])]) or None
