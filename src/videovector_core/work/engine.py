"""The engine: claims work, runs it, and rescues what was left behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping
from typing import Generic

from attrs import define, evolve, field, frozen

from videovector_core.errors import ProcessingFailed, Unavailable, VideoVectorError
from videovector_core.ports import Begin, Doorbell
from videovector_core.work.lease import Kind, Lease, LeaseLost, Tx, as_failure
from videovector_core.work.model import DOORBELL, WORKER_LOST, WorkItem
from videovector_core.work.turns import ALONE_SECONDS, Turns

log = logging.getLogger(__name__)


@frozen
class Pace:
    """Times of the engine, in seconds."""

    lease: float = 30.0
    renew: float = 10.0
    sweep: float = 10.0
    poll: float = 1.0

    @classmethod
    def for_lease(cls, seconds: float) -> Pace:
        """Derive the other times from the length of a lease: renewed and swept three times within it."""
        return cls(lease=seconds, renew=seconds / 3, sweep=seconds / 3, poll=min(1.0, seconds / 3))


@define
class Engine(Generic[Tx]):
    """Claims work, runs it, renews what shows progress, and rescues what was left behind."""

    begin: Begin[Tx]
    kinds: Mapping[str, Kind[Tx]]
    doorbell: Doorbell
    pace: Pace = Pace()
    jitter: random.Random = field(factory=random.Random)
    _running: dict[asyncio.Task[None], str] = field(factory=dict, init=False)
    _slot_free: asyncio.Event = field(factory=asyncio.Event, init=False)
    _turns: Turns = field(factory=Turns, init=False)

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Work until `stop` is set, then put back what is unfinished."""
        stop = stop or asyncio.Event()
        loops = [asyncio.create_task(self._claiming()), asyncio.create_task(self._sweeping())]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([*loops, stopping], return_when=asyncio.FIRST_COMPLETED)
            for loop in loops:
                if loop.done():
                    loop.result()
        finally:
            tasks = [stopping, *loops, *self._running]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def claim_once(self) -> int:
        """Claim what there is room for and start it; return how many items were started."""
        if self._turns.closed:
            return 0
        busy = list(self._running.values())
        wanted = {name: kind.concurrency - busy.count(name) for name, kind in self.kinds.items()}
        wanted = {name: room for name, room in wanted.items() if room > 0}
        if not wanted:
            return 0
        async with self.begin() as tx:
            items = await tx.work.claim(wanted, seconds=self.pace.lease)
        for item in items:
            task = asyncio.create_task(self._work(item), name=f"{item.kind} {item.key}")
            self._running[task] = item.kind
            task.add_done_callback(self._done)
        return len(items)

    async def sweep_once(self, limit: int = 100) -> int:
        """Requeue expired items, or give them up when their attempts are used; return how many there were."""
        async with self.begin() as tx:
            items = await tx.work.expired(limit)
            for item in items:
                if item.last_attempt:
                    lost = ProcessingFailed(
                        f"The worker died in each of {item.attempt} attempts.", code="worker_lost", transient=True
                    )
                    await self._give_up(tx, item, lost)
                else:
                    await tx.work.retry(item, seconds=0, error=WORKER_LOST)
        return len(items)

    @property
    def idle(self) -> bool:
        """Whether nothing is running here."""
        return not self._running

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._slot_free.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("work failed outside its handler", exc_info=task.exception())

    async def _claiming(self) -> None:
        while True:
            self._slot_free.clear()  # before claiming, so that what ends meanwhile is not waited for
            try:
                started = await self.claim_once()
            except Exception:
                log.exception("claiming work failed; trying again")
                started = 0
                await asyncio.sleep(self.pace.poll)
            if not started:
                await self._wait()

    async def _wait(self) -> None:
        waits = [
            asyncio.create_task(self.doorbell.wait(DOORBELL, self.pace.poll)),
            asyncio.create_task(self._slot_free.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _sweeping(self) -> None:
        while True:
            try:
                while await self.sweep_once() >= 100:
                    pass
            except Exception:
                log.exception("sweeping failed; trying again")
            await asyncio.sleep(self.pace.sweep)

    async def _work(self, item: WorkItem) -> None:
        kind = self.kinds[item.kind]
        loop = asyncio.get_running_loop()
        lease = Lease(item, self.begin, loop.time() + kind.promise_seconds, self.pace.lease)
        handler = asyncio.ensure_future(self._in_turn(kind, item, lease))
        renewing = asyncio.create_task(self._renewing(lease, handler))
        try:
            await handler
            if not lease.settled:
                async with lease.commit():
                    pass
        except LeaseLost:
            log.warning("%s %s was done elsewhere; the result here is dropped", item.kind, item.key)
        except asyncio.CancelledError:
            handler.cancel()
            await asyncio.gather(handler, return_exceptions=True)
            if not renewing.done() and not lease.settled:
                await self._put_back(lease)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failure of its item
            await self._failed(lease, error)
        finally:
            renewing.cancel()

    async def _in_turn(self, kind: Kind[Tx], work: WorkItem, lease: Lease[Tx]) -> None:
        if self._turns.closed:
            # whoever is alone may be about to kill this process: nobody waits for it with an attempt in hand
            await lease.postpone(self.pace.poll)
        elif work.suspect:
            lease.progress(kind.promise_seconds + ALONE_SECONDS)
            async with self._turns.alone():
                await kind.handle(work, lease)
        else:
            async with self._turns.share():
                await kind.handle(work, lease)

    async def _renewing(self, lease: Lease[Tx], handler: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < lease.promised_until:
            await asyncio.sleep(self.pace.renew)
            try:
                async with self.begin() as tx:
                    held = await tx.work.renew(lease.item, seconds=self.pace.lease)
            except Exception:
                log.exception("renewing %s failed; trying again", lease.item.key)
                continue
            if not held:
                break
        # Whether the promise was broken or the lease is gone, the work here must stop before somebody else's begins.
        handler.cancel()

    async def _put_back(self, lease: Lease[Tx]) -> None:
        with contextlib.suppress(Exception):  # stopping: when this fails too, the lease runs out by itself
            async with self.begin() as tx:
                await tx.work.postpone(lease.item, seconds=0)

    async def _failed(self, lease: Lease[Tx], error: Exception) -> None:
        """Keep how an attempt failed; while the database is away, for as long as the lease may still be ours."""
        item = lease.item
        if not isinstance(error, VideoVectorError):
            log.error("%s %s met an unexpected error", item.kind, item.key, exc_info=error)
        loop = asyncio.get_running_loop()
        until = loop.time() + self.pace.lease
        while True:
            try:
                await self._keep_failure(item, error)
            except Exception:
                if loop.time() >= until:
                    log.exception("the failure of %s %s could not be kept; its lease will run out", item.kind, item.key)
                    return
                await asyncio.sleep(self.pace.poll)
            else:
                return

    async def _keep_failure(self, item: WorkItem, error: Exception) -> None:
        known = as_failure(error)
        async with self.begin() as tx:
            if _is_outage(error):
                await tx.work.postpone(item, seconds=self._delay(evolve(item, attempt=1), known))
            elif known.transient and not item.last_attempt:
                await tx.work.retry(item, seconds=self._delay(item, known), error=known.message)
            elif await tx.work.renew(item, seconds=self.pace.lease):
                await self._give_up(tx, item, known)

    async def _give_up(self, tx: Tx, item: WorkItem, error: ProcessingFailed) -> None:
        await tx.work.fail(item, error=error.message)
        give_up = self.kinds[item.kind].give_up if item.kind in self.kinds else None
        if give_up is not None:
            await give_up(tx, item, error)

    def _delay(self, item: WorkItem, error: ProcessingFailed) -> float:
        """Exponential backoff with full jitter (Brooker 2015), never sooner than the other side asked for."""
        spread = self.kinds[item.kind].retry_seconds * 2 ** (item.attempt - 1)
        return max(error.retry_after or 0.0, self.jitter.uniform(spread / 2, spread))


def _is_outage(error: Exception) -> bool:
    """Whether a house of ours was away (database, engine, blobs): that is waited for, and is not the item's failure."""
    return isinstance(error, Unavailable) and error.code == Unavailable.default_code
