"""Every vector engine keeps the promises of the port."""

from __future__ import annotations

import tempfile
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
    async def vectors(self) -> AsyncIterator[VectorIndex]:
        # in memory where the system can: these tests are about answers, not about disks
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
            server, client = EdgeServer(Path(folder) / "v", Path(folder) / "s"), EdgeVectors(Path(folder) / "s")
            await server.start()
            yield client
            await client.close()
            await server.stop()
