"""Transactions that join the one already open in the same task.

The public surface opens a transaction around a keyed write, so that a use case, which opens its own, commits together
with the receipt of the request.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from attrs import frozen

from videovector_core.ports import Begin

Tx = TypeVar("Tx")

_open: ContextVar[tuple[object, asyncio.Task[Any] | None, Any] | None] = ContextVar("open transaction", default=None)


@frozen
class Joining(Generic[Tx]):
    """A `Begin` whose inner blocks are part of the outermost one; only that one commits or rolls back."""

    start: Begin[Tx]

    @contextlib.asynccontextmanager
    async def __call__(self, *, apart: bool = False) -> AsyncIterator[Tx]:
        """Join the transaction of this task, or start one. A task started inside does not inherit it."""
        current, task = _open.get(), asyncio.current_task()
        if current is not None and current[0] is self and current[1] is task:
            yield current[2]
            return
        if apart:  # nothing is kept together here, so there is nothing that an inner block could join
            async with self.start(apart=True) as tx:
                yield tx
            return
        async with self.start() as tx:
            token = _open.set((self, task, tx))
            try:
                yield tx
            finally:
                _open.reset(token)
