"""Ranked searches that conditions narrow, over the documents of `conditions`, at any engine."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from unittest import mock
from uuid import NAMESPACE_OID, uuid5

from attrs import evolve, frozen

from tests.search.world import Scripted
from videovector_adapters.memory.models import WordHashes
from videovector_adapters.qdrant.edge import EdgeServer, EdgeVectors
from videovector_adapters.qdrant.server import QdrantVectors, connect
from videovector_core.access.model import Caller
from videovector_core.app import Tx
from videovector_core.models.bundle import Models
from videovector_core.ports import Begin
from videovector_core.runs.model import RunStatus
from videovector_core.search import scoping
from videovector_core.search.filters import Filter
from videovector_core.search.matching import filter_document, matches
from videovector_core.search.service import Search, Where
from videovector_core.testing import stores_room as make
from videovector_core.vectors.ports import Point, PointKind, VectorIndex

QUESTION = "happy days"


@contextlib.asynccontextmanager
async def both_engines(folder: Path) -> AsyncIterator[list[VectorIndex]]:
    """Lend the embedded engine and the adapter of a server."""
    server, edge = EdgeServer(folder / "v", folder / "s", optimize_after=None), EdgeVectors(folder / "s")
    cluster = QdrantVectors(connect(":memory:"))
    await server.start()
    try:
        yield [edge, cluster]
    finally:
        await edge.close()
        await cluster.close()
        await server.stop()


@frozen
class Narrowed:
    """A search over `count` documents that were filled into the store behind `begin`."""

    begin: Begin[Tx]
    engine: VectorIndex
    count: int

    async def fill(self) -> None:
        """End the run, and tell the engine a vector of each document."""
        vectors = await WordHashes().embed([f"{QUESTION} {place}" for place in range(self.count)])
        async with self.begin() as tx:
            run = await tx.runs.get(make.USER, "run_1")
            assert run is not None
            await tx.runs.save(evolve(run, status=RunStatus.COMPLETED, completed_at=make.at(60)))
        await self.engine.upsert(
            [
                Point(
                    id=str(uuid5(NAMESPACE_OID, str(place))),
                    kind=PointKind.SEGMENT,
                    user_id=make.USER,
                    run_id="run_1",
                    video_id=f"vid_{1 + place % 2}",
                    segment_id=f"seg_{place:04d}",
                    dense={WordHashes().space: vector},
                )
                for place, vector in enumerate(vectors)
            ]
        )

    async def differs(self, asked: Filter, *, few: int) -> str | None:
        """Say what a search finds other than what the evaluator holds of; up to `few` results are named to the engine."""
        models = Models(Scripted(), Scripted(), WordHashes())
        async with self.begin() as tx:
            ids = [("run_1", f"seg_{place:04d}") for place in range(self.count)]
            rows = await tx.results.many(make.USER, ids)
        right = {row.segment_id for row in rows if matches(filter_document(row), asked)}
        # conditions on what no schema declares are refused at the door; here they are asked all the same
        with mock.patch.object(scoping, "check_against"), mock.patch.object(scoping, "FEW", few):
            search = Search(self.begin, self.engine, models)
            hits = await search.text(Caller(make.USER), QUESTION, Where(run_ids=("run_1",)), top_k=100, wanted=asked)
        found = {hit.result.segment_id for hit in hits if hit.result is not None}
        if found == right and len(hits) == len(right):
            return None
        return f"{type(self.engine).__name__} finds {sorted(found ^ right)} otherwise for {asked}"
