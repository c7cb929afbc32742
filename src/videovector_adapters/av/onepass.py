"""The one pass: decode pictures and sound once, and take everything that is wanted as it goes by."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

import av
from attrs import define
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame

from videovector_adapters.av import door
from videovector_adapters.av.door import Chosen
from videovector_adapters.av.limits import MediaLimits
from videovector_adapters.av.pictures import Pictures
from videovector_adapters.av.series import AUDIO
from videovector_adapters.av.sound import SoundWriter
from videovector_adapters.av.stills import Shape
from videovector_core.errors import Invalid

BROKEN: Final = (av.FFmpegError, ValueError, EOFError, OSError, IndexError)
"""What decoders and containers raise over damaged media; an `IndexError` over a stream that nothing announced."""
_BEAT: Final = 0.5
_TRIES: Final = 16
"""How often reading goes on after the container itself was found damaged."""
_STEP_BACK: Final = 1.0
"""Seconds that time stamps must jump back by to count as a new beginning rather than as disorder."""


@define
class Damage:
    """What could not be read, counted for the warning."""

    packets: int = 0
    since: float | None = None

    def note(self, at: float | None) -> None:
        """Count one packet that could not be decoded, near media second `at`."""
        self.packets += 1
        if self.since is None:
            self.since = at or 0.0


@define
class Timeline:
    """Turns time stamps into media seconds that never run backwards."""

    origin: float | None
    last: float | None = None
    step: float = 0.04

    def place(self, stamp: float | None, step: float) -> float | None:
        """Return the media second of a frame, `None` when it comes out of order and has to be left out."""
        if step > 0:
            self.step = step
        if stamp is None:
            return self._kept(0.0 if self.last is None else self.last + self.step)
        second = stamp - self.begun(stamp)
        if self.last is None:
            return self._kept(max(second, 0.0))
        if second < self.last - _STEP_BACK:
            self.origin = stamp - self.last - self.step
            return self._kept(self.last + self.step)
        return self._kept(second) if second > self.last else None

    def begun(self, stamp: float | None) -> float:
        """Return the time stamp that is media second zero; where the file gives none, the first one that comes."""
        if self.origin is None:
            self.origin = stamp or 0.0
        return self.origin

    def _kept(self, second: float) -> float:
        self.last = round(second, 6)
        return self.last


@define
class Sounds:
    """Takes the sound; the file begins with the first frame that is heard."""

    path: Path
    longest: float
    writer: SoundWriter | None = None

    def take(self, frame: AudioFrame, second: float | None) -> None:
        """Append a frame heard at `second`."""
        if self.writer is None:
            self.writer = SoundWriter(self.path, self.longest)
        self.writer.write(frame, second)

    @property
    def heard(self) -> bool:
        """Whether anything is in the file."""
        return self.writer is not None and self.writer.heard

    @property
    def lost(self) -> int:
        """How often sound could not be taken."""
        return self.writer.lost if self.writer is not None else 0

    def close(self) -> None:
        """Finish the file."""
        if self.writer is not None:
            self.writer.close()


@define
class Yield:
    """What a pass found besides the files it wrote: where the media ended, and what was damaged."""

    end: float
    shape: Shape | None
    sound: bool
    damage: Damage


def run(opened: InputContainer, chosen: Chosen, into: Path, limits: MediaLimits) -> Generator[float, None, Yield]:
    """Decode everything once, writing into `into`; yields the media second reached about twice a second."""
    pictures = Pictures.begin(into, chosen.video.sample_aspect_ratio if chosen.video else None)
    sounds = Sounds(into / AUDIO, limits.seconds)
    damage, timeline = Damage(), Timeline(chosen.origin)
    end, beat = 0.0, time.monotonic()
    try:
        for frame in decoded(opened, chosen, damage, timeline):
            if isinstance(frame, VideoFrame):
                length = _length(frame)
                second = timeline.place(frame.time, length)
                if second is not None:
                    pictures.take(frame, second)
                    end = max(end, second + timeline.step)
            else:
                origin = timeline.begun(frame.time)
                sounds.take(frame, None if frame.time is None else frame.time - origin)
                end = max(end, sounds.writer.seconds if sounds.writer else 0.0)
            _check(end, pictures.columns.rows, limits)
            if time.monotonic() - beat > _BEAT:
                beat = time.monotonic()
                yield end
    finally:
        pictures.close()
        sounds.close()
    if sounds.lost:
        damage.note(timeline.last)
    return Yield(end, pictures.shape, sounds.heard, damage)


def decoded(
    opened: InputContainer, chosen: Chosen, damage: Damage, timeline: Timeline, *, looks: int | None = None
) -> Iterator[VideoFrame | AudioFrame]:
    """Yield the frames of the chosen streams as they lie in the file, going on past what is damaged.

    With `looks` no more than so many packets are read.
    """
    for _ in range(_TRIES):
        try:
            for packet in itertools.islice(opened.demux(*chosen.streams), looks):
                yield from _frames(packet, damage, timeline)
        except BROKEN:
            damage.note(timeline.last)
        else:
            return
    for stream in chosen.streams:
        with contextlib.suppress(*BROKEN):
            yield from stream.codec_context.decode(None)  # type: ignore[attr-defined]  # both kinds have it


def _frames(packet: Packet[Any], damage: Damage, timeline: Timeline) -> list[VideoFrame | AudioFrame]:
    try:
        return packet.decode()  # type: ignore[return-value]  # only pictures and sound are demuxed
    except MemoryError:
        raise
    except BROKEN:
        damage.note(timeline.last)
        return []


def _length(frame: VideoFrame) -> float:
    """Return how long a frame is shown by its packet's word; plain division, since fractions cost as much as a scale."""
    base = frame.time_base
    return frame.duration * base.numerator / base.denominator if frame.duration and base else 0.0


def _check(end: float, frames: int, limits: MediaLimits) -> None:
    if end > limits.seconds:
        door.check_duration(end, limits)
    if frames > limits.frames:
        raise Invalid(
            f"The video has more than {limits.frames} pictures, which is the most that is accepted.", code=door.LIMIT
        )
