"""A walk of a published client: what its stages share, and how each is taken whatever became of the ones before.

Runs in the interpreter of that client, sync and async alike: see `recorder`.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from tests.clients.conformance.recorder import Recorder

HERE = str(Path(__file__).parent)


class Journey:
    """One walk: `c` is the client with an API key, `jwt` the one with a token, `w` says where things are.

    The others are what a stage made, for the stages after it.
    """

    index: Any
    sound: str
    film: str
    loose: str
    job: str | None
    prompt: str
    run: str
    segment: str
    loose_run: str
    connector: str

    def __init__(self, c: Recorder, jwt: Recorder, w: dict[str, Any], *, errors: Any):
        self.c, self.jwt, self.w, self.errors = c, jwt, w, errors
        self.modern = "authenticate" in c.rows
        self.failed: list[str] = []

    async def go(self, stages: Sequence[Callable[[Journey], Awaitable[None]]]) -> None:
        """Take every stage in its turn."""
        for stage in stages:
            try:
                await stage(self)
            except Exception as error:  # noqa: BLE001 - a stage that fails is a finding, and the others are taken
                frames = traceback.extract_tb(error.__traceback__)
                lines = [f"{Path(one.filename).name}:{one.lineno}" for one in frames if one.filename.startswith(HERE)]
                self.failed.append(f"{stage.__name__} {lines}: {type(error).__name__}: {error}"[:600])

    async def until(self, ask: Any, done: Any, seconds: float = 120) -> Any:
        """Ask until the answer is as wanted."""
        deadline = time.monotonic() + seconds
        while not done(value := await ask()):
            assert time.monotonic() < deadline, value
            await asyncio.sleep(0.2)
        return value

    def content(self, name: str) -> bytes:
        """Read a file of the world."""
        return Path(self.w[name]).read_bytes()
