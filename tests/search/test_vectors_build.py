"""Build aside and swap: queries and writes go on, and nothing is lost, brought back or invented."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from array import array
from collections.abc import AsyncIterator
from contextlib import closing
from functools import cache
from pathlib import Path
from unittest import mock

import pytest
from attrs import evolve

from tests.search.embedded import Served
from videovector_adapters.memory.vectors import MemoryVectors
from videovector_adapters.qdrant import parts
from videovector_adapters.qdrant.client import _packed
from videovector_adapters.qdrant.edge import EdgeServer, EdgeVectors
from videovector_adapters.qdrant.layout import TENANT
from videovector_adapters.qdrant.parts import Part, Query
from videovector_adapters.qdrant.store import Store
from videovector_core.errors import Invalid, Unavailable
from videovector_core.models.ports import Vector
from videovector_core.testing.vectors import mine, named, point, unit
from videovector_core.vectors.lexical import document_weights, query_weights
from videovector_core.vectors.ports import Point

pytestmark = pytest.mark.real

WIDE = 1024
"""Dimensions: 3,000 such vectors are just enough for the engine to build an index."""


def wide(number: int, version: int = 1) -> Point:
    """Make a point near one of 20 directions, with a text."""
    noise = random.Random(f"{number} {version}")
    values = [value + 0.5 * noise.random() for value in direction(number % 20)]
    whole = point(f"wide {number}", version=version)
    return evolve(whole, dense={"wide": unit(*values)}, sparse=document_weights(f"number {number} v{version}"))


@cache
def direction(number: int) -> list[float]:
    source = random.Random(number)
    return [source.gauss(0, 1) for _ in range(WIDE)]


def query(number: int) -> Vector:
    return array("f", wide(number).dense["wide"])


async def same(edge: EdgeVectors, memory: MemoryVectors, *numbers: int) -> None:
    """Compare an engine with the model: ids, exact searches, lexical searches."""
    assert await edge.versions(limit=10_000) == await memory.versions(limit=10_000)
    for number in numbers:
        near = await edge.nearest("wide", query(number), within=mine(), top_k=10, exact=True)
        assert near == await memory.nearest("wide", query(number), within=mine(), top_k=10)
        terms = query_weights(f"number {number}")
        one, other = [await engine.lexical(terms, within=mine(), top_k=5) for engine in (edge, memory)]
        assert [hit.point for hit in one] == [hit.point for hit in other]
        assert [hit.score for hit in one] == pytest.approx([hit.score for hit in other], abs=1e-4)


async def recall(edge: EdgeVectors) -> float:
    """Return the share of the 10 nearest that are found, over 20 queries, each in the midst of about 150 near points."""
    found = 0
    for number in range(20):
        near, exact = [
            {hit.point.id for hit in await edge.nearest("wide", query(number), within=mine(), top_k=10, exact=exact)}
            for exact in (False, True)
        ]
        found += len(near & exact)
    return found / 200


async def both(edge: EdgeVectors, memory: MemoryVectors, points: list[Point], gone: list[str]) -> None:
    """Write to the engine and to the model."""
    for one in (edge, memory):
        await one.upsert(points)
        await one.delete(gone)


async def test_queries_and_writes_go_on_while_indexes_are_built(served: Served) -> None:
    """After building, every write of before and meanwhile is there, the vectors are indexed, and answers stay right."""
    server, edge = served
    memory = MemoryVectors()
    await both(edge, memory, [wide(number) for number in range(3000)], [])
    building = asyncio.create_task(server.optimize())
    turn = 0
    while not building.done():
        turn += 1
        fresh = [wide(3000 + turn), wide(turn, version=2)]
        await both(edge, memory, fresh, [named(f"wide {100 + turn}")])
        (found, *_) = await edge.nearest("wide", fresh[0].dense["wide"], within=mine(), top_k=1)
        assert found.point.id == fresh[0].id
    await building
    assert turn > 1
    status = (await edge.status())["parts"]["wide"]
    assert status["indexed"] >= 3000
    await same(edge, memory, 1, 2, 2500)
    assert await recall(edge) >= 0.98
    await server.stop()
    await server.start()
    await same(edge, memory, 3)
    assert len(list(server.directory.glob("store.*"))) == 1
    assert server.restarts == 0


def written(store: Store, numbers: range, version: int = 1) -> list[str]:
    """Write points to a store; return their ids."""
    points = [_packed(wide(number, version)) for number in numbers]
    store.admit(points)
    for start in range(0, len(points), 1000):
        store.upsert(points[start : start + 1000])
    return [one[0] for one in points]


def found_again(part: Part, version: int) -> float:
    """Return the share of the 10 nearest that are found, as `recall` does."""
    found = 0
    for number in range(20):
        vector = list(wide(number, version).dense["wide"])
        asked = [Query(vector, {TENANT: ["user_a"]}, 10, exact=exact) for exact in (False, True)]
        near, exact = [{one for one, _, _ in hits} for hits in part.search(asked)]
        found += len(near & exact)
    return found / 200


async def test_many_vectors_are_laid_out_in_several_graphs(tmp_path: Path) -> None:
    """All that was there is there afterwards, in the directory and to searches, and nothing is laid out twice."""
    with mock.patch.object(parts, "_GRAPH", 3000), closing(Store.open(tmp_path / "store")) as store:
        ids = written(store, range(8000))
        store.delete(ids[100:200])
        bare = store.parts["wide"]
        told = {one: (record.payload, record.vector) for one, record in bare.read(ids).items()}
        store.optimize()
        part = store.parts["wide"]
        assert part is not bare
        assert not bare.directory.exists()
        assert (part.count(), part.indexed()) == (7900, 7900)
        assert part.shard.info().segments_count == 3  # two graphs, and one that takes what is new
        store.optimize()
        assert store.parts["wide"] is part
    with closing(Store.open(tmp_path / "store")) as store:
        part = store.parts["wide"]
        assert {one: (record.payload, record.vector) for one, record in part.read(ids).items()} == told
        assert found_again(part, 1) >= 0.98


async def test_graphs_follow_what_is_written_again_and_removed(tmp_path: Path) -> None:
    """Vectors that were all written again are no graph of their own beside dead ones, and an emptied space builds as well."""
    with mock.patch.object(parts, "_GRAPH", 3000), closing(Store.open(tmp_path / "store")) as store:
        ids = written(store, range(7000))
        store.optimize()
        assert store.parts["wide"].shard.info().segments_count == 3
        written(store, range(7000), version=2)
        store.optimize()
        part = store.parts["wide"]
        assert (part.count(), part.indexed(), part.shard.info().segments_count) == (7000, 7000, 3)
        assert found_again(part, 2) >= 0.98
        store.delete(ids)
        store.optimize()
        assert store.parts["wide"].count() == 0


async def test_a_rebuild_holds_what_it_was_given_and_what_changed_meanwhile(served: Served) -> None:
    """Old points that the source does not have are gone; a write or delete during the rebuild wins over the source."""
    server, edge = served
    memory = MemoryVectors()
    await edge.upsert([wide(number) for number in range(40)])

    async def source() -> AsyncIterator[Point]:
        for number in range(20, 60):
            if number == 50:
                await edge.upsert([wide(20, version=2), wide(99)])
                await edge.delete([named("wide 21"), named("wide 55")])
            yield wide(number)

    await server.rebuild(source())
    expected = [wide(number) for number in range(22, 60) if number != 55]
    await memory.upsert([*expected, wide(20, version=2), wide(99)])
    await same(edge, memory, 20, 21, 55, 99)
    await both(edge, memory, [wide(100)], [named("wide 30")])
    await same(edge, memory, 30, 100)


async def test_a_build_that_fails_changes_nothing(served: Served) -> None:
    """When the source fails, or the engine is killed meanwhile, the engine goes on with what it had, and can build again."""
    server, edge = served
    memory = MemoryVectors()
    await both(edge, memory, [wide(number) for number in range(30)], [])

    async def broken() -> AsyncIterator[Point]:
        yield wide(1)
        raise ValueError("the source broke")

    with pytest.raises(ValueError, match="broke"):
        await server.rebuild(broken())

    async def deadly() -> AsyncIterator[Point]:
        yield wide(1)
        assert server.pid  # 0 would be everything in the group of the tests
        os.kill(server.pid, signal.SIGKILL)
        yield wide(2)

    with pytest.raises((Unavailable, Invalid)):
        await server.rebuild(deadly())
    async with asyncio.timeout(60):
        while True:
            try:
                await same(edge, memory, 1, 2)
                break
            except Unavailable:
                await asyncio.sleep(0.02)
    await server.optimize()
    await both(edge, memory, [wide(31)], [named("wide 3")])
    await same(edge, memory, 3, 31)


async def test_one_build_at_a_time(served: Served) -> None:
    """A second build is refused and does not disturb the first."""
    server, edge = served
    await edge.upsert([wide(1)])

    async def slow() -> AsyncIterator[Point]:
        yield wide(2)
        with pytest.raises(Invalid, match="under way"):
            await server.optimize()
        yield wide(3)

    await server.rebuild(slow())
    assert sorted(one for one, _ in await edge.versions()) == sorted([named("wide 2"), named("wide 3")])


class Counted(EdgeServer):
    """A server that counts how often it has looked whether to index, and how often it began to."""

    looks = 0
    builds = 0

    async def optimize(self) -> None:
        self.builds += 1
        await super().optimize()

    async def _index(self, client: EdgeVectors, least: int) -> None:
        await super()._index(client, least)
        self.looks += 1

    async def looked(self, times: int) -> None:
        while self.looks < times:
            await asyncio.sleep(0.02)


async def test_a_server_has_its_vectors_indexed_by_itself(tmp_path: Path) -> None:
    """When enough vectors have come they are indexed, once; a server that is stopped meanwhile stops."""
    server = Counted(tmp_path / "v", tmp_path / "s", optimize_after=3000, look_seconds=0.1)
    edge = EdgeVectors(tmp_path / "s")
    await server.start()
    await edge.upsert([wide(number) for number in range(3000)])
    first = server.pid
    async with asyncio.timeout(120):
        while (await edge.indexing())["wide"].indexed < 3000:
            await asyncio.sleep(0.1)
    swapped = server.pid
    assert swapped != first
    await edge.upsert([wide(number, version=2) for number in range(10)])
    built = server.builds
    async with asyncio.timeout(60):
        await server.looked(server.looks + 2)  # the look that is under way, and a whole one
    assert (server.pid, server.builds) == (swapped, built)
    await edge.upsert([wide(number) for number in range(3000, 6100)])
    async with asyncio.timeout(60):
        while server.builds == built:
            await asyncio.sleep(0.02)
    await edge.close()
    await server.stop()
    await server.start()
    assert await edge.count() == 6100
    await edge.close()
    await server.stop()
