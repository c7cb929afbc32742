"""What a store of exports and one of standing orders promise."""

from __future__ import annotations

import asyncio
from typing import Any

from attrs import evolve

from videovector_core.automations.model import Cycle, CycleStatus, Order, OrderKind, Window
from videovector_core.exports.model import Export, ExportStatus, ExportType, Format, Part, Place, ResultScope
from videovector_core.testing.stores_room import OTHER, USER, Room, at

IMPORT, EXPORT = OrderKind.IMPORT, OrderKind.EXPORT


def export(name: str = "exp_1", /, *, user_id: str = USER, second: float = 0, **more: Any) -> Export:
    """Make an export of a run."""
    return Export(name, user_id, ExportType.PROMPT_RUN, "run_1", at(second), **more)


def order(index_id: str = "idx_1", kind: OrderKind = IMPORT, /, *, user_id: str = USER, **more: Any) -> Order:
    """Make a standing order."""
    settings = {"source_prefix": "in/", "debounce_interval": "5m", "prompt": {"b": 1, "a": [2]}}
    return Order(index_id, kind, user_id, more.pop("connector_id", "conn_1"), settings, at(0), at(0), **more)


class ExportContract:
    """Exports are their tenant's, and their parts are in order."""

    async def test_an_export_is_kept_whole(self, room: Room) -> None:
        """Every field comes back as it was, after adding and after saving; another tenant sees nothing."""
        full = export(
            format=Format.CSV,
            result_scope=ResultScope.MATCHES,
            chosen_runs=["run_1"],
            destination_connector_id="conn_1",
            destination_base_path="a",
            destination_subpath="b",
            automated=True,
            available_at=at(1),
        )
        begun = evolve(
            full.begun(2, at(3)), run_ids=["run_1", "run_2"], place=Place(run=1, opened=True, video_id="vid_1"), parts=3
        )
        async with room.begin() as tx:
            assert await tx.exports.add(full)
            assert not await tx.exports.add(full)
            assert await tx.exports.get(USER, "exp_1") == full
            await tx.exports.save(begun)
        async with room.begin() as tx:
            assert await tx.exports.get(USER, "exp_1") == begun
            assert await tx.exports.get(OTHER, "exp_1") is None

    async def test_lists_are_newest_first(self, room: Room) -> None:
        """A list holds the tenant's newest exports."""
        async with room.begin() as tx:
            for n in range(4):
                await tx.exports.add(export(f"exp_{n}", second=n))
            await tx.exports.add(export("exp_o", user_id=OTHER, second=9))
        async with room.begin() as tx:
            assert [one.export_id for one in await tx.exports.page(USER, limit=3)] == ["exp_3", "exp_2", "exp_1"]

    async def test_what_stands_on_files_and_connectors(self, room: Room) -> None:
        """A file is held by who completed with it, a connector by who has not ended."""
        open_, done = export("exp_1", destination_connector_id="conn_1"), export("exp_2").begun(1, at(1))
        failed = export("exp_3", destination_connector_id="conn_1").failed("no", at(2), tried_out=False)
        async with room.begin() as tx:
            for one in (open_, done.completed(at(2), uri="gs://a/b", size=5, sha256="s"), failed):
                await tx.exports.add(one)
        async with room.begin() as tx:
            assert await tx.exports.using("conn_1") == ["exp_1"]
            assert await tx.exports.refers("s")
            found = await tx.exports.get(USER, "exp_2")
            assert found is not None
            assert (found.status, found.file_size_bytes) == (ExportStatus.COMPLETED, 5)
            await tx.exports.save(found.expired(at(3)))
            assert not await tx.exports.refers("s")

    async def test_parts_are_in_order(self, room: Room) -> None:
        """Parts come by number; one that is kept again takes the place of the one before; all go at once."""
        parts = [Part("exp_1", n, f"sha{n}", n) for n in (2, 0, 1)]
        async with room.begin() as tx:
            for part in [*parts, Part("exp_2", 0, "other", 1), Part("exp_1", 1, "again", 9)]:
                await tx.exports.add_part(part)
        async with room.begin() as tx:
            assert [one.sha256 for one in await tx.exports.parts("exp_1")] == ["sha0", "again", "sha2"]
            await tx.exports.drop_parts("exp_1")
            assert not await tx.exports.parts("exp_1")
            assert len(await tx.exports.parts("exp_2")) == 1


class OrderContract:
    """An index has one order of each kind, and a history."""

    async def test_an_order_is_kept_whole(self, room: Room) -> None:
        """Every field comes back as it was; putting it again replaces it; the two kinds are apart."""
        full = order(cycle_id="cycle_1", last_job_id="job_1", consecutive_failures=2, last_error="no").with_window(
            Window(at(1), at(2), "mark")
        )
        async with room.begin() as tx:
            await tx.orders.put(order())
            await tx.orders.put(full)
            await tx.orders.put(order("idx_1", EXPORT, paused=True))
        async with room.begin() as tx:
            assert await tx.orders.get("idx_1", IMPORT, lock=True) == full
            assert await tx.orders.get("idx_1", EXPORT) == order("idx_1", EXPORT, paused=True)
            await tx.orders.remove("idx_1", IMPORT)
            assert await tx.orders.get("idx_1", IMPORT) is None
            assert await tx.orders.get("idx_1", EXPORT) is not None

    async def test_orders_of_a_tenant(self, room: Room) -> None:
        """Orders are listed by tenant and kind; those that are enabled hold their connector, paused or not."""
        async with room.begin() as tx:
            for one in (
                order("idx_1"),
                order("idx_2", connector_id="conn_2"),
                order("idx_3", user_id=OTHER),
                order("idx_1", EXPORT, paused=True),
                order("idx_4", EXPORT, enabled=False),
            ):
                await tx.orders.put(one)
        async with room.begin() as tx:
            assert [one.index_id for one in await tx.orders.all(USER, IMPORT)] == ["idx_1", "idx_2"]
            using = [(one.index_id, one.kind) for one in await tx.orders.using(USER, "conn_1")]
            assert sorted(using) == [("idx_1", EXPORT), ("idx_1", IMPORT)]

    async def test_those_that_decide_over_the_orders_of_a_tenant_take_turns(self, room: Room) -> None:
        """Whoever holds a tenant's orders has committed before the next one that wants to hold them looks at them."""
        found: list[Order] = []

        async def second() -> None:
            async with room.begin() as tx:
                await tx.orders.hold(USER)
                found.extend(await tx.orders.all(USER, IMPORT))

        async with room.begin() as tx:
            await tx.orders.hold(USER)
            waiting = asyncio.create_task(second())
            await asyncio.sleep(0.1)
            await tx.orders.put(order())
        await waiting
        assert found == [order()]

    async def test_history(self, room: Room) -> None:
        """Cycles are found by id and by export, change in place, and are listed newest first by keyset."""
        made = [Cycle(f"cycle_{n}", "idx_1", EXPORT, USER, at(n), export_id=f"exp_{n}") for n in range(3)]
        other = Cycle("cycle_9", "idx_1", IMPORT, USER, at(9))
        ended = made[1].ended(at(8), error="no")
        async with room.begin() as tx:
            for one in [*made, other, ended]:
                await tx.orders.put_cycle(one)
        async with room.begin() as tx:
            assert await tx.orders.cycle("cycle_1") == ended
            assert await tx.orders.cycle_of("exp_2") == made[2]
            assert await tx.orders.cycle_of("exp_9") is None
            first = await tx.orders.cycles("idx_1", EXPORT, limit=2, after=None)
            assert first == [made[2], ended]
            assert first[1].status is CycleStatus.FAILED
            after = (first[-1].started_at.isoformat(), first[-1].cycle_id)
            assert await tx.orders.cycles("idx_1", EXPORT, limit=2, after=after) == [made[0]]
