"""What was derived from a media file by one decoding pass, and where it is kept.

Still frames lie one behind the other in a blob each for frames and thumbnails; an entry says from which byte to which.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from attrs import asdict, field, frozen

from videovector_core.segments.cuts import Cut, CutKind
from videovector_core.signals import Beat, Probe


@frozen
class Still:
    """A JPEG of the frame shown at `time` seconds: bytes `[start, end)` of its pack."""

    time: float
    start: int
    end: int
    after_cut: bool = False


def _cuts(values: Sequence[Any]) -> tuple[Cut, ...]:
    return tuple(value if isinstance(value, Cut) else Cut(value[0], CutKind(value[1]), value[2]) for value in values)


def _stills(values: Sequence[Any]) -> tuple[Still, ...]:
    return tuple(value if isinstance(value, Still) else Still(*value) for value in values)


@frozen
class Derived:
    """The keepings of one pass; `audio` is a 16 kHz mono WAV blob."""

    duration: float
    cuts: tuple[Cut, ...] = field(default=(), converter=_cuts)
    frames: tuple[Still, ...] = field(default=(), converter=_stills)
    frames_blob: str | None = None
    thumbnails: tuple[Still, ...] = field(default=(), converter=_stills)
    thumbnails_blob: str | None = None
    audio: str | None = None
    warning: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return plain JSON that the constructor takes back."""
        stills = {name: [list(asdict(s).values()) for s in getattr(self, name)] for name in ("frames", "thumbnails")}
        return {
            **asdict(self, recurse=False),
            "cuts": [[cut.time, cut.kind.value, cut.strength] for cut in self.cuts],
            **stills,
        }

    @property
    def blobs(self) -> tuple[str, ...]:
        """The stored bytes that this stands on."""
        return tuple(blob for blob in (self.frames_blob, self.thumbnails_blob, self.audio) if blob)

    def frames_within(self, start: float, end: float) -> tuple[Still, ...]:
        """Return the frames in `[start, end)`; for a stretch without any, and for an image, the nearest one."""
        times = [still.time for still in self.frames]
        first, last = bisect_left(times, start - 1e-6), bisect_left(times, end - 1e-6)
        if first < last:
            return self.frames[first:last]
        return (nearest(self.frames, start),) if self.frames else ()


def nearest(stills: Sequence[Still], time: float) -> Still:
    """Return the still that is shown at `time`: the last one not after it, else the first."""
    at = bisect_right([still.time for still in stills], time + 1e-6)
    return stills[max(0, at - 1)]


def spread(stills: Sequence[Still], most: int) -> tuple[Still, ...]:
    """Choose at most `most` stills, evenly, the first and the last among them."""
    if len(stills) <= most:
        return tuple(stills)
    if most == 1:
        return (stills[len(stills) // 2],)
    return tuple(stills[round(i * (len(stills) - 1) / (most - 1))] for i in range(most))


class Decoder(Protocol):
    """Turns stored media into signals and pictures. `version` names how it samples; results are kept under it.

    Errors are those of `videovector_core.signals.MediaReader`.
    """

    @property
    def version(self) -> str: ...

    async def probe(self, sha256: str) -> Probe:
        """Say what a stored file holds."""
        ...

    async def derive(self, sha256: str, *, beat: Beat | None = None) -> Derived:
        """Decode a stored file once and store what came of it."""
        ...

    async def thumbnail(self, sha256: str, at: float, *, long_side: int = 640) -> bytes:
        """Return the frame shown at second `at` as JPEG; for sound a picture of its waveform."""
        ...

    async def gif(self, sha256: str, start: float, end: float, *, long_side: int = 320) -> bytes:
        """Return a looping GIF of at most 3 seconds."""
        ...

    def clip(self, sha256: str, start: float, end: float) -> AbstractAsyncContextManager[Path]:
        """Hold `[start, end)` of sound or a film as an MP4 that browsers play, as a file while the block lasts."""
        ...
