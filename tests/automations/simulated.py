"""A machine room for automations: objects that appear, jobs that import them, and schedulers that die at any instant."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

from attrs import define, evolve, field, frozen

from videovector_adapters.memory import Database
from videovector_adapters.memory.database import Table, Time
from videovector_adapters.memory.parts import CountingIds, MemoryClock, MemoryDoorbell
from videovector_core.automations import watching
from videovector_core.automations.model import GIVE_UP_AFTER, Order, OrderKind
from videovector_core.automations.ports import JobEnd
from videovector_core.automations.ticking import Ticker
from videovector_core.automations.watching import tick
from videovector_core.exports.service import Exports
from videovector_core.indexes.model import Index
from videovector_core.transactions import Joining
from videovector_core.work import Engine, Kind, Pace

START = 1_800_000_000.0
PACE = Pace(lease=60, renew=20, sweep=90, poll=90)
USER, INDEX = "user_1", "idx_1"


class Killed(BaseException):
    """The process died here."""


@frozen
class Job:
    """An import job; `video_ids` once it has ended."""

    job_id: str
    started: float
    video_ids: tuple[str, ...] | None = None
    failed: bool = False


@define
class Mortal:
    """The transactions of one process, which dies before, within or after any of them; then none goes through."""

    begin: Any
    draw: random.Random
    risk: float
    on_death: Any
    dead: bool = False

    @contextlib.asynccontextmanager
    async def __call__(self) -> AsyncIterator[Any]:
        moment = self.draw.choice(["before", "within", "after"]) if self.draw.random() < self.risk else ""
        self._perish("before", moment)
        async with self.begin() as tx:
            yield tx
            self._perish("within", moment)
        self._perish("after", moment)

    def _perish(self, here: str, moment: str) -> None:
        if here == moment:
            self.dead = True
            self.on_death()
        if self.dead:
            raise Killed


@define
class World:
    """A place, an index, and what came from the one into the other. Times are seconds since the start."""

    draw: random.Random
    risk: float = 0.0
    failing: float = 0.0
    """How likely an import job fails; never so many in a row that the order is paused."""
    failures: int = 0
    objects: dict[str, float] = field(factory=dict)
    imported: dict[str, list[str]] = field(factory=dict)
    deaths: int = 0
    database: Database = field(init=False)
    had: Table[str, str] = field(init=False)
    jobs: Table[str, Job] = field(init=False)
    started: Table[int, tuple[str, ...]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.database = Database(CountingIds(), MemoryDoorbell(), Time(source=lambda: START + loop.time()))
        self.had, self.jobs, self.started = (Table(self.database.serial.journal) for _ in range(3))

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    # The place and its import jobs: the `Importer` and the `Starter` that orders are carried out with.

    def new(self) -> list[str]:
        """Name the objects that the index has not had."""
        return sorted(one for one in self.objects if one not in self.had.rows)

    async def unseen(self, order: Order) -> str | None:
        await asyncio.sleep(self.draw.uniform(0, 2))
        new = self.new()
        return hashlib.sha256("\n".join(new).encode()).hexdigest() if new else None

    async def start(self, order: Order, video_ids: Sequence[str] | None = None) -> str:
        if video_ids is not None:
            self.started.put(len(self.started.rows), tuple(video_ids))
            return f"run_{len(self.started.rows)}"
        job = Job(f"job_{len(self.jobs.rows)}", self.now)
        self.jobs.put(job.job_id, job)
        return job.job_id

    async def ended(self, order: Order, job_id: str) -> JobEnd | None:
        job = self.jobs.get(job_id)
        assert job is not None
        if job.video_ids is None:
            return None
        return JobEnd(job.video_ids, "It failed." if job.failed else None)

    async def work(self) -> None:
        """Do the import jobs, as their own workers would."""
        while True:
            await asyncio.sleep(20)
            for job in [one for one in self.jobs.rows.values() if one.video_ids is None]:
                await asyncio.sleep(self.draw.uniform(0, 40))
                async with self.database.serial.transaction():
                    failed = self.draw.random() < self.failing and self.failures < GIVE_UP_AFTER - 1
                    self.failures = self.failures + 1 if failed else 0
                    new = [] if failed else self.new()
                    for name in new:
                        self.had.put(name, job.job_id)
                        self.imported.setdefault(name, []).append(job.job_id)
                    self.jobs.put(job.job_id, evolve(job, video_ids=tuple(new), failed=failed))

    # Schedulers.

    async def schedule(self) -> None:
        """Run one scheduler after the other: each lives until it dies."""
        while True:
            died = asyncio.Event()
            mortal = Mortal(self.database.begin, self.draw, self.risk, died.set)
            begin = Joining(mortal)
            clock = MemoryClock(self.database.time)
            exports = Exports(begin, clock, self.database.ids)
            ticker = Ticker(begin, clock, self.database.ids, self, self, exports)
            kinds = {watching.TICK: Kind(watching.TICK, ticker.tick, ticker.lost, retry_seconds=1)}
            engine = asyncio.create_task(Engine(begin, kinds, self.database.doorbell, PACE).run())
            waiting = asyncio.create_task(died.wait())
            try:
                await asyncio.wait([engine, waiting], return_when=asyncio.FIRST_COMPLETED)
                self.deaths += 1
            finally:
                mortal.dead = True
                engine.cancel()
                waiting.cancel()
                await asyncio.gather(engine, waiting, return_exceptions=True)
            await asyncio.sleep(self.draw.uniform(0, 20))

    async def order(self, interval: str = "5m") -> None:
        """Save an order."""
        settings = {"source_prefix": "", "file_pattern": "*", "recursive": True, "debounce_interval": interval}
        now = self.database.time.now()
        order = Order(INDEX, OrderKind.IMPORT, USER, "conn_1", settings, now, now)
        async with self.database.begin() as tx:
            await tx.indexes.add(Index(INDEX, USER, "films", now))
            await tx.orders.put(order)
            await tx.work.add([tick(order)])

    async def standing(self) -> Order:
        """Return the order as it stands."""
        async with self.database.begin() as tx:
            found = await tx.orders.get(INDEX, OrderKind.IMPORT)
        assert found is not None
        return found
