"""What the tests of media share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from videovector_adapters.av import AvReader


@pytest.fixture
async def reader() -> AsyncIterator[AvReader]:
    """Decode in a child process, which may take its time on a busy machine."""
    found = AvReader(patience=30)
    yield found
    await found.close()
