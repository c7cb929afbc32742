"""Carrying out standing orders, as durable work.

    automation.tick       an import order: looks at its place, keeps a window for what arrived, and when that closes
                          makes an import job; when the job ends, starts the preset on what it made. Comes back by itself
    automation.export     a run has ended in an index that exports: makes an export of it
    automation.exported   an export of that kind has ended: keeps how it went

What a tick decides, and the next tick, commit together. A tick that dies leaves nothing behind and is done again.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from attrs import evolve, frozen

from videovector_core.access.model import Caller
from videovector_core.automations import debounce
from videovector_core.automations.model import Cycle, Order, OrderKind
from videovector_core.automations.ports import AutomationsTx, Importer, JobEnd, Starter
from videovector_core.automations.watching import tick
from videovector_core.errors import VideoVectorError
from videovector_core.exports.model import ExportStatus
from videovector_core.exports.service import Exports, Wanted
from videovector_core.ports import Begin, Clock, Ids
from videovector_core.work import Lease, NewWork, WorkItem

log = logging.getLogger(__name__)

FOLLOW_SECONDS: Final = 30.0
"""How often a job that is under way is looked at, besides when it says that it has ended."""
LISTING_SECONDS: Final = 600.0
"""How long listing a place may take before the tick is somebody else's."""
_AGAIN_SECONDS: Final = 30.0


@frozen
class Ticker:
    """The handlers of the work that is described above."""

    begin: Begin[AutomationsTx]
    clock: Clock
    ids: Ids
    importer: Importer
    starter: Starter
    exports: Exports

    async def tick(self, item: WorkItem, lease: Lease[AutomationsTx]) -> None:
        """Take an import order one step further, and come back for the next."""
        async with self.begin() as tx:
            order = await _standing(tx, item)
        if order is None:
            return
        lease.progress(LISTING_SECONDS)
        if order.cycle_id is not None:
            await self._follow(order, lease)
        elif order.active:
            await self._look(order, lease)

    async def export(self, item: WorkItem, lease: Lease[AutomationsTx]) -> None:
        """Make an export of a run that has ended."""
        async with lease.commit() as tx:
            order = await tx.orders.get(item.payload["index_id"], OrderKind.EXPORT, lock=True)
            if order is None or not order.active or order.user_id != item.user_id:
                return
            now = self.clock.now()
            cycle = self._cycle(order)
            cycle = evolve(cycle, run_id=item.payload["run_id"])
            try:
                wanted = Wanted(order.connector_id, order.settings.get("destination_subpath"), automated=True)
                export = await self.exports.of_run(Caller(order.user_id), item.payload["run_id"], wanted=wanted)
            except VideoVectorError as error:
                await tx.orders.put_cycle(cycle.ended(now, error=error.message))
                await tx.orders.put(evolve(order.failed(error.message, now), last_run_at=now))
                return
            await tx.orders.put_cycle(evolve(cycle, export_id=export.export_id))
            await tx.orders.put(evolve(order, last_run_at=now, last_export_id=export.export_id))

    async def exported(self, item: WorkItem, lease: Lease[AutomationsTx]) -> None:
        """Keep how an export went."""
        async with lease.commit() as tx:
            cycle = await tx.orders.cycle_of(item.key)
            export = await tx.exports.get(item.user_id, item.key)
            if cycle is None or export is None or not export.over or cycle.completed_at is not None:
                return
            now = self.clock.now()
            error = None if export.status is ExportStatus.COMPLETED else export.error_message or "The export failed."
            await tx.orders.put_cycle(cycle.ended(now, error=error))
            order = await tx.orders.get(cycle.index_id, OrderKind.EXPORT, lock=True)
            if order is not None and order.user_id == item.user_id:
                await tx.orders.put(order.failed(error, now) if error else order.succeeded())

    async def lost(self, tx: AutomationsTx, item: WorkItem, error: VideoVectorError) -> None:
        """Come back to work that was given up: an order stands until somebody ends it."""
        log.error("%s of %s failed: %s", item.kind, item.key, error.message)
        again = NewWork(item.kind, item.user_id, item.key, item.payload, _AGAIN_SECONDS, item.max_attempts)
        await tx.work.add([again])

    async def _look(self, order: Order, lease: Lease[AutomationsTx]) -> None:
        """See what is new; when its window closes, import it."""
        try:
            mark = await self.importer.unseen(order)
        except VideoVectorError as error:
            await self._unseen(order, error, lease)
            return
        async with lease.commit() as tx:
            current, now = await _unchanged(tx, order), self.clock.now()
            if current is None:
                return
            window = debounce.seen(current.window, mark, now)
            looked = evolve(current.with_window(window), last_check_at=now)
            if window is not None and now >= debounce.closes_at(window, current.interval):
                await self._fire(tx, looked)
            else:
                await _wait(tx, looked, debounce.next_look(window, now, current.interval) - now, self.clock)

    async def _unseen(self, order: Order, error: VideoVectorError, lease: Lease[AutomationsTx]) -> None:
        """Count a look that failed as a cycle that did."""
        async with lease.commit() as tx:
            current, now = await _unchanged(tx, order), self.clock.now()
            if current is None:
                return
            failed = evolve(current.failed(error.message, now), last_check_at=now)
            await tx.orders.put_cycle(self._cycle(order).ended(now, error=error.message))
            await _wait(tx, failed, debounce.next_look(None, now, current.interval) - now, self.clock)

    async def _fire(self, tx: AutomationsTx, order: Order) -> None:
        """Close the window and make an import job, in the transaction that is open."""
        now = self.clock.now()
        cycle = self._cycle(order)
        try:
            job_id = await self.importer.start(order)
        except VideoVectorError as error:
            await tx.orders.put_cycle(cycle.ended(now, error=error.message))
            failed = order.with_window(None).failed(error.message, now)
            await _wait(tx, failed, debounce.next_look(None, now, order.interval) - now, self.clock)
            return
        await tx.orders.put_cycle(evolve(cycle, job_id=job_id))
        fired = evolve(order.with_window(None), cycle_id=cycle.cycle_id, last_job_id=job_id, last_run_at=now)
        await _wait(tx, fired, timedelta(seconds=FOLLOW_SECONDS), self.clock)

    async def _follow(self, order: Order, lease: Lease[AutomationsTx]) -> None:
        """Wait for the job; when it has ended, start the preset on what it made."""
        end = await self.importer.ended(order, order.last_job_id or "")
        async with lease.commit() as tx:
            current = await tx.orders.get(order.index_id, OrderKind.IMPORT, lock=True)
            if current is None or current.cycle_id is None:
                return
            if end is None:
                await _wait(tx, current, timedelta(seconds=FOLLOW_SECONDS), self.clock)
            else:
                await self._conclude(tx, current, end)

    async def _conclude(self, tx: AutomationsTx, order: Order, end: JobEnd) -> None:
        now, run_id, error = self.clock.now(), None, end.error
        try:
            if end.video_ids:
                run_id = await self.starter.start(order, end.video_ids)
        except VideoVectorError as problem:
            error = problem.message
        cycle = await tx.orders.cycle(order.cycle_id or "")
        if cycle is not None:
            await tx.orders.put_cycle(cycle.ended(now, error=error, run_id=run_id))
        done = evolve(order, cycle_id=None, last_prompt_run_id=run_id or order.last_prompt_run_id)
        done = done.failed(error, now) if error else done.succeeded()
        await _wait(tx, done, timedelta(0), self.clock)

    def _cycle(self, order: Order) -> Cycle:
        return Cycle(self.ids.new("cycle"), order.index_id, order.kind, order.user_id, self.clock.now())


async def _standing(tx: AutomationsTx, item: WorkItem) -> Order | None:
    """Return the import order of an index; with the index, it goes."""
    order = await tx.orders.get(item.key, OrderKind.IMPORT)
    if order is None or order.user_id != item.user_id:
        return None
    if await tx.indexes.get(order.user_id, order.index_id) is None:
        await tx.orders.remove(order.index_id, OrderKind.IMPORT)
        await tx.orders.remove(order.index_id, OrderKind.EXPORT)
        return None
    return order


async def _unchanged(tx: AutomationsTx, order: Order) -> Order | None:
    """Return an order as it stands, unless it was changed while its place was looked at: that look is void."""
    current = await tx.orders.get(order.index_id, OrderKind.IMPORT, lock=True)
    if current is None or not current.active or current.cycle_id is not None:
        return None  # whoever changed it has asked for what comes next
    if current.updated_at != order.updated_at:
        await tx.work.add([tick(current)])
        return None
    return current


async def _wait(tx: AutomationsTx, order: Order, wait: timedelta, clock: Clock) -> None:
    """Keep the order, and the tick that is due next; one that rests has none but to see its cycle end."""
    await tx.orders.put(evolve(order, next_check_at=clock.now() + wait if order.active else None))
    if order.active or order.cycle_id is not None:
        await tx.work.add([tick(order, wait.total_seconds())])
