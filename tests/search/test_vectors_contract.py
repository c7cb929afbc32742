"""Every vector engine keeps the promises of the port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from videovector_adapters.memory.vectors import MemoryVectors
from videovector_adapters.qdrant.edge import EdgeServer, EdgeVectors
from videovector_core.search.ports import VectorIndex
from videovector_core.testing.vectors import VectorIndexContract


class TestMemory(VectorIndexContract):
    """The exact engine in memory."""

    @pytest.fixture
    def vectors(self) -> VectorIndex:
        return MemoryVectors()


@pytest.mark.real
class TestEdge(VectorIndexContract):
    """The embedded engine in its own process."""

    @pytest.fixture
    async def vectors(self, tmp_path: Path) -> AsyncIterator[VectorIndex]:
        server = EdgeServer(tmp_path / "vectors", tmp_path / "v.sock")
        await server.start()
        client = EdgeVectors(tmp_path / "v.sock")
        yield client
        await client.close()
        await server.stop()
