"""Ending an engine process that ends by itself at that moment."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from attrs import define

from videovector_adapters.qdrant.process import end


@define
class Leaving:
    """A process that is gone at the moment when it is to be killed."""

    stdin: None = None
    gone: bool = False

    async def wait(self) -> int:
        while not self.gone:
            await asyncio.sleep(0.01)
        return 0

    def kill(self) -> None:
        self.gone = True
        raise ProcessLookupError


async def test_a_process_that_followed_late_is_ended() -> None:
    """That a process ended between the wait and the kill is no error: it is what was asked for."""
    process = Leaving()
    await end(cast("Any", process), seconds=0.02)
    assert process.gone
