"""The reader over FFmpeg and Pillow keeps the promises of the port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from videovector_adapters.av import AvReader
from videovector_core.testing.media import MediaReaderContract


class TestAvReader(MediaReaderContract):
    """Decoding in a child process."""

    @pytest.fixture
    async def reader(self) -> AsyncIterator[AvReader]:
        found = AvReader(patience=30)
        yield found
        await found.close()
