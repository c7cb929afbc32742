"""What the tests of SQL search share."""

from __future__ import annotations

import asyncio

import pytest

from tests.sqlsearch import world as worlds


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> worlds.World:
    """Two tenants' files; the catalogue is of one of them."""
    return asyncio.run(worlds.build(tmp_path_factory.mktemp("sql")))
