"""What a store of the rows of runs as tables promises, in memory and in PostgreSQL."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.contracts.conftest import MemoryRoom, PostgresRoom, memory_room, module_dsn, postgres_room, postgres_server
from videovector_core.ports import Blob
from videovector_core.runs.model import Outcome, RunStatus
from videovector_core.testing import stores_room as make
from videovector_core.testing.stores_room import Room

__all__ = ["memory_room", "module_dsn", "postgres_room", "postgres_server"]
ONE, TWO = Blob("a" * 64, 10), Blob("b" * 64, 20)
DONE = Outcome.SUCCESSFUL


async def filled(room: Room) -> None:
    """Keep a run over two media items of two indexes and one of the playground, three segments each."""
    async with room.begin() as tx:
        places = {"vid_1": "idx_1", "vid_2": "idx_2", "vid_3": None}
        for video, index in places.items():
            await tx.media.add(make.medium(video, index_id=index))
        await tx.runs.add(
            make.run(status=RunStatus.COMPLETED),
            [make.run_medium(video=video, ordinal=n) for n, video in enumerate(places)],
        )
        rows = [make.result(ordinal=n, video=video, status=DONE) for video in places for n in range(3)]
        await tx.results.plan([*rows[:-1], evolve(rows[-1], status=Outcome.FAILED)])
        for video in places:
            await tx.results.save_video_result(make.video_result(video=video, status=DONE, completed_at=make.at(1)))


class TableContract:
    """Rows in order, versions that change with them, and files that belong to one version."""

    async def test_rows_come_in_order_by_pages(self, room: Room) -> None:
        """Successful rows come by media item and ordinal, by keyset; those of hidden media are left out and not counted."""
        await filled(room)
        async with room.begin() as tx:
            first = await tx.tables.results("run_1", limit=4)
            rest = await tx.tables.results("run_1", limit=100, after=(first[-1].video_id, first[-1].ordinal))
            assert [(row.video_id, row.ordinal) for row in first + rest] == [
                *(("vid_1", n) for n in range(3)),
                *(("vid_2", n) for n in range(3)),
                *(("vid_3", n) for n in range(2)),
            ]
            levels = await tx.tables.video_results("run_1", limit=2)
            levels += await tx.tables.video_results("run_1", limit=2, after=(levels[-1].video_id,))
            assert [row.video_id for row in levels] == ["vid_1", "vid_2", "vid_3"]
            assert await tx.tables.counts(["run_1", "run_2"]) == {"run_1": (8, 3), "run_2": (0, 0)}
            await tx.media.hide(make.USER, ["vid_1"])
            assert await tx.tables.counts(["run_1"]) == {"run_1": (5, 2)}
            assert [row.video_id for row in await tx.tables.results("run_1", limit=2)] == ["vid_2", "vid_2"]
            assert [row.video_id for row in await tx.tables.video_results("run_1", limit=9)] == ["vid_2", "vid_3"]

    async def test_every_change_is_another_version(self, room: Room) -> None:
        """A repair, a new media-level result and a deletion each give a version that was never there before."""
        await filled(room)
        seen = set()

        async def version() -> str:
            async with room.begin() as tx:
                state = (await tx.tables.states(["run_1"]))["run_1"]
            assert state.index_ids == (None, "idx_1", "idx_2")
            return state.version

        seen.add(await version())
        assert await version() in seen
        async with room.begin() as tx:
            await tx.calls.add_retry(make.retry())
        assert await version() in seen
        for step in ("repair", "result", "deletion", "deletion"):
            async with room.begin() as tx:
                if step == "repair":
                    await tx.calls.save_retry(make.retry(status="completed"))
                elif step == "result":
                    again = make.video_result(status=DONE, completed_at=make.at(1.000001))
                    await tx.results.save_video_result(again)
                else:
                    await tx.tables.changed(["run_1"])
            now = await version()
            assert now not in seen, step
            seen.add(now)

    async def test_a_file_belongs_to_one_version(self, room: Room) -> None:
        """A file is found under its version only; what it takes the place of is told, once no run stands on it."""
        await filled(room)
        async with room.begin() as tx:
            await tx.runs.add(make.run("run_2"), [])
            versions = {run_id: state.version for run_id, state in (await tx.tables.states(["run_1", "run_2"])).items()}
            assert await tx.tables.keep("run_1", "segment", versions["run_1"], ONE) == []
            assert await tx.tables.keep("run_2", "segment", versions["run_2"], ONE) == []
            assert await tx.tables.file("run_1", "segment", versions["run_1"]) == ONE
            assert await tx.tables.file("run_1", "video", versions["run_1"]) is None
            assert await tx.tables.file("run_1", "segment", "another") is None
        async with room.begin() as tx:
            assert await tx.tables.changed(["run_1"]) == []
            assert await tx.tables.file("run_1", "segment", versions["run_1"]) is None
            assert await tx.tables.refers(ONE.sha256)
            assert await tx.tables.changed(["run_2"]) == [ONE.sha256]
            assert not await tx.tables.refers(ONE.sha256)

    async def test_a_version_that_was_overtaken_is_not_kept(self, room: Room) -> None:
        """A file that was written while its run changed is handed back, so that no deleted row stays in one."""
        await filled(room)
        async with room.begin() as tx:
            old = (await tx.tables.states(["run_1"]))["run_1"].version
            await tx.tables.changed(["run_1"])
            new = (await tx.tables.states(["run_1"]))["run_1"].version
            assert await tx.tables.keep("run_1", "segment", old, ONE) == [ONE.sha256]
            assert await tx.tables.keep("run_1", "segment", new, ONE) == []
            assert await tx.tables.keep("run_1", "segment", new, ONE) == []
            assert await tx.tables.keep("run_1", "segment", new, TWO) == [ONE.sha256]
            await tx.tables.forget("run_1", "segment")
            assert await tx.tables.file("run_1", "segment", new) is None


class TestMemory(TableContract):
    """Tables in memory."""

    @pytest.fixture
    def room(self, memory_room: MemoryRoom) -> Room:
        return memory_room


@pytest.mark.real
class TestPostgres(TableContract):
    """The embedded PostgreSQL."""

    @pytest.fixture
    def room(self, postgres_room: PostgresRoom) -> Room:
        return postgres_room
