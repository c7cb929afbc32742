"""Every vector engine keeps the promises of the port."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from tests.search.embedded import Served
from videovector_adapters.memory.vectors import MemoryVectors
from videovector_adapters.qdrant.server import QdrantVectors, connect
from videovector_core.testing.vectors import VectorIndexContract
from videovector_core.vectors.ports import VectorIndex


class TestMemory(VectorIndexContract):
    """The exact engine in memory."""

    @pytest.fixture
    def vectors(self) -> VectorIndex:
        return MemoryVectors()


@pytest.mark.real
class TestEdge(VectorIndexContract):
    """The embedded engine in its own process."""

    @pytest.fixture
    def vectors(self, served: Served) -> VectorIndex:
        return served[1]


class TestServerInMemory(VectorIndexContract):
    """The adapter of the server over the client's own engine."""

    @pytest.fixture
    async def vectors(self) -> AsyncIterator[VectorIndex]:
        client = QdrantVectors(connect(":memory:"))
        yield client
        await client.close()


# No registry has a Qdrant server, so this suite is there for whoever names one; nothing is skipped without it.
if QDRANT_URL := os.environ.get("VIDEOVECTOR_TEST_QDRANT_URL"):

    @pytest.mark.real
    class TestServer(VectorIndexContract):
        """The adapter of the server over the server that VIDEOVECTOR_TEST_QDRANT_URL names."""

        @pytest.fixture
        async def vectors(self) -> AsyncIterator[VectorIndex]:
            client = QdrantVectors(connect(QDRANT_URL or ""), f"test-{uuid4().hex}")
            yield client
            for one in (await client.client.get_collections()).collections:
                if one.name.startswith(client.collection):
                    await client.client.delete_collection(one.name)
            await client.close()
