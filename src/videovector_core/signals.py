"""What one decoding pass over a media file yields.

Times are seconds from the first presented frame or sample of the item, never frame numbers divided by a rate.
"""

from __future__ import annotations

from array import array
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from attrs import field, frozen


class MediaType(StrEnum):
    """The three kinds of media; all of them are called videos in paths and ids of the public API."""

    VIDEO = "video"
    AUDIO = "audio"
    IMAGE = "image"


@frozen
class Probe:
    """What a file is, found by reading it and not by its name.

    `duration` is in seconds, measured where the container does not state it, and 0.0 for images. `width` and `height`
    are in pixels as displayed: rotation and sample aspect ratio are applied.
    """

    media_type: MediaType
    duration: float
    container: str
    mime_type: str
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    rotation: int = 0
    has_audio: bool = False


@frozen
class StillFrame:
    """A frame kept as a JPEG file, upright and with square pixels; `after_cut` marks the first stable one of a shot."""

    time: float
    path: Path
    after_cut: bool = False


@frozen
class Signals:
    """The yield of one pass: cut signals per frame, still frames, and the sound.

    `times` and `differences` run in parallel, one entry for each decoded frame: presentation time, and how much the
    frame differs from the one before it (0 to 1). `audio` is a mono 16 kHz 16-bit WAV file, `None` without sound.
    Files lie in the directory that was given to the reader. `warning` says what was lost when a file broke half way.
    """

    probe: Probe
    times: array[float]
    differences: array[float]
    features: dict[str, array[float]] = field(factory=dict)
    """Further per-frame series that the cut detector uses, such as the mean luma that shows fades."""
    thumbnails: tuple[StillFrame, ...] = ()
    frames: tuple[StillFrame, ...] = ()
    audio: Path | None = None
    warning: str | None = None


class Beat(Protocol):
    """Called with the media second that was reached, whenever there is progress; it keeps the lease alive."""

    def __call__(self, second: float, /) -> None: ...


class MediaReader(Protocol):
    """Reads untrusted media files behind a wall.

    Every method refuses what is no supported media with `Invalid` (code `validation_unsupported_media_type`), what is
    over a limit with `TooLarge` or `Invalid`, and reports a broken file as `ProcessingFailed`
    (code `media_decode_error`). The file's name and extension are never believed.
    """

    async def probe(self, path: Path) -> Probe:
        """Say what the file holds; cheap unless the container states no duration."""
        ...

    async def read(self, path: Path, into: Path, *, beat: Beat | None = None) -> Signals:
        """Decode the file once, writing frames and sound into the directory `into`."""
        ...

    async def thumbnail(self, path: Path, at: float, *, long_side: int = 640) -> bytes:
        """Return the frame that is shown at second `at` as JPEG; for sound a picture of its waveform."""
        ...

    async def gif(self, path: Path, start: float, end: float, *, long_side: int = 320) -> bytes:
        """Return a looping GIF of at most 3 seconds and 10 frames a second from `start`."""
        ...

    async def clip(self, path: Path, start: float, end: float | None, into: Path) -> str:
        """Write `[start, end)` to the file `into` as an MP4 that browsers play, and return its MIME type."""
        ...
