"""Conditions have one meaning: the pure evaluator, the stores and, where they narrow, the vector engines agree."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

from tests.postgres import quick_server
from tests.search import conditions
from tests.search.narrowing import Narrowed, both_engines
from videovector_adapters import memory
from videovector_adapters.memory.parts import CountingIds, MemoryDoorbell
from videovector_adapters.postgres import filters
from videovector_adapters.postgres.database import Database
from videovector_adapters.postgres.migrate import migrate
from videovector_core.app import Tx
from videovector_core.ports import Begin

PROMISE = (
    "filters: 2,000 random filters over 60 random documents give one answer, in one order, in every store, and every "
    "tenth of them narrows a search to it at both engines"
)
DOCUMENTS, FILTERS, NARROWED = 60, 2000, 10


async def trial(seed: int) -> str | None:
    """Compare the stores over one set of documents; return what differs, or nothing."""
    filters.FREQUENT = (1000, 5, 1)[seed % 3]  # type: ignore[misc]  # every way of the store takes its turn
    with quick_server() as dsn:
        await migrate(dsn)
        async with Database.open(dsn, CountingIds(), size=2) as database:
            return await _compared(database, Random(seed))


async def _compared(database: Database, random: Random) -> str | None:
    stores: list[Begin[Tx]] = [memory.Database(CountingIds(), MemoryDoorbell()).begin, database.begin]
    documents = [conditions.document(random) for _ in range(DOCUMENTS)]
    for begin in stores:
        await conditions.fill(begin, documents)
    with tempfile.TemporaryDirectory() as folder:
        async with both_engines(Path(folder)) as engines:
            searches = [Narrowed(stores[0], engine, len(documents)) for engine in engines]
            for search in searches:
                await search.fill()
            for number in range(FILTERS):
                asked = conditions.wanted(random)
                problem = await conditions.differences(stores, asked, len(documents))
                if number % NARROWED == 0:
                    few = random.choice((5, 1000))
                    problem = problem or next(
                        filter(None, [await one.differs(asked, few=few) for one in searches]), None
                    )
                if problem is not None:
                    return problem
    return None
