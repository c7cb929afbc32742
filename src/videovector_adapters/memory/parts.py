"""Clock, ids, blobs and doorbell in memory."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import tempfile
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime
from pathlib import Path

from attrs import define, field

from videovector_adapters.memory.database import Time
from videovector_core.errors import NotFound
from videovector_core.ids import PREFIXES
from videovector_core.ports import Blob


@define
class MemoryClock:
    """`Clock` that follows the time of the tables."""

    time: Time

    def now(self) -> datetime:
        """Return the present moment."""
        return self.time.now()


@define
class CountingIds:
    """`Ids` that count: the same calls give the same ids, so that a failing simulation can be played again."""

    last: int = 0

    def new(self, kind: str) -> str:
        """Return the next id."""
        self.last += 1
        return f"{PREFIXES[kind]}_{self.last:032x}"


@define
class MemoryBlobs:
    """`Blobs` in memory; a loan is a temporary file."""

    kept: dict[str, bytes] = field(factory=dict)

    async def put(self, chunks: AsyncIterable[bytes]) -> Blob:
        data = b"".join([chunk async for chunk in chunks])
        name = hashlib.sha256(data).hexdigest()
        self.kept[name] = data
        return Blob(name, len(data))

    async def read(self, sha256: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        data = self._known(sha256)[start:end]
        for at in range(0, len(data), 65536):
            yield data[at : at + 65536]

    @contextlib.asynccontextmanager
    async def local(self, sha256: str) -> AsyncIterator[Path]:
        with tempfile.NamedTemporaryFile(prefix="blob-") as file:
            file.write(self._known(sha256))
            file.flush()
            yield Path(file.name)

    async def has(self, sha256: str) -> bool:
        return sha256 in self.kept

    async def delete(self, sha256: str) -> None:
        self.kept.pop(sha256, None)

    def _known(self, sha256: str) -> bytes:
        if sha256 not in self.kept:
            raise NotFound.of("blob", sha256)
        return self.kept[sha256]


@define
class MemoryDoorbell:
    """`Doorbell` within one event loop."""

    waiting: dict[str, dict[asyncio.Event, None]] = field(factory=dict)

    def ring(self, topic: str) -> None:
        for event in self.waiting.get(topic, ()):
            event.set()

    async def wait(self, topic: str, seconds: float) -> bool:
        event = asyncio.Event()
        waiting = self.waiting.setdefault(topic, {})
        waiting[event] = None
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        else:
            return True
        finally:
            waiting.pop(event, None)
            if not waiting and self.waiting.get(topic) is waiting:
                del self.waiting[topic]
