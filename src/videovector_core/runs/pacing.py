"""How fast models are asked.

The number of calls at the same time adapts to the endpoint: it grows by one for each round of answers and is halved
when the endpoint says that it is asked too often (additive increase, multiplicative decrease: Chiu and Jain 1989). After
a `Retry-After` nobody asks until it is over. Concurrency is counted in each process by itself, since a process learns
from its own answers at once; requests and tokens per minute are taken from buckets that all processes share.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from attrs import define, field

from videovector_core.access.leases import Buckets
from videovector_core.access.ratelimit import Limits
from videovector_core.errors import ProcessingFailed
from videovector_core.models.ports import Usage
from videovector_core.models.table import ModelTable, Terms

LOOK_SECONDS: Final = 1.0
"""How often whoever waits for a turn looks whether the run still wants it."""
FIRST_CALLS: Final = 8.0
"""Calls at the same time before anything is known about an endpoint."""
DEFAULT_PAUSE: Final = 2.0
"""Seconds nobody asks after a refusal that names no wait."""

Look = Callable[[], Awaitable[None]]


@define
class Turn:
    """One call that may be made; `usage` is to be filled in when it ended well."""

    usage: Usage | None = None


@define
class Window:
    """The calls of one model in this process."""

    most: float
    room: float = field(init=False)
    active: int = field(default=0, init=False)
    shut_until: float = field(default=0.0, init=False)
    halved_at: float = field(default=0.0, init=False)
    changed: asyncio.Event = field(factory=asyncio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self.room = min(FIRST_CALLS, self.most)

    def open(self, now: float) -> bool:
        """Say whether another call may start."""
        return now >= self.shut_until and self.active < max(1, int(self.room))

    def began(self) -> None:
        """Count a call."""
        self.active += 1

    def ended(self) -> None:
        """Count a call no more."""
        self.active -= 1
        self.changed.set()

    def good(self) -> None:
        """Grow by one for each round of good answers."""
        self.room = min(self.most, self.room + 1 / self.room)

    def refused(self, began: float, now: float, wait: float | None) -> None:
        """Halve, once for all calls that were under way together, and stop asking for a while."""
        if began >= self.halved_at:
            self.room = max(1.0, self.room / 2)
            self.halved_at = now
        self.shut_until = max(self.shut_until, now + (DEFAULT_PAUSE if wait is None else wait))


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


@define
class Pacing:
    """Gives turns. `clock` is in seconds; without another it is that of the event loop, by which the waiting is done."""

    table: ModelTable
    buckets: Buckets | None = None
    clock: Callable[[], float] = _loop_time
    _windows: dict[str, Window] = field(factory=dict, init=False)

    @contextlib.asynccontextmanager
    async def turn(self, model: str, *, tokens: int, look: Look) -> AsyncIterator[Turn]:
        """Wait for a turn to ask `model` something of about `tokens` tokens.

        `look` is awaited at least once, every second while waiting, and last of all before the turn begins; it raises
        when nobody wants the turn any more.
        """
        window, terms = self.window(model), self.table.terms_of(model)
        await look()
        while not window.open(self.clock()):
            window.changed.clear()
            shut = window.shut_until - self.clock()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(LOOK_SECONDS, shut) if shut > 0 else LOOK_SECONDS):
                    await window.changed.wait()
            await look()
        window.began()
        began = self.clock()
        try:
            await self._budget(model, terms, tokens, look)
            turn = Turn()
            yield turn
            window.good()
        except ProcessingFailed as error:
            if error.code == "rate_limited":
                window.refused(began, self.clock(), error.retry_after)
            raise
        finally:
            window.ended()

    def window(self, model: str) -> Window:
        """Return how a model is asked at present."""
        if model not in self._windows:
            self._windows[model] = Window(float(max(1, self.table.terms_of(model).concurrency)))
        return self._windows[model]

    async def _budget(self, model: str, terms: Terms, tokens: int, look: Look) -> None:
        """Take one request and the tokens of it from the shared budgets, waiting for them."""
        if self.buckets is None:
            return
        for unit, limit, wanted in (("rpm", terms.rpm, 1), ("tpm", terms.tpm, tokens)):
            if limit is not None:
                # a question larger than the budget of a minute takes all of it, or it would wait forever
                await self._take(f"model/{model}/{unit}", min(max(1, wanted), limit), Limits(limit, limit * 60), look)

    async def _take(self, key: str, wanted: int, limits: Limits, look: Look) -> None:
        assert self.buckets is not None  # noqa: S101 - asked by `_budget` only
        while wanted:
            grant = await self.buckets.take(key, wanted, limits)
            wanted -= grant.tokens
            until = self.clock() + grant.retry_after
            while wanted and self.clock() < until:
                await asyncio.sleep(min(LOOK_SECONDS, max(0.01, until - self.clock())))
                await look()
