"""What the tests of search share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.search.embedded import Served, running


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """An embedded engine, and a client of it."""
    async with running() as both:
        yield both
