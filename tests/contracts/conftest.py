"""The rooms that the contracts of the stores are tried in: tables in memory, and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from attrs import define
from psycopg.conninfo import make_conninfo

from tests.postgres import drop, fresh, postgres_server, wipe
from videovector_adapters import memory
from videovector_adapters.memory.database import Time
from videovector_adapters.memory.parts import CountingIds, MemoryDoorbell
from videovector_adapters.postgres.database import Database
from videovector_adapters.wiring import RandomIds
from videovector_core.app import Tx
from videovector_core.ports import Begin

__all__ = ["postgres_server"]


@define
class MemoryRoom:
    """A `Room` in memory."""

    begin: Begin[Tx]
    time: Time

    async def advance(self, seconds: float) -> None:
        self.time.advance(seconds)


@define
class PostgresRoom:
    """A `Room` in PostgreSQL, whose clock cannot be turned: instead, what is kept grows older."""

    database: Database
    dsn: str

    @property
    def begin(self) -> Begin[Tx]:
        return self.database.begin

    async def advance(self, seconds: float) -> None:
        async with await psycopg.AsyncConnection.connect(self.dsn) as connection:
            older = "- %s * interval '1 second'"
            await connection.execute(
                f"UPDATE work SET due_at = due_at {older}, lease_until = lease_until {older}", [seconds, seconds]
            )
            await connection.execute(
                f"UPDATE receipts SET created_at = created_at {older}, until = until {older}", [seconds, seconds]
            )


@pytest.fixture
def memory_room() -> MemoryRoom:
    """An empty database in memory."""
    database = memory.Database(CountingIds(), MemoryDoorbell())
    return MemoryRoom(database.begin, database.time)


@pytest.fixture(scope="module")
def module_dsn(postgres_server: str) -> Iterator[str]:
    """A database for all tests of a module."""
    dsn = fresh(postgres_server)
    yield dsn
    drop(postgres_server, dsn)


@pytest.fixture
async def postgres_room(module_dsn: str) -> AsyncIterator[PostgresRoom]:
    """An empty database in PostgreSQL."""
    wipe(module_dsn)
    async with Database.open(module_dsn, RandomIds()) as database:
        yield PostgresRoom(database, make_conninfo(module_dsn))
