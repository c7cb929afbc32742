"""The parent's side of the media door."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import asdict, define, field

from videovector_adapters.av.limits import MediaLimits
from videovector_adapters.av.series import AUDIO, COLUMNS, load, load_stills
from videovector_adapters.children import Children, Limits
from videovector_core.signals import Beat, MediaType, Probe, Signals, StillFrame

_WORKER: Final = "videovector_adapters.av.worker:serve"
_MEMORY: Final = 2 * 1024**3
_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


@define
class AvReader:
    """A `MediaReader` that decodes in child processes with limits; see the port for what it promises.

    `workers` files are read or clipped at a time, each with `threads` decoding threads. Probes and previews have as
    many children of their own: they never wait behind a long film. A child that shows no progress for `patience`
    seconds is killed. `memory` bounds the address space of a child, in bytes.
    """

    limits: MediaLimits = field(factory=MediaLimits)
    workers: int = 1
    threads: int = 2
    patience: float = 60.0
    memory: int = _MEMORY
    _long: Children = field(init=False)
    _brief: Children = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._long, self._brief = self._made(), self._made()

    def _made(self) -> Children:
        return Children(
            _WORKER,
            self.workers,
            {"limits": asdict(self.limits), "threads": self.threads},
            Limits(memory_bytes=self.memory),
            _ENVIRONMENT,
        )

    async def probe(self, path: Path) -> Probe:
        """Say what the file holds; cheap unless the container states no duration."""
        return _probe(await self._brief.call("probe", deadline=self.patience, path=str(path)))

    async def read(self, path: Path, into: Path, *, beat: Beat | None = None) -> Signals:
        """Decode the file once, writing frames and sound into the directory `into`."""
        found = await self._long.call("read", deadline=self.patience, progress=beat, path=str(path), into=str(into))
        probe = _probe(found["probe"])
        columns = {name: load(into, name, code) for name, code in COLUMNS.items()}
        return Signals(
            probe,
            columns.pop("times"),
            columns.pop("differences"),
            columns,
            _stills(into, "thumbnail"),
            _stills(into, "frame"),
            into / AUDIO if found["audio"] else None,
            found["warning"],
        )

    async def thumbnail(self, path: Path, at: float, *, long_side: int = 640) -> bytes:
        """Return the frame that is shown at second `at` as JPEG; for sound a picture of its waveform."""
        return bytes(
            await self._brief.call(
                "thumbnail", deadline=self.patience, path=str(path), at=float(at), long_side=long_side
            )
        )

    async def gif(self, path: Path, start: float, end: float, *, long_side: int = 320) -> bytes:
        """Return a looping GIF of at most 3 seconds and 10 frames a second from `start`."""
        return bytes(
            await self._brief.call(
                "gif", deadline=self.patience, path=str(path), start=float(start), end=float(end), long_side=long_side
            )
        )

    async def clip(self, path: Path, start: float, end: float | None, into: Path, *, beat: Beat | None = None) -> str:
        """Write `[start, end)` to the file `into` as an MP4 that browsers play, and return its MIME type.

        With `start` 0 and `end` `None` the whole is written, without encoding where the streams allow it. Raises
        `Invalid` for pictures and for clips that begin after the end.
        """
        return str(
            await self._long.call(
                "clip",
                deadline=self.patience,
                progress=beat,
                path=str(path),
                start=float(start),
                end=None if end is None else float(end),
                into=str(into),
            )
        )

    async def close(self) -> None:
        """End the child processes."""
        await asyncio.gather(self._long.close(), self._brief.close())


def _probe(found: Mapping[str, Any]) -> Probe:
    return Probe(**{**found, "media_type": MediaType(found["media_type"])})


def _stills(into: Path, kind: str) -> tuple[StillFrame, ...]:
    return tuple(StillFrame(*row) for row in load_stills(into, kind))
