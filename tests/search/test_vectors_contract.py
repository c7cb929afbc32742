"""Every vector engine keeps the promises of the port."""

from __future__ import annotations

import pytest

from videovector_adapters.memory.vectors import MemoryVectors
from videovector_core.search.ports import VectorIndex
from videovector_core.testing.vectors import VectorIndexContract


class TestMemory(VectorIndexContract):
    """The exact engine in memory."""

    @pytest.fixture
    def vectors(self) -> VectorIndex:
        return MemoryVectors()
