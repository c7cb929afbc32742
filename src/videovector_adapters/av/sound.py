"""Sound as a mono 16 kHz 16-bit WAV file whose first sample lies at media time zero."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Final, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

RATE: Final = 16_000
_GAP: Final = 0.1
"""Seconds by which time stamps may wander before silence is put in; smaller steps are rounding."""
_TOGETHER: Final = 8192
"""Samples that are resampled at once: a call for every frame of 1,024 takes twice as long."""
_KEPT: Final = 64 * 1024
_GUESSED: Final = 8
"""Channels whose places FFmpeg guesses at the most where a file does not tell them."""
_SILENCE: Final = bytes(2 * RATE)
_RATES: Final = range(1_000, 1_000_001)
"""Samples a second that sound may have: a damaged header that says one makes hours of every frame."""


class SoundWriter:
    """Resamples frames as they come and appends them to a file; gaps in time become silence.

    `heard` tells whether there is sound in the file, and `lost` how often some of it was of no form that can be
    resampled.
    """

    def __init__(self, path: Path, longest: float) -> None:
        self._file = wave.open(str(path), "wb")  # noqa: SIM115 - closed by `close`
        self._file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        self._gathered, self._resampler = av.AudioFifo(), _resampler()
        self._fed = 0.0
        self._longest = longest
        self._kept = bytearray()
        self.heard = False
        self.lost = 0

    @property
    def seconds(self) -> float:
        """How much media time has been fed."""
        return self._fed

    def write(self, frame: AudioFrame, time: float | None) -> None:
        """Append a frame that is heard at media second `time`."""
        if frame.sample_rate not in _RATES:
            self.lost += 1
            return
        if time is not None and time > self._fed + (_GAP if self._fed else 0.0):
            self._pad(min(time, self._longest) - self._fed)
        self._gather(placed(frame))
        self._fed += frame.samples / frame.sample_rate

    def close(self) -> None:
        """Write what the resampler holds back and finish the file."""
        try:
            self._flush()
            self._write()
        finally:
            self._file.close()

    def _gather(self, frame: AudioFrame) -> None:
        frame.pts = None
        try:
            self._gathered.write(frame)
        except ValueError:  # the sound changed its format on the way
            self._restart()
            self._gathered.write(frame)
        if self._gathered.samples >= _TOGETHER:
            self._resample(self._gathered.read())

    def _pad(self, seconds: float) -> None:
        self._restart()
        self._write()
        left = round(seconds * RATE) * 2
        while left > 0:
            self._file.writeframesraw(_SILENCE[:left])
            left -= len(_SILENCE)
        self._fed += seconds

    def _restart(self) -> None:
        self._flush()
        self._gathered, self._resampler = av.AudioFifo(), _resampler()

    def _flush(self) -> None:
        if self._gathered.samples:
            self._resample(self._gathered.read())
        self._resample(None)

    def _resample(self, frame: AudioFrame | None) -> None:
        try:
            self._append(self._resampler.resample(frame))
        except av.FFmpegError:
            self.lost += 1
            self._resampler = _resampler()

    def _append(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            self._kept += memoryview(cast("bytes", frame.planes[0]))[: frame.samples * 2]
            self.heard = True
        if len(self._kept) > _KEPT:
            self._write()

    def _write(self) -> None:
        self._file.writeframesraw(self._kept)
        self._kept = bytearray()


def _resampler() -> AudioResampler:
    return av.AudioResampler(format="s16", layout="mono", rate=RATE)


def placed(frame: AudioFrame) -> AudioFrame:
    """Return a frame whose channels have known places: their mean, where there are more than can be guessed."""
    if frame.layout.nb_channels <= _GUESSED or frame.layout.name != f"{frame.layout.nb_channels} channels":
        return frame
    samples = frame.to_ndarray()
    channels = samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T
    mean = channels.mean(axis=0, dtype=np.float32)
    if samples.dtype.kind in "iu":
        bounds = np.iinfo(samples.dtype.char)
        half = (bounds.max - bounds.min + 1) / 2
        mean = (mean - (bounds.min + half)) / half
    mixed = AudioFrame.from_ndarray(np.ascontiguousarray(mean[np.newaxis], np.float32), format="fltp", layout="mono")
    mixed.sample_rate, mixed.time_base, mixed.pts = frame.sample_rate, frame.time_base, frame.pts
    return mixed
