"""An event loop whose clock jumps to the next timer, and whose ready callbacks run in an order drawn from a seed."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Coroutine
from typing import Any


class _Idle(selectors.SelectSelector):
    """Waits for nothing: instead of sleeping, the clock of the loop is turned."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing is scheduled: the simulation is stuck")
        self.skipped += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes only while everything waits, so an hour takes as long as the work in it."""

    def __init__(self, seed: int) -> None:
        self.idle = _Idle()
        super().__init__(self.idle)
        self.random = random.Random(seed)

    def time(self) -> float:
        """Return virtual seconds since the start."""
        return self.idle.skipped

    def _run_once(self) -> None:
        queue: deque[Any] = self._ready  # type: ignore[attr-defined]  # asyncio's own queue, which no stub names
        if len(queue) > 1:
            ready = list(queue)
            self.random.shuffle(ready)
            queue.clear()
            queue.extend(ready)
        super()._run_once()  # type: ignore[misc]  # as above


def simulate(main: Coroutine[Any, Any, Any], seed: int) -> Any:
    """Run `main` in virtual time; everything that it left running is cancelled."""
    loop = VirtualLoop(seed)
    try:
        return loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(_all(left))
        loop.close()


async def _all(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
