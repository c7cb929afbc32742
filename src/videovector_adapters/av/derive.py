"""From a stored file to stored derivatives: one decoding pass, cuts, and stills packed into blobs."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from videovector_core.media.derived import Derived, Still
from videovector_core.ports import Blobs
from videovector_core.segments import cuts
from videovector_core.signals import Beat, MediaReader, Probe, Signals, StillFrame

SAMPLING: Final = "1"
"""Goes up when frames, thumbnails, sound or cuts come out differently for the same file."""
_CHUNK: Final = 1024 * 1024


@frozen
class StoredDecoder:
    """`Decoder` over a reader of files and a store of blobs."""

    reader: MediaReader
    blobs: Blobs

    @property
    def version(self) -> str:
        """How it samples."""
        return SAMPLING

    async def probe(self, sha256: str) -> Probe:
        async with self.blobs.local(sha256) as path:
            return await self.reader.probe(path)

    async def derive(self, sha256: str, *, beat: Beat | None = None) -> Derived:
        with tempfile.TemporaryDirectory(prefix="derive-") as into:
            async with self.blobs.local(sha256) as path:
                signals = await self.reader.read(path, Path(into), beat=beat)
            return await self._kept(signals)

    async def thumbnail(self, sha256: str, at: float, *, long_side: int = 640) -> bytes:
        async with self.blobs.local(sha256) as path:
            return await self.reader.thumbnail(path, at, long_side=long_side)

    async def gif(self, sha256: str, start: float, end: float, *, long_side: int = 320) -> bytes:
        async with self.blobs.local(sha256) as path:
            return await self.reader.gif(path, start, end, long_side=long_side)

    @contextlib.asynccontextmanager
    async def clip(self, sha256: str, start: float, end: float) -> AsyncIterator[Path]:
        with tempfile.TemporaryDirectory(prefix="clip-") as into:
            async with self.blobs.local(sha256) as path:
                await self.reader.clip(path, start, end, Path(into, "clip.mp4"))
            yield Path(into, "clip.mp4")

    async def _kept(self, signals: Signals) -> Derived:
        frames, frames_blob = await self._packed(signals.frames)
        thumbnails, thumbnails_blob = await self._packed(signals.thumbnails)
        audio = (await self.blobs.put(_read([signals.audio]))).sha256 if signals.audio else None
        # looks at every frame of a film, and leases are renewed meanwhile
        found = await asyncio.to_thread(cuts.find, signals.times, signals.differences, signals.features)
        return Derived(
            duration=signals.probe.duration,
            cuts=found,
            frames=frames,
            frames_blob=frames_blob,
            thumbnails=thumbnails,
            thumbnails_blob=thumbnails_blob,
            audio=audio,
            warning=signals.warning,
        )

    async def _packed(self, stills: Sequence[StillFrame]) -> tuple[tuple[Still, ...], str | None]:
        if not stills:
            return (), None
        entries, at = [], 0
        for still in stills:
            size = still.path.stat().st_size
            entries.append(Still(still.time, at, at + size, still.after_cut))
            at += size
        blob = await self.blobs.put(_read([still.path for still in stills]))
        return tuple(entries), blob.sha256


async def _read(paths: Sequence[Path]) -> AsyncIterator[bytes]:
    """Stream files one behind the other. They were just written, so they come from memory."""
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
