"""What a handler of work is given, and what it tells of itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from attrs import define, frozen

from videovector_core.errors import ProcessingFailed, VideoVectorError
from videovector_core.ports import Begin
from videovector_core.work.model import WorkItem, WorkTx

Tx = TypeVar("Tx", bound=WorkTx)
Tx_co = TypeVar("Tx_co", bound=WorkTx, covariant=True)


class LeaseLost(Exception):
    """The lease ran out and the item may be in other hands: what was done here is thrown away."""


@define
class Lease(Generic[Tx_co]):
    """The right to commit one item's result, for as long as there is progress.

    `progress(seconds)` says that the work is alive and promises a further sign within so many seconds. The engine
    renews only up to that promise, so work that hangs loses its lease.
    """

    item: WorkItem
    begin: Begin[Tx_co]
    promised_until: float
    seconds: float = 30.0
    """How long a lease is held without being renewed."""
    settled: bool = False

    def progress(self, seconds: float = 60.0) -> None:
        """Promise a further sign of life within `seconds`."""
        self.promised_until = max(self.promised_until, asyncio.get_running_loop().time() + seconds)

    @contextlib.asynccontextmanager
    async def commit(self) -> AsyncIterator[Tx_co]:
        """Open the transaction that keeps the result and finishes the item, or raise `LeaseLost` and keep nothing."""
        async with self.begin() as tx:
            if not await tx.work.finish(self.item):
                raise LeaseLost(self.item.key)
            yield tx
        self.settled = True

    @contextlib.asynccontextmanager
    async def step(self) -> AsyncIterator[Tx_co]:
        """Open a transaction for a part of the result; the item goes on. `LeaseLost` when it is in other hands."""
        async with self.begin() as tx:
            if not await tx.work.renew(self.item, seconds=self.seconds):
                raise LeaseLost(self.item.key)
            yield tx

    async def postpone(self, seconds: float) -> None:
        """Put the item back for later, without counting the attempt."""
        async with self.begin() as tx:
            if not await tx.work.postpone(self.item, seconds=seconds):
                raise LeaseLost(self.item.key)
        self.settled = True


@frozen
class Kind(Generic[Tx]):
    """A kind of work: who does it, who is told when it is given up, and how much of it runs at once in one process.

    `give_up` runs in the transaction that marks the item as failed.
    """

    name: str
    handle: Callable[[WorkItem, Lease[Tx]], Awaitable[None]]
    give_up: Callable[[Tx, WorkItem, VideoVectorError], Awaitable[None]] | None = None
    concurrency: int = 4
    retry_seconds: float = 2.0
    promise_seconds: float = 120.0


def as_failure(error: Exception) -> ProcessingFailed:
    """See any error as a failure class: what we refuse stays refused, what we did not foresee may pass by itself."""
    if isinstance(error, ProcessingFailed):
        return error
    if isinstance(error, VideoVectorError):
        transient = error.code == "service_unavailable"
        return ProcessingFailed(error.message, code=error.code, transient=transient, details=error.details)
    return ProcessingFailed(f"An unexpected error: {type(error).__name__}.", code="internal", transient=True)
