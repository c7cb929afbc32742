"""Clips that every browser plays: H.264 and AAC in MP4, encoded anew and exact to the frame and the sample."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from attrs import define, field
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from videovector_adapters.av import door
from videovector_adapters.av.door import Chosen
from videovector_adapters.av.onepass import Damage, Timeline, decoded
from videovector_adapters.av.remux import FAST
from videovector_adapters.av.sound import placed
from videovector_adapters.av.stills import Shape

LONG_SIDE: Final = 1920
_TICKS: Final = Fraction(1, 90_000)
_RATE: Final = 48_000
_SOON: Final = 1e-4
_SHOWN: Final = 1 / 30
"""Seconds that the last picture is shown for."""
_X264: Final = {"preset": "veryfast", "crf": "23", "bf": "0"}
"""Without pictures out of order, so that the length of a clip is right whatever the gaps between its pictures."""


def encode(
    opened: InputContainer, chosen: Chosen, shape: Shape | None, start: float, end: float, into: Path
) -> Generator[float, None, float]:
    """Encode `[start, end)` anew, exact to the frame and the sample; yields and returns the media second reached."""
    second = start
    with av.open(str(into), "w", format="mp4", options=FAST) as out:
        pictures = _Pictures.into(out, chosen.video, shape, start, end) if chosen.video and shape else None
        sounds = _Sounds.into(out, chosen.audio, start, end) if chosen.audio else None
        parts = [part for part in (pictures, sounds) if part]
        for begin in (max(0.0, start - 1.0), 0.0):
            for frame, second in _timed(opened, chosen, begin):
                if isinstance(frame, VideoFrame) and pictures:
                    pictures.take(frame, second)
                elif isinstance(frame, AudioFrame) and sounds:
                    sounds.take(frame, second)
                if all(part.done for part in parts):
                    break
                yield second
            if begin <= 0.0 or any(part.begun for part in parts):
                break
            # the container sought past the clip
            for part in parts:
                part.done = False
        for part in parts:
            part.finish()
    if not any(part.begun for part in parts):
        raise door.undecodable("Nothing between these seconds can be decoded.")
    return second


def _timed(opened: InputContainer, chosen: Chosen, begin: float) -> Iterator[tuple[VideoFrame | AudioFrame, float]]:
    """Yield frames with their media seconds from `begin` or before; a bare stream of pictures is timed by counting."""
    timeline = Timeline(chosen.origin)
    door.seek(opened, chosen, begin)
    for frame in decoded(opened, chosen, Damage(), timeline):
        if frame.time is not None:
            yield frame, frame.time - (chosen.origin or 0.0)
        elif chosen.bare and (second := timeline.place(None, chosen.step)) is not None:
            yield frame, second


@define
class _Pictures:
    out: OutputContainer
    stream: VideoStream
    size: tuple[int, int]
    start: float
    end: float
    done: bool = False
    begun: bool = False
    _held: tuple[VideoFrame, float] | None = None
    _shown: tuple[VideoFrame, float] | None = None
    _scaler: VideoReformatter = field(factory=VideoReformatter)
    _last: int = -1

    @classmethod
    def into(cls, out: OutputContainer, video: VideoStream, shape: Shape, start: float, end: float) -> _Pictures:
        stream = out.add_stream("libx264", rate=30, options=_X264)
        size = shape.fitted(LONG_SIDE)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = _TICKS
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            setattr(stream.codec_context, name, getattr(video.codec_context, name))
        if shape.turns:
            stream.set_display_rotation(-90 * shape.turns)
        return cls(out, stream, size, start, end)

    def take(self, frame: VideoFrame, second: float) -> None:
        """Keep a frame of the clip; the one that is already shown when it starts is shown from its start."""
        if self.done:
            return
        if second > self.start + _SOON:
            self._put_held()
            self.done = second >= self.end - _SOON
        if not self.done:
            self._held = (frame, max(second, self.start))

    def finish(self) -> None:
        """Show the last picture until the end, which a second copy of it marks."""
        self._put_held()
        if self._shown is not None and self.end - self._shown[1] > 2 * _SHOWN:
            self._held = (self._shown[0], self.end - _SHOWN)
            self._put_held()
        self.out.mux(self.stream.encode(None))

    def _put_held(self) -> None:
        if self._held is None:
            return
        frame, second = self._held
        self._held, self._shown = None, self._held
        small = self._scaler.reformat(frame, *self.size, "yuv420p", threads=1)
        small.pts, small.time_base = max(self._last + 1, round((second - self.start) / _TICKS)), _TICKS
        self._last, small.pict_type, self.begun = small.pts, 0, True
        self.out.mux(self.stream.encode(small))


@define
class _Sounds:
    out: OutputContainer
    stream: AudioStream
    resampler: AudioResampler
    start: float
    end: float
    done: bool = False
    begun: bool = False
    _next: float | None = None

    @classmethod
    def into(cls, out: OutputContainer, audio: AudioStream, start: float, end: float) -> _Sounds:
        layout = "stereo" if audio.channels > 1 else "mono"
        stream = out.add_stream("aac", rate=_RATE, layout=layout)
        return cls(out, stream, av.AudioResampler(format="fltp", layout=layout, rate=_RATE), start, end)

    def take(self, frame: AudioFrame, second: float) -> None:
        """Keep the samples of a frame that lie inside the clip."""
        if self.done:
            return
        if self._next is None or abs(second - self._next) > 0.1:
            self._next = second
        frame.pts = None
        for samples in self._resampled(placed(frame)):
            self._put(samples, self._next)
            self._next += samples.shape[1] / _RATE
        self.done = self._next >= self.end

    def finish(self) -> None:
        self.out.mux(self.stream.encode(None))

    def _resampled(self, frame: AudioFrame) -> Iterator[np.ndarray[Any, Any]]:
        try:
            yield from (part.to_ndarray() for part in self.resampler.resample(frame))
        except ValueError:  # the sound changed its format on the way
            self.resampler = av.AudioResampler(format="fltp", layout=self.resampler.layout, rate=_RATE)
            yield from (part.to_ndarray() for part in self.resampler.resample(frame))

    def _put(self, samples: np.ndarray[Any, Any], second: float) -> None:
        first = max(0, round((self.start - second) * _RATE))
        last = min(samples.shape[1], round((self.end - second) * _RATE))
        if first >= last:
            return
        part = AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, first:last]), "fltp", self.stream.layout.name)
        part.sample_rate, part.time_base = _RATE, Fraction(1, _RATE)
        part.pts, self.begun = round((second - self.start) * _RATE) + first, True
        self.out.mux(self.stream.encode(part))
