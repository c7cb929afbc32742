"""What the tests of SQL search share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.sqlsearch import served
from tests.sqlsearch import world as worlds
from videovector_adapters.duckdb.sandbox import DuckdbSandbox


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> worlds.World:
    """Two tenants' files; the catalogue is of one of them."""
    return asyncio.run(worlds.build(tmp_path_factory.mktemp("sql")))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[DuckdbSandbox]:
    """The box, its processes and all."""
    box = DuckdbSandbox(spare=1)
    yield box
    await box.close()


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(engine: DuckdbSandbox) -> AsyncIterator[served.World]:
    """An application with a finished run, of one's own."""
    async with served.built(engine) as one:
        yield one
