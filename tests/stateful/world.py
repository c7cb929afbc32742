"""A simulated machine room: processes that crash at named points over ports that delay, lose, repeat and fail."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

from attrs import define, evolve, field

from videovector_adapters import memory
from videovector_adapters.memory import Database
from videovector_adapters.memory.database import Time
from videovector_adapters.memory.models import Echo, ToyDecoder, WordHashes
from videovector_adapters.memory.parts import CountingIds, MemoryBlobs, MemoryClock, MemoryDoorbell
from videovector_adapters.memory.vectors import MemoryVectors
from videovector_core.access.secrets import Secret
from videovector_core.app import Concurrency, Ports, VideoVector
from videovector_core.errors import ProcessingFailed, Unavailable
from videovector_core.models.bundle import Models
from videovector_core.models.ports import Extraction, ExtractionRequest, SynthesisRequest
from videovector_core.vectors.ports import Point
from videovector_core.work import Pace

KINDS = ("run.medium", "run.segment", "run.settle", "run.vectors", "run.synthesis", "claim")
MOMENTS = ("before commit", "after commit")
CRASH_POINTS = tuple(f"{kind} {moment}" for kind in KINDS for moment in MOMENTS)


class Crashed(BaseException):
    """The process is gone; nothing of it may run on."""


@define
class Weather:
    """What the seed has in store. All chances are per event; `calm` ends every fault."""

    random: random.Random
    crash: float = 0.0
    fail: float = 0.0
    lose: float = 0.0
    repeat: float = 0.0
    fired: Counter[str] = field(factory=Counter)
    calm: bool = False

    def strikes(self, chance: float, name: str) -> bool:
        """Say whether a fault happens now."""
        if self.calm or self.random.random() >= chance:
            return False
        self.fired[name] += 1
        return True


@define
class Gate:
    """The way of one process to the database; a crash closes it for good."""

    database: Database
    weather: Weather
    alive: bool = True

    @contextlib.asynccontextmanager
    async def begin(self, **how: Any) -> AsyncIterator[Any]:
        self._check()
        point = _point()
        async with self.database.begin(**how) as tx:
            yield tx
            self._check()
            self._maybe(f"{point} before commit")
        self._maybe(f"{point} after commit")

    def _check(self) -> None:
        if not self.alive:
            raise Crashed

    def _maybe(self, point: str) -> None:
        if point in CRASH_POINTS and self.weather.strikes(self.weather.crash, point):
            self.alive = False
            raise Crashed


def _point() -> str:
    task = asyncio.current_task()
    coroutine = task.get_coro() if task else None
    frame = getattr(coroutine, "cr_frame", None)
    owner = frame.f_locals.get("work") if frame else None
    if owner is not None and hasattr(owner, "kind"):
        return str(owner.kind)
    return "claim" if getattr(coroutine, "__name__", "") == "_claiming" else "other"


@define
class Model(Echo):
    """A model that takes its time, fails now and then, and counts what it was asked."""

    weather: Weather = field(kw_only=True)
    asked: int = 0

    async def extract(self, request: ExtractionRequest) -> Extraction:
        await self._trouble()
        return await super().extract(request)

    async def synthesize(self, request: SynthesisRequest) -> Extraction:
        await self._trouble()
        return await super().synthesize(request)

    async def _trouble(self) -> None:
        self.asked += 1
        await asyncio.sleep(self.weather.random.expovariate(2.0))
        if self.weather.strikes(self.weather.fail, "model fails"):
            raise ProcessingFailed("the model is busy", code="rate_limited", transient=True)


@define
class Engine(MemoryVectors):
    """A vector engine that is away now and then, and may do what it then denies having done."""

    weather: Weather | None = None

    async def upsert(self, points: Sequence[Point]) -> None:
        if self.weather and self.weather.strikes(self.weather.fail, "engine fails before"):
            raise Unavailable("the engine is away")
        await super().upsert(points)
        if self.weather and self.weather.strikes(self.weather.repeat, "engine answer lost"):
            raise Unavailable("the engine went away")


@define
class Doorbell(MemoryDoorbell):
    """A doorbell that is not always heard."""

    weather: Weather | None = None

    def ring(self, topic: str) -> None:
        if self.weather and self.weather.strikes(self.weather.lose, "ring lost"):
            return
        super().ring(topic)


@define
class World:
    """One database, one engine, one model, and processes that come and go."""

    weather: Weather
    database: Database = field(init=False)
    ports: Ports = field(init=False)
    model: Model = field(init=False)
    processes: list[Process] = field(factory=list)
    crashes: int = 0

    def __attrs_post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        ids, doorbell, blobs = CountingIds(), Doorbell(weather=self.weather), MemoryBlobs()
        self.database = Database(ids, doorbell, Time(source=lambda: 1_800_000_000 + loop.time()))
        self.model = Model(weather=self.weather)
        self.ports = memory.ports(
            begin=self.database.begin,
            clock=MemoryClock(self.database.time),
            ids=ids,
            blobs=blobs,
            doorbell=doorbell,
            decoder=ToyDecoder(blobs),
            models=Models(self.model, self.model, WordHashes(dimensions=8)),
            vectors=Engine(weather=self.weather),
            pepper=Secret("simulated"),
        )

    def start(self) -> Process:
        """Start a worker process."""
        process = Process(self)
        self.processes.append(process)
        return process

    async def rule(self, processes: int = 2) -> None:
        """Keep so many processes running for as long as this task runs."""
        for _ in range(processes):
            self.start()
        while True:
            await asyncio.sleep(1)
            for process in [one for one in self.processes if not one.gate.alive]:
                await process.bury()
                self.processes.remove(process)
                self.crashes += 1
                self.start()


@define
class Process:
    """A worker: an engine over a gate of its own."""

    world: World
    gate: Gate = field(init=False)
    task: asyncio.Task[None] = field(init=False)
    engine: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.gate = Gate(self.world.database, self.world.weather)
        vv = VideoVector(evolve(self.world.ports, begin=self.gate.begin), Concurrency(2, 3, 2))
        self.engine = vv.engine(Pace(lease=6, renew=2, sweep=3, poll=3))
        self.task = asyncio.create_task(self.engine.run())

    async def bury(self) -> None:
        """Let nothing of a dead process run on."""
        self.task.cancel()
        await asyncio.gather(self.task, *self.engine._running, return_exceptions=True)


__all__ = ["CRASH_POINTS", "Weather", "World"]
