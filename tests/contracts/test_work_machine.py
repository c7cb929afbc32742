"""Work items behave like a model of them, in memory and in PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from attrs import define
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.conftest import MemoryRoom, PostgresRoom
from tests.postgres import wipe
from videovector_adapters import memory
from videovector_adapters.memory.parts import CountingIds, MemoryDoorbell
from videovector_adapters.postgres.database import Database
from videovector_adapters.wiring import RandomIds
from videovector_core.testing.stores_machine import work_machine
from videovector_core.testing.stores_room import Room

QUIET = (HealthCheck.too_slow, HealthCheck.filter_too_much)


@define
class Stage:
    """A room, and the loop that its coroutines run in."""

    room: Room
    loop: asyncio.AbstractEventLoop

    def run(self, steps: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(steps)

    def close(self) -> None:
        """Nothing to leave: the loop is everybody's."""


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop for all examples."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_work_in_memory_behaves_like_the_model(loop: asyncio.AbstractEventLoop):
    """No order of requests, claims, endings and pauses tells the store in memory from the model."""

    def stage() -> Stage:
        database = memory.Database(CountingIds(), MemoryDoorbell())
        return Stage(MemoryRoom(database.begin, database.time), loop)

    run_state_machine_as_test(
        work_machine(stage), settings=settings(max_examples=60, stateful_step_count=40, deadline=None)
    )


@pytest.mark.real
def test_work_in_postgres_behaves_like_the_model(module_dsn: str, loop: asyncio.AbstractEventLoop):
    """No order of requests, claims, endings and pauses tells PostgreSQL from the model."""
    stack = contextlib.AsyncExitStack()
    database = loop.run_until_complete(stack.enter_async_context(Database.open(module_dsn, RandomIds())))

    def stage() -> Stage:
        wipe(module_dsn)
        database.turns.clear()
        return Stage(PostgresRoom(database, module_dsn), loop)

    try:
        run_state_machine_as_test(
            work_machine(stage),
            settings=settings(max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=QUIET),
        )
    finally:
        loop.run_until_complete(stack.aclose())
