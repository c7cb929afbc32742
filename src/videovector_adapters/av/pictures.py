"""What is taken from the pictures of a pass: cut signals of every frame, and stills of some."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Final

from attrs import define, field
from av.video.frame import VideoFrame

from videovector_adapters.av.motion import Motion
from videovector_adapters.av.planes import Shrinker
from videovector_adapters.av.series import COLUMNS, Columns, StillIndex
from videovector_adapters.av.stills import Shape, StillMaker

THUMBNAIL: Final = 640
EMBEDDED: Final = 512
_TOGETHER: Final = 4
"""Frames that are looked at together at most."""
_APART: Final = 0.06
"""Seconds of media between two looks while little happens."""
_FAR_APART: Final = 0.12
"""Seconds between them while nothing happens, as on most screens."""
_STILL: Final = 0.003
"""The difference between two looks, of 1, up to which nothing happens."""
_CALM: Final = 0.012
"""The difference between two looks, of 1, up to which no cut can lie between them: below half of the least cut."""
_JUMP: Final = 0.04
_SETTLING: Final = 0.5


@define
class Pictures:
    """Takes cut signals and still pictures from frames.

    Frames are collected for a moment and the last of them is looked at. When the picture has hardly changed, those
    between get their share of the change; otherwise each is looked at by itself.
    """

    columns: Columns
    thumbnails: StillIndex
    frames: StillIndex
    pixel: Fraction | None
    shape: Shape | None = None
    _shrinker: Shrinker = field(factory=Shrinker)
    _maker: StillMaker = field(factory=StillMaker)
    _motion: Motion = field(factory=Motion)
    _waiting: list[tuple[VideoFrame, float]] = field(factory=list)
    _looked: float = -1.0
    _apart: float = _APART
    _second: int = -1
    _usual: float = 0.0
    _cut_at: float | None = None

    @classmethod
    def begin(cls, into: Path, pixel: Fraction | None) -> Pictures:
        """Open the files that are written; `pixel` is the stream's sample aspect ratio."""
        return cls(Columns(into, COLUMNS), StillIndex(into, "thumbnail"), StillIndex(into, "frame"), pixel)

    def take(self, frame: VideoFrame, second: float) -> None:
        """Take a frame shown at `second`: measure it, and keep it where it is the first of its second or of a shot."""
        self._waiting.append((frame, second))
        if len(self._waiting) >= _TOGETHER or second - self._looked >= self._apart:
            self._look()

    def close(self) -> None:
        """Look at what is left and finish the files."""
        try:
            if self._waiting:
                self._look()
        finally:
            for file in (self.columns, self.thumbnails, self.frames):
                file.close()

    def _look(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._looked = waiting[-1][1]
        last = self._shrinker.cells(waiting[-1][0])
        difference = self._motion.difference(last)
        self._apart = _FAR_APART if difference <= _STILL else _APART
        if len(waiting) > 1 and difference <= _CALM:
            row = self._motion.measured(self._looked, last)
            share = {**row, "differences": row["differences"] / len(waiting), "changed": 0.0}
            for frame, second in waiting:
                self._note(frame, {**share, "times": second})
            return
        for frame, second in waiting[:-1]:
            self._note(frame, self._motion.measured(second, self._shrinker.cells(frame)))
        self._note(waiting[-1][0], self._motion.measured(self._looked, last))

    def _note(self, frame: VideoFrame, row: dict[str, float]) -> None:
        self.columns.append(row)
        second = row["times"]
        after_cut = self._settled(row["differences"], second)
        if int(second) > self._second:
            self._second = int(second)
            self._keep(frame, second, after_cut=after_cut, thumbnail=True)
        elif after_cut:
            self._keep(frame, second, after_cut=True, thumbnail=False)

    def _settled(self, difference: float, second: float) -> bool:
        """Tell whether a likely cut lies behind and the picture stands still again, half a second later at most."""
        if difference > max(_JUMP, 4 * self._usual):
            self._cut_at = second
        self._usual += 0.1 * (min(difference, 0.1) - self._usual)
        if self._cut_at is None or second == self._cut_at:
            return False
        if difference < _JUMP or second - self._cut_at > _SETTLING:
            self._cut_at = None
            return True
        return False

    def _keep(self, frame: VideoFrame, second: float, *, after_cut: bool, thumbnail: bool) -> None:
        if self.shape is None or (self.shape.width, self.shape.height) != (frame.width, frame.height):
            self.shape = Shape.of(frame, self.pixel)
        upright = self._maker.upright(frame, self.shape, THUMBNAIL if thumbnail else EMBEDDED)
        if thumbnail:
            self.thumbnails.add(second, self._maker.jpeg(upright))
        self.frames.add(second, self._maker.jpeg(self._maker.smaller(upright, EMBEDDED)), after_cut=after_cut)
