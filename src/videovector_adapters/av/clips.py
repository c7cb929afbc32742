"""Clips that every browser plays: H.264 and AAC in MP4, copied where the file holds them already, else encoded anew."""

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
from videovector_adapters.av.stills import Shape

LONG_SIDE: Final = 1920
_TICKS: Final = Fraction(1, 90_000)
_RATE: Final = 48_000
_SOON: Final = 1e-4
_X264: Final = {"preset": "veryfast", "crf": "23"}
_PLAYED: Final = frozenset({"yuv420p", "yuvj420p"})
_FAST: Final = {"movflags": "faststart"}


def playable(chosen: Chosen) -> bool:
    """Tell whether browsers play the streams as they are, so that copying them into MP4 is enough."""
    video, audio = chosen.video, chosen.audio
    seen = video is None or (video.codec_context.codec.name == "h264" and video.pix_fmt in _PLAYED)
    return seen and (audio is None or audio.codec_context.codec.name in {"aac", "mp3", "mp3float"})


def copy(opened: InputContainer, chosen: Chosen, into: Path) -> Generator[float, None, float]:
    """Copy all packets into an MP4 file; yields and returns the media second reached."""
    second = 0.0
    with av.open(str(into), "w", format="mp4", options=_FAST) as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in chosen.streams}
        for number, packet in enumerate(opened.demux(*chosen.streams)):
            if packet.dts is None or packet.time_base is None:
                continue
            second = float(packet.dts * packet.time_base) - (chosen.origin or 0.0)
            packet.stream = streams[packet.stream.index]
            out.mux(packet)
            if number % 1000 == 0:
                yield second
    return second


def encode(
    opened: InputContainer, chosen: Chosen, shape: Shape | None, start: float, end: float, into: Path
) -> Generator[float, None, float]:
    """Encode `[start, end)` anew, exact to the frame and the sample; yields and returns the media second reached."""
    second = start
    with av.open(str(into), "w", format="mp4", options=_FAST) as out:
        pictures = _Pictures.into(out, chosen.video, shape, start, end) if chosen.video and shape else None
        sounds = _Sounds.into(out, chosen.audio, start, end) if chosen.audio else None
        door.seek(opened, chosen, max(0.0, start - 1.0))
        for frame in decoded(opened, chosen, Damage(), Timeline(chosen.origin)):
            if frame.time is None:
                continue
            second = frame.time - (chosen.origin or 0.0)
            if isinstance(frame, VideoFrame) and pictures:
                pictures.take(frame, second)
            elif isinstance(frame, AudioFrame) and sounds:
                sounds.take(frame, second)
            if (pictures is None or pictures.done) and (sounds is None or sounds.done):
                break
            yield second
        for part in (pictures, sounds):
            if part:
                part.finish()
    return second


@define
class _Pictures:
    out: OutputContainer
    stream: VideoStream
    size: tuple[int, int]
    start: float
    end: float
    done: bool = False
    _held: VideoFrame | None = None
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
        if second <= self.start + _SOON:
            self._held = frame
            return
        if self._held is not None:
            held, self._held = self._held, None
            self._put(held, self.start)
        self.done = second >= self.end - _SOON
        if not self.done:
            self._put(frame, second)

    def finish(self) -> None:
        if self._held is not None:
            self._put(self._held, self.start)
        self.out.mux(self.stream.encode(None))

    def _put(self, frame: VideoFrame, second: float) -> None:
        small = self._scaler.reformat(frame, *self.size, "yuv420p", threads=1)
        small.pts, small.time_base = max(self._last + 1, round((second - self.start) / _TICKS)), _TICKS
        self._last, small.pict_type = small.pts, 0
        self.out.mux(self.stream.encode(small))


@define
class _Sounds:
    out: OutputContainer
    stream: AudioStream
    resampler: AudioResampler
    start: float
    end: float
    done: bool = False
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
        for samples in self._resampled(frame):
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
        part.pts = round((second - self.start) * _RATE) + first
        self.out.mux(self.stream.encode(part))
