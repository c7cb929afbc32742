"""Files of runs are there before anybody asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Any

import pytest
from attrs import frozen

from tests.sqlsearch.served import World, built, kept
from videovector_adapters.duckdb.sandbox import DuckdbSandbox
from videovector_adapters.duckdb.tables import ParquetTables
from videovector_adapters.memory.parts import MemoryBlobs
from videovector_core.ports import Blob
from videovector_core.runs.tables import WRITE, is_written
from videovector_core.sqlsearch.model import Column
from videovector_core.work import WorkState

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]


@frozen
class Broken(ParquetTables):
    """Cannot write while it is told not to."""

    allowed: list[bool]

    async def write(self, columns: Sequence[Column], rows: AsyncIterable[Mapping[str, Any]]) -> Blob:
        if not self.allowed:
            raise ArithmeticError("the writer met what it cannot write")
        return await super().write(columns, rows)


async def written(world: World) -> bool:
    """Say whether the files of the world's run hold its results as they are."""
    async with world.api.vv.begin() as tx:
        run = await tx.runs.get(world.api.user_id, world.run)
        assert run is not None
        return await is_written(tx.tables, run)


async def test_a_finished_run_has_its_files(fresh: World) -> None:
    """A run is called ended when the files of its segments and of its media are there, so the first query writes none."""
    assert await written(fresh)
    before = kept(fresh)
    assert len(before) == 2
    assert await fresh.ask("SELECT count(*) AS n FROM segments") == [{"n": 4}]
    assert kept(fresh) == before


async def test_a_repair_has_its_files_again(fresh: World) -> None:
    """After a retry that repaired a segment the files are written again with nobody asking."""
    failed = (await fresh.api.client.get(f"/prompt-runs/{fresh.run}/failed-segments")).json()
    segment = failed["videos"][0]["segments"][0]["segment_id"]
    fresh.model.refuses.clear()
    answer = await fresh.api.client.post(f"/prompt-runs/{fresh.run}/videos/{fresh.videos[0]}/segments/{segment}/retry")
    assert answer.status_code == 202
    async with asyncio.timeout(30):
        while (await fresh.api.client.get(f"/prompt-runs/{fresh.run}")).json()["status"] != "completed":
            await asyncio.sleep(0.02)
        while not await written(fresh):
            await asyncio.sleep(0.02)
    before = kept(fresh)
    assert await fresh.ask("SELECT count(*) AS n FROM segments") == [{"n": 5}]
    assert kept(fresh) == before


async def test_a_run_ends_without_its_files(engine: DuckdbSandbox) -> None:
    """A run whose files cannot be written ends all the same, once the writing is given up; a query then writes them."""
    allowed: list[bool] = []

    def tables(blobs: MemoryBlobs) -> Broken:
        return Broken(blobs, allowed)

    async with built(engine, tables) as world:
        assert not await written(world)
        async with world.api.vv.begin() as tx:
            assert (await tx.work.counts())[WRITE, WorkState.FAILED] == 1
        allowed.append(True)
        assert await world.ask("SELECT count(*) AS n FROM segments") == [{"n": 4}]
