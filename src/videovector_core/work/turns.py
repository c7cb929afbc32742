"""Who may work beside whom in one process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from attrs import define, field

ALONE_SECONDS: Final = 60.0
"""How long an item that is to run alone waits for the others, at the most."""


@define
class Turns:
    """Who may work at the same time: any number of items, or one that is to run alone."""

    sharing: int = 0
    door: asyncio.Lock = field(factory=asyncio.Lock)
    left: asyncio.Event = field(factory=asyncio.Event)

    @property
    def closed(self) -> bool:
        """Whether an item runs alone, or waits to."""
        return self.door.locked()

    @contextlib.asynccontextmanager
    async def share(self) -> AsyncIterator[None]:
        """Work beside others. To be entered only while nobody is alone."""
        self.sharing += 1
        try:
            yield
        finally:
            self.sharing -= 1
            self.left.set()

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until the others are done, not longer than `ALONE_SECONDS`, and work with nobody beside."""
        async with self.door:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ALONE_SECONDS):
                    while self.sharing:
                        self.left.clear()
                        await self.left.wait()
            yield
