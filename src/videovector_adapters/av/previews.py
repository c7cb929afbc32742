"""Single frames, short loops and pictures of sound, found by seeking and exact to the frame."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import av
import numpy as np
from attrs import evolve
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from videovector_adapters.av import door
from videovector_adapters.av.door import Chosen
from videovector_adapters.av.onepass import Damage, Timeline, decoded
from videovector_adapters.av.sound import placed

Samples: TypeAlias = NDArray[np.float32]

GIF_SECONDS: Final = 3.0
GIF_RATE: Final = 10
_SOON: Final = 1e-4
"""Seconds by which a frame may lie after the wanted time and still be meant: rounding, far below any frame."""
_BACK: Final = (0.0, 2.0, 10.0, 60.0, math.inf)
"""How far before the wanted time reading begins; the next is tried when a container sought too far. At last it begins at zero."""
_COLUMNS: Final = 320
_WHOLE: Final = 1200.0
"""Seconds of sound that are drawn from every sample; of longer ones a moment is read for each column."""
_DRAWN: Final = 8000
_QUIET: Final = 0.02
_PAPER: Final = (250, 250, 252)
_INK: Final = (70, 90, 160)
_HEAD: Final = (200, 60, 60)


def shown(opened: InputContainer, chosen: Chosen, times: Sequence[float]) -> Iterator[VideoFrame]:
    """Yield, for each of the rising `times`, the frame that is shown then: the last one that began before or at it.

    Before the first frame that is the first, after the end the last. `ProcessingFailed` when nothing decodes.
    """
    frames = _from(opened, evolve(chosen, audio=None), times[0])
    waiting = list(reversed(times))
    held: VideoFrame | None = None
    for second, frame in frames:
        while waiting and second > waiting[-1] + _SOON:
            waiting.pop()
            yield held or frame
        if not waiting:
            return
        held = frame
    if held is None:
        raise door.undecodable("No picture near that time can be decoded.")
    for _ in waiting:
        yield held


def gif(frames: Sequence[Image.Image]) -> bytes:
    """Encode frames of one size as a GIF that loops."""
    flat = [frame.quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE) for frame in frames]
    out = io.BytesIO()
    flat[0].save(out, "GIF", save_all=True, append_images=flat[1:], duration=1000 // GIF_RATE, loop=0)
    return out.getvalue()


def gif_times(start: float, end: float) -> list[float]:
    """Return the moments of a preview: ten a second, three seconds at most, one at least."""
    count = int(min(end - start, GIF_SECONDS) * GIF_RATE + _SOON)
    return [start + number / GIF_RATE for number in range(max(1, count))]


def waveform(opened: InputContainer, chosen: Chosen, duration: float, at: float, long_side: int) -> Image.Image:
    """Draw the loudness of a sound over its whole length, with a line at second `at`."""
    peaks = _peaks(opened, evolve(chosen, video=None), max(duration, 0.01))
    width, height = long_side, max(2, long_side // 4)
    picture = Image.new("RGB", (width, height), _PAPER)
    pen, middle = ImageDraw.Draw(picture), height / 2
    step = width / _COLUMNS
    for column, peak in enumerate(np.maximum(peaks, 0.01)):
        pen.rectangle((column * step, middle * (1 - peak), (column + 0.7) * step, middle * (1 + peak)), fill=_INK)
    if duration > 0 and 0 < at < duration:
        pen.line((at / duration * width, 0, at / duration * width, height), fill=_HEAD, width=2)
    return picture


def _from(opened: InputContainer, chosen: Chosen, time: float) -> Iterator[tuple[float, Any]]:
    """Yield `(second, frame)` of the one chosen stream, from a frame at or before `time` where there is one."""
    origin = chosen.origin or 0.0
    for back in _BACK[-1:] if chosen.bare else _BACK:
        start = max(0.0, time - back)
        door.seek(opened, chosen, start)
        frames = _placed(opened, chosen, origin, sought=start > 0.0)
        first = next(frames, None)
        if first is not None and (first[0] <= time + _SOON or start == 0.0):
            yield first
            yield from frames
        if start == 0.0 or (first is not None and first[0] <= time + _SOON):
            return


def _placed(opened: InputContainer, chosen: Chosen, origin: float, *, sought: bool) -> Iterator[tuple[float, Any]]:
    """Yield frames with their media seconds; after a jump only from one on that needs no earlier one."""
    timeline = Timeline(origin)
    for frame in decoded(opened, chosen, Damage(), timeline):
        sought = sought and not frame.key_frame
        if frame.time is not None and not sought:
            yield frame.time - origin, frame
        elif chosen.bare and (second := timeline.place(None, chosen.step)) is not None:
            yield second, frame


def _peaks(opened: InputContainer, chosen: Chosen, duration: float) -> Samples:
    """Return the loudest sample under each column, scaled so that the loudest of all is 1."""
    peaks = np.zeros(_COLUMNS, np.float32)
    moments = _all(opened, chosen) if duration <= _WHOLE else _here_and_there(opened, chosen, duration)
    for second, samples in moments:
        places = (second + np.arange(len(samples)) / _DRAWN) * (_COLUMNS / duration)
        np.maximum.at(peaks, places.astype(int).clip(0, _COLUMNS - 1), np.abs(samples))
    scaled: Samples = peaks / np.float32(max(float(peaks.max()), _QUIET))
    return scaled


def _all(opened: InputContainer, chosen: Chosen) -> Iterator[tuple[float, Samples]]:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=_DRAWN)
    second = 0.0
    for frame in decoded(opened, chosen, Damage(), Timeline(chosen.origin)):
        for samples in _samples(resampler, frame):
            yield second, samples
            second += len(samples) / _DRAWN


def _here_and_there(opened: InputContainer, chosen: Chosen, duration: float) -> Iterator[tuple[float, Samples]]:
    for column in range(_COLUMNS):
        second = (column + 0.5) * duration / _COLUMNS
        door.seek(opened, chosen, second)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=_DRAWN)
        for frame in itertools.islice(decoded(opened, chosen, Damage(), Timeline(chosen.origin), looks=20), 4):
            for samples in _samples(resampler, frame):
                yield second, samples


def _samples(resampler: av.AudioResampler, frame: VideoFrame | AudioFrame) -> list[Samples]:
    if not isinstance(frame, AudioFrame):
        return []
    frame.pts = None
    try:
        return [np.asarray(part.to_ndarray().ravel() / 32768, np.float32) for part in resampler.resample(placed(frame))]
    except ValueError:  # the sound changed its format; a picture of it can do without the rest
        return []
