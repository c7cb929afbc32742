"""Whatever is done in whatever order, work, runs and repairs stay within their rules: in memory and in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, ClassVar, TypeVar

import pytest
from attrs import define, evolve
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.contracts.conftest import MemoryRoom, PostgresRoom, postgres_server
from tests.postgres import drop, fresh, wipe
from videovector_adapters import memory
from videovector_adapters.memory.models import Echo, WordHashes, toy
from videovector_adapters.memory.parts import CountingIds, MemoryDoorbell
from videovector_adapters.postgres.database import Database
from videovector_adapters.wiring import RandomIds
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_core.errors import Conflict, ProcessingFailed
from videovector_core.models.bundle import Models
from videovector_core.models.ports import Extraction, ExtractionRequest
from videovector_core.runs.model import Outcome, RunStatus, may_become
from videovector_core.runs.service import Target
from videovector_core.testing.storage import stream
from videovector_core.work import NewWork, Pace, WorkItem, WorkState

__all__ = ["postgres_server"]

R = TypeVar("R")
KEYS = st.sampled_from([f"key{n}" for n in range(5)])
SECONDS = st.sampled_from([1.0, 10.0, 40.0])
SCHEMA = {"type": "object", "properties": {"headline": {"type": "string"}}}


class Machine(RuleBasedStateMachine):
    """A machine over a room of its own; `dsn` says which kind, and is empty for memory."""

    dsn: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.room = self.run(self._opened())

    def run(self, work: Awaitable[R]) -> R:
        """Run a coroutine on the machine's loop."""

        async def awaited() -> R:
            return await work

        return self.runner.run(awaited())

    async def _opened(self) -> Any:
        if not self.dsn:
            tables = memory.Database(CountingIds(), MemoryDoorbell())
            return MemoryRoom(tables.begin, tables.time)
        wipe(self.dsn)
        database = await self.stack.enter_async_context(Database.open(self.dsn, RandomIds(), size=3))
        return PostgresRoom(database, self.dsn)

    def within(self, use: Callable[[Any], Awaitable[R]]) -> R:
        """Run a use of one transaction."""

        async def used() -> R:
            async with self.room.begin() as tx:
                return await use(tx)

        return self.run(used())

    def teardown(self) -> None:
        """Close the room."""
        self.run(self.stack.aclose())
        self.runner.close()


@define
class Expected:
    """What the machine believes of one item. `due` and `until` count from the present, in seconds."""

    state: WorkState
    due: float
    until: float = 0.0
    fence: int = 0
    attempt: int = 0
    again: bool = False


class WorkMachine(Machine):
    """Work items against a model of them: who holds what, who is fenced out, what is due."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Expected] = {}
        self.claims: list[WorkItem] = []
        self.fences: set[int] = set()

    @rule(key=KEYS, delay=st.sampled_from([0.0, 20.0]))
    def add(self, key: str, delay: float) -> None:
        self.within(lambda tx: tx.work.add([NewWork("k", "user", key, delay=delay)]))
        known = self.known.get(key)
        if known is not None and known.state is WorkState.LEASED:
            known.due, known.again = min(known.due, delay) if known.again else delay, True
        elif known is not None and known.state is WorkState.QUEUED:
            known.due = min(known.due, delay)
        else:
            self.known[key] = Expected(WorkState.QUEUED, delay)

    @rule(room=st.integers(1, 3))
    def claim(self, room: int) -> None:
        items = self.within(lambda tx: tx.work.claim({"k": room}, seconds=30.0))
        due = [one for one in self.known.values() if one.state is WorkState.QUEUED and one.due <= 0]
        assert len(items) == min(room, len(due))
        for item in items:
            known = self.known[item.key]
            assert known.state is WorkState.QUEUED
            assert item.fence not in self.fences
            assert item.attempt == known.attempt + 1
            self.fences.add(item.fence)
            known.state, known.until, known.fence, known.attempt = WorkState.LEASED, 30.0, item.fence, item.attempt
            self.claims.append(item)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), what=st.sampled_from(["renew", "finish", "retry", "fail", "postpone"]))
    def settle(self, data: Any, what: str) -> None:
        item = data.draw(st.sampled_from(self.claims))
        choices: dict[str, dict[str, Any]] = {
            "renew": {"seconds": 30.0},
            "finish": {},
            "retry": {"seconds": 5.0, "error": "no"},
            "fail": {"error": "no"},
            "postpone": {"seconds": 5.0},
        }
        given = choices[what]
        held = self.within(lambda tx: getattr(tx.work, what)(item, **given))
        known = self.known.get(item.key)
        assert held == (known is not None and known.state is WorkState.LEASED and known.fence == item.fence)
        if held and known is not None:
            self._settled(known, item.key, what)

    def _settled(self, known: Expected, key: str, what: str) -> None:
        again, known.again = known.again, known.again and what == "renew"
        if what == "renew":
            known.until = 30.0
        elif what == "postpone":
            known.state, known.due = WorkState.QUEUED, min(known.due, 5.0) if again else 5.0
            known.attempt -= 1
        elif what == "retry":
            known.state, known.due = WorkState.QUEUED, 5.0
        elif again:
            known.state, known.attempt = WorkState.QUEUED, 0
        elif what == "finish":
            del self.known[key]
        else:
            known.state = WorkState.FAILED

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.run(self.room.advance(seconds))
        for known in self.known.values():
            known.due -= seconds
            known.until -= seconds

    @rule()
    def sweep(self) -> None:
        async def swept(tx: Any) -> set[str]:
            items = await tx.work.expired(100)
            for item in items:
                await tx.work.retry(item, seconds=0, error="lost")
            return {item.key for item in items}

        late = {key for key, one in self.known.items() if one.state is WorkState.LEASED and one.until < 0}
        assert self.within(swept) == late
        for key in late:
            self.known[key] = evolve(self.known[key], state=WorkState.QUEUED, due=0.0, again=False)

    @invariant()
    def nothing_is_lost(self) -> None:
        counted = self.within(lambda tx: tx.work.counts())
        states = [one.state for one in self.known.values()]
        assert counted == {("k", state): states.count(state) for state in set(states)}


@define
class Moody(Echo):
    """A model that answers, fails or is too busy, as it was told."""

    mood: str = "well"
    asked: int = 0

    async def extract(self, request: ExtractionRequest) -> Extraction:
        self.asked += 1
        if self.mood == "well":
            return await super().extract(request)
        raise ProcessingFailed("no", code="model_error", transient=self.mood == "busy")


class RunMachine(Machine):
    """Runs from execution over failures, deaths, cancellation and repair to their end."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Moody()
        models = Models(self.model, self.model, WordHashes(dimensions=8))
        self.vv = VideoVector(memory.ports(begin=self.room.begin, models=models))
        self.engine = self.vv.engine(Pace(lease=30, renew=10, sweep=10, poll=1))
        self.statuses: dict[str, list[RunStatus]] = {}

    @initialize()
    def media(self) -> None:
        async def made() -> None:
            vv = self.vv
            self.caller = Caller((await vv.access.ensure_user("owner")).user_id)
            self.index = (await vv.indexes.create(self.caller, name="films")).index_id
            clip = toy(duration=12, cuts=[4, 8])
            await vv.imports.upload(self.caller, stream(clip), file_name="clip", index_id=self.index)
            prompt = await vv.prompts.create(
                self.caller, name="Scene", prompt_text="Describe the scene.", json_schema=SCHEMA
            )
            self.prompt = prompt.prompt_id

        self.run(made())

    @precondition(lambda self: len(self.statuses) < 2)
    @rule()
    def execute(self) -> None:
        run = self.run(self.vv.runs.execute(self.caller, prompt_id=self.prompt, target=Target("index", self.index))).run
        self.statuses[run.run_id] = [RunStatus.PROCESSING]

    @rule(mood=st.sampled_from(["well", "broken", "busy"]))
    def change_mood(self, mood: str) -> None:
        self.model.mood = mood

    @rule(times=st.integers(1, 4))
    def work(self, times: int) -> None:
        for _ in range(times):
            self.run(self._worked())

    @rule(kind=st.sampled_from(["run.medium", "run.segment", "run.retry", "run.settle", "run.vectors"]))
    def die(self, kind: str) -> None:
        """Take work in hand and never be heard of again."""
        self.within(lambda tx: tx.work.claim({kind: 2}, seconds=30.0))

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.run(self.room.advance(seconds))
        self.run(self.engine.sweep_once())

    @precondition(lambda self: self.statuses)
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        run_id = data.draw(st.sampled_from(sorted(self.statuses)))
        terminal = self.run(self.vv.runs.get(self.caller, run_id)).run.terminal
        try:
            self.run(self.vv.runs.cancel(self.caller, run_id))
        except Conflict:
            assert terminal
        else:
            assert not terminal

    @precondition(lambda self: self.statuses)
    @rule(data=st.data())
    def repair(self, data: Any) -> None:
        run_id = data.draw(st.sampled_from(sorted(self.statuses)))
        view, rows, _ = self.run(self.vv.runs.failures(self.caller, run_id))
        if not rows or not view.run.terminal:
            return
        row = data.draw(st.sampled_from(rows))
        made = [
            self.run(self.vv.runs.retry(self.caller, run_id, row.video_id, row.segment_id)).retry_id for _ in range(3)
        ]
        assert len(set(made)) == 1

    @invariant()
    def states_are_legal_and_counts_add_up(self) -> None:
        for run_id, seen in self.statuses.items():
            view = self.run(self.vv.runs.get(self.caller, run_id))
            now, counts = view.run.status, view.counts
            if now is not seen[-1]:
                assert may_become(seen[-1], now), (seen, now)
                seen.append(now)
            assert sum(counts.segments.values()) == counts.total_segments
            assert counts.total_media == 1
            if view.run.terminal:
                assert not {Outcome.PENDING, Outcome.PROCESSING} & set(counts.segments)

    def teardown(self) -> None:
        """Let everything end, and look whether it did."""
        try:
            self.model.mood = "well"
            for _ in range(60):
                self.run(self._worked())
                self.run(self.room.advance(40))
                self.run(self.engine.sweep_once())
            for run_id in self.statuses:
                assert self.run(self.vv.runs.get(self.caller, run_id)).run.terminal
            assert self.run(self.vv.checker.check()).clean
        finally:
            super().teardown()

    async def _worked(self) -> None:
        await self.engine.claim_once()
        async with asyncio.timeout(20):
            while not self.engine.idle:
                await asyncio.sleep(0)


def _tried(machine: type[Machine], dsn: str, examples: int, steps: int) -> None:
    class OnThis(machine):  # type: ignore[misc,valid-type]  # the class is a parameter
        pass

    OnThis.dsn = dsn
    run_state_machine_as_test(
        OnThis,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_work_in_memory() -> None:
    """No order of claims, losses, failures and late commits breaks a rule of work items."""
    _tried(WorkMachine, "", 60, 30)


def test_runs_in_memory() -> None:
    """No order of work, deaths, cancellations and repairs gives a run an illegal state, and every run ends."""
    _tried(RunMachine, "", 25, 20)


@pytest.fixture
def dsn(postgres_server: str) -> Any:
    """An empty database."""
    made = fresh(postgres_server)
    yield made
    drop(postgres_server, made)


@pytest.mark.real
def test_work_in_postgres(dsn: str) -> None:
    """The same in PostgreSQL."""
    _tried(WorkMachine, dsn, 15, 30)


@pytest.mark.real
def test_runs_in_postgres(dsn: str) -> None:
    """The same in PostgreSQL."""
    _tried(RunMachine, dsn, 6, 20)
