"""Every filter store gives the answer of the pure evaluator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from tests.postgres import drop, fresh, postgres_server
from tests.search import conditions
from tests.search.narrowing import Narrowed, both_engines
from videovector_adapters import memory
from videovector_adapters.memory.parts import CountingIds, MemoryDoorbell
from videovector_adapters.postgres.database import Database
from videovector_adapters.postgres.migrate import shipped
from videovector_core.app import Tx
from videovector_core.ports import Begin
from videovector_core.search.filling import FILL, Filling
from videovector_core.work import Engine, Kind

__all__ = ["postgres_server"]


@pytest.fixture
async def stores(postgres_server: str) -> AsyncIterator[list[Begin[Tx]]]:
    """A store in memory and one in PostgreSQL, both empty."""
    dsn = fresh(postgres_server)
    try:
        async with Database.open(dsn, CountingIds(), size=2) as database:
            yield [memory.Database(CountingIds(), MemoryDoorbell()).begin, database.begin]
    finally:
        drop(postgres_server, dsn)


@pytest.mark.real
@pytest.mark.parametrize(("seed", "frequent"), [(0, 1000), (1, 1), (2, 5), (3, 0)])
async def test_stores_answer_like_the_evaluator(
    stores: list[Begin[Tx]], seed: int, frequent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random conditions over random documents hold of the same results everywhere, page after page in one order.

    From how many values on PostgreSQL walks along an index instead of collecting makes no difference.
    """
    monkeypatch.setattr("videovector_adapters.postgres.filters.FREQUENT", frequent)
    random = Random(seed)
    documents = [conditions.document(random) for _ in range(60)]
    for begin in stores:
        await conditions.fill(begin, documents)
    for _ in range(100):
        problem = await conditions.differences(stores, conditions.wanted(random), len(documents))
        assert problem is None


@pytest.mark.real
@pytest.mark.parametrize("few", [1000, 5])
async def test_engines_narrow_to_what_the_evaluator_says(tmp_path: Path, few: int) -> None:
    """A ranked search with random conditions finds what they hold of and nothing else, at both engines of Qdrant.

    Whether the engine is told the results or they are sifted afterwards makes no difference.
    """
    random = Random(few)
    documents = [conditions.document(random) for _ in range(40)]
    begin = memory.Database(CountingIds(), MemoryDoorbell()).begin
    await conditions.fill(begin, documents)
    async with both_engines(tmp_path) as engines:
        searches = [Narrowed(begin, engine, len(documents)) for engine in engines]
        for search in searches:
            await search.fill()
        for _ in range(40):
            asked = conditions.wanted(random)
            assert [await search.differs(asked, few=few) for search in searches] == [None, None]


@pytest.mark.real
async def test_results_of_before_are_found_too(stores: list[Begin[Tx]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The migration leaves work behind where results are unknown to filters; once it is done every answer is right."""
    monkeypatch.setattr("videovector_core.search.filling.PAGE", 7)
    random = Random(5)
    documents = [conditions.document(random) for _ in range(30)]
    for begin in stores:
        await conditions.fill(begin, documents)
    migration = next(one for one in shipped() if one.number == 15).sql
    begin = stores[1]
    async with begin() as tx:
        connection = tx.filters.db.connection  # type: ignore[attr-defined]  # the store in PostgreSQL
        for statement in (migration, "DELETE FROM filter_values", "DELETE FROM filter_rows", migration, migration):
            await connection.execute(statement)
    engine = Engine(begin, {FILL: Kind(FILL, Filling().fill)}, MemoryDoorbell())
    assert await engine.claim_once() == 1
    async with asyncio.timeout(30):
        while not engine.idle:
            await asyncio.sleep(0.01)
    assert await engine.claim_once() == 0
    async with begin() as tx:
        assert not await tx.filters.lacking(after=("", ""), limit=10)
    for _ in range(50):
        assert await conditions.differences(stores, conditions.wanted(random), len(documents)) is None
