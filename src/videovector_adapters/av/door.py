"""The door that untrusted media goes through: opened as bytes, fenced in by allow-lists, refused with a sentence.

FFmpeg sees a file object without a name. It may use only the listed containers and decoders, has no protocol, and is
refused by Python when it asks for a second file.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NoReturn

import av
from attrs import frozen
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from videovector_adapters.av import sniff
from videovector_adapters.av.limits import MediaLimits
from videovector_core.errors import Invalid, ProcessingFailed, TooLarge

UNSUPPORTED: Final = "validation_unsupported_media_type"
LIMIT: Final = "validation_media_limit"
_SUPPORTED: Final = (
    "Upload a video (MP4, MOV, WebM, MKV, AVI, TS, FLV, WMV), sound (MP3, M4A, WAV, FLAC, OGG, Opus, AMR) "
    "or a picture (JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, AVIF)."
)
_STREAMED: Final = frozenset({"mpegts", "mpeg", "mpegvideo", "m4v", "h264", "hevc", "obu", "aac", "mp3", "ac3", "eac3"})
"""Formats without an index: seeking by time would miss their beginning."""
_GUESSED: Final = _STREAMED - {"mpegts"}
"""Formats whose duration is worked out from their bit rate or from their last bytes, both of which may be far off."""
_LOOKED_THROUGH: Final = 256 * 1024 * 1024
"""Bytes of such a file up to which all of its packets are counted instead."""
_FROM_ZERO: Final = frozenset({"flv", "matroska,webm"})
"""Formats whose stated duration is the time stamp of their end."""
_LATE: Final = 0.2
"""Seconds; a beginning that is later than zero by less belongs to the ways of encoders, and players count it."""
_STEP: Final = 0.04
_LAST: Final = 600
"""Packets at the end that are looked at."""
_BUFFER: Final = 256 * 1024
_ALLOWED_DECODERS: Final = frozenset(sniff.DECODERS.split(","))
_PROBED: Final = 16_384 * 8_192
"""Pixels up to which a picture's size is looked at, if only to say that it is too large."""
_AGREE: Final = 0.1
_US: Final = 1_000_000


class Bytes:
    """A file that can only be read, and has no name for a decoder to learn from."""

    def __init__(self, path: Path) -> None:
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise unsupported("This is no regular file.")
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise ProcessingFailed(
                f"The stored media cannot be opened: {error.strerror}.", code="storage_error", transient=True
            ) from error
        self.size = os.fstat(self._file.fileno()).st_size

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes, none at the end."""
        return self._file.read(count)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to `offset` and return where that is; a place before the beginning is an error of the decoder's kind."""
        if whence == os.SEEK_SET and offset < 0:
            return -errno.EINVAL
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._file.tell()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def head(self) -> bytes:
        """Return the first bytes, which say what the file may be."""
        return self._at(0, sniff.HEAD)

    def boxes(self) -> list[tuple[bytes, int, int]]:
        """Return kind, start and end offset of the top-level MP4 boxes, at most 64."""
        found: list[tuple[bytes, int, int]] = []
        at = 0
        while len(found) < 64 and at + 8 <= self.size:
            header = self._at(at, 16)
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            length = length or self.size - at
            if length < 8:
                break
            found.append((header[4:8], at, at + length))
            at += length
        return found

    def movie_seconds(self) -> float | None:
        """Return the length that an MP4 file's movie header gives for the whole presentation."""
        start = next((start for kind, start, _ in self.boxes() if kind == b"moov"), None)
        header = b"" if start is None else self._at(start + 8, 48)
        if header[4:8] != b"mvhd" or len(header) < 44:
            return None
        scale, length = (header[28:32], header[32:40]) if header[8] == 1 else (header[20:24], header[24:28])
        ticks = int.from_bytes(scale, "big")
        return int.from_bytes(length, "big") / ticks if ticks else None

    def _at(self, offset: int, count: int) -> bytes:
        """Read at an offset; a decoder that is in the middle of the file does not notice."""
        return os.pread(self._file.fileno(), count, offset)


@frozen
class Chosen:
    """The streams that are decoded, the media time that counts as zero, and what was left aside."""

    video: VideoStream | None
    audio: AudioStream | None
    origin: float | None
    stated: float | None
    warning: str | None = None

    @property
    def bare(self) -> bool:
        """Whether this is a stream of pictures without a container, and so without times."""
        return self.origin is None and self.video is not None and self.audio is None

    @property
    def step(self) -> float:
        """How long a picture is shown where nothing says so, in seconds."""
        rate = self.video.guessed_rate if self.video else None
        return float(1 / rate) if rate else _STEP

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The video and the audio stream, where there are any."""
        return tuple(stream for stream in (self.video, self.audio) if stream is not None)


@contextmanager
def source(path: Path, limits: MediaLimits) -> Iterator[Bytes]:
    """Lend the file's bytes after the checks that need no decoder."""
    file = Bytes(path)
    try:
        if file.size == 0:
            raise Invalid("The file is empty; check that the upload was complete.", code="validation_empty_file")
        if file.size > limits.size:
            raise TooLarge(f"The file has {file.size} bytes; the most that is accepted is {limits.size}.")
        yield file
    finally:
        file.close()


@contextmanager
def container(file: Bytes, limits: MediaLimits) -> Iterator[InputContainer]:
    """Open video or sound; `Invalid` when it is neither."""
    head = file.head()
    if sniff.is_script(head):
        raise unsupported("This is a list that points at other files, not media; upload the media files themselves.")
    try:
        opened = av.open(
            file,
            "r",
            container_options={
                "format_whitelist": sniff.DEMUXERS,
                "codec_whitelist": sniff.DECODERS,
                "protocol_whitelist": "none",
                "max_streams": str(limits.streams + 1),
                "enable_drefs": "0",
            },
            options={"max_pixels": str(max(limits.pixels, _PROBED))},
            metadata_errors="replace",
            buffer_size=_BUFFER,
            io_open=_refuse,
        )
    except MemoryError:
        raise
    except (av.FFmpegError, OSError, ValueError, RuntimeError, EOFError) as error:
        raise _why(file, head) from error
    with opened:
        if len(opened.streams) > limits.streams:
            raise Invalid(
                f"The file holds {len(opened.streams)} streams; the most that is accepted is {limits.streams}.",
                code=LIMIT,
            )
        yield opened


def choose(file: Bytes, opened: InputContainer, limits: MediaLimits) -> Chosen:
    """Pick the pictures and the sound of a container; `Invalid` when it has none that can be decoded.

    The default stream is preferred, then the largest picture (the most channels), then the first. Pictures attached
    to sound, such as album covers, are not its video.
    """
    pictures = [stream for stream in opened.streams.video if not stream.disposition & Disposition.attached_pic]
    seen = [stream for stream in pictures if _decodable(stream) and stream.width and stream.height]
    heard = [stream for stream in opened.streams.audio if _decodable(stream) and stream.rate]
    video = max(seen, key=lambda s: (_default(s), s.width * s.height, -s.index), default=None)
    audio = max(heard, key=lambda s: (_default(s), s.channels, -s.index), default=None)
    if video is None and audio is None:
        raise unsupported("The file holds no picture and no sound that can be decoded.")
    if video is not None and video.width * video.height > limits.pixels:
        raise Invalid(
            f"The picture has {video.width}x{video.height} pixels; the most that is accepted is {limits.pixels} in all.",
            code=LIMIT,
        )
    stated = _stated(file, opened, video, audio)
    if stated is not None:
        check_duration(stated, limits)
    warning = (
        "The video is of a kind that cannot be decoded; only its sound was read." if pictures and not seen else None
    )
    return Chosen(video, audio, _origin(opened, video, audio), stated, warning)


def guesses(file: Bytes, opened: InputContainer) -> bool:
    """Say whether the duration is a guess that is better replaced by counting."""
    return opened.format.name in _GUESSED and file.size <= _LOOKED_THROUGH


def check_duration(seconds: float, limits: MediaLimits) -> None:
    """Refuse what is longer than the limit."""
    if seconds > limits.seconds:
        raise Invalid(
            f"The media lasts {seconds:.0f} s; the most that is accepted is {limits.seconds:.0f} s. Cut it into parts.",
            code=LIMIT,
        )


def ready(stream: VideoStream | AudioStream, limits: MediaLimits, threads: int) -> None:
    """Set the decoder up: threads, and its own check of the picture size, which may change on the way."""
    stream.codec_context.options = {"max_pixels": str(limits.pixels)}
    stream.codec_context.thread_count = threads
    stream.codec_context.thread_type = av.codec.context.ThreadType.AUTO


def unsupported(reason: str) -> Invalid:
    """Say that this is no media that can be read, and what would be."""
    return Invalid(f"{reason} {_SUPPORTED}", code=UNSUPPORTED)


def seek(opened: InputContainer, chosen: Chosen, second: float) -> None:
    """Move to the last point at or before media second `second` where decoding can begin, as far as that is known."""
    with suppress(av.FFmpegError, OSError):
        if second <= 0.0 and opened.format.name in _STREAMED:
            opened.seek(0, unsupported_byte_offset=True)
        else:
            opened.seek(round((second + (chosen.origin or 0.0)) * _US))


def last_picture(opened: InputContainer, chosen: Chosen) -> float:
    """Return the media second at which the last pictures end, 0 when that is not found at once.

    The header counts decoding times, behind which pictures that are shown out of order may lie by any gap.
    """
    video, end = chosen.video, 0.0
    if video is None or not video.codec_context.has_b_frames:
        return end
    seek(opened, chosen, chosen.stated or 0.0)
    with suppress(av.FFmpegError, OSError, ValueError):
        for packet in itertools.islice(opened.demux(video), _LAST):
            if packet.pts is not None and packet.time_base and not packet.is_discard:
                shown = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                end = max(end, shown - (chosen.origin or 0.0))
    return end


def undecodable(reason: str) -> ProcessingFailed:
    """Say that the file is media and too broken to use."""
    return ProcessingFailed(reason, code="media_decode_error")


def _why(file: Bytes, head: bytes) -> Invalid:
    boxes = file.boxes() if head[4:8] in {b"ftyp", b"mdat", b"free", b"wide", b"moov"} else []
    if sniff.is_cut_off(boxes, file.size):
        return Invalid(
            "The file ends before its index: the upload or the recording was cut off. Upload the complete file.",
            code=UNSUPPORTED,
            details={"reason": "cut_off"},
        )
    if sniff.is_text(head):
        return unsupported("This is text, not media.")
    return unsupported("The file is no media that can be read, or its beginning is damaged.")


def _decodable(stream: VideoStream | AudioStream) -> bool:
    context: Any = stream.codec_context
    return context is not None and context.codec.name in _ALLOWED_DECODERS


def _default(stream: Stream) -> bool:
    return bool(stream.disposition & Disposition.default)


def _origin(opened: InputContainer, video: VideoStream | None, audio: AudioStream | None) -> float | None:
    starts = [
        float(s.start_time * s.time_base) for s in (video, audio) if s and s.start_time is not None and s.time_base
    ]
    if len(starts) == sum(stream is not None for stream in (video, audio)):
        return min(starts)
    return None if opened.start_time is None else opened.start_time / _US


def _stated(file: Bytes, opened: InputContainer, video: VideoStream | None, audio: AudioStream | None) -> float | None:
    """Return the duration that the headers give: that of the chosen streams, else that of the whole container.

    An MP4 file says it twice; its movie header, which counts the edits of all tracks, is believed where both agree.
    """
    spans = [
        (float(s.start_time * s.time_base), float((s.start_time + s.duration) * s.time_base))
        for s in (video, audio)
        if s and s.start_time is not None and s.duration and s.time_base
    ]
    if spans and len(spans) == sum(stream is not None for stream in (video, audio)):
        tracks = max(end for _, end in spans) - min(start for start, _ in spans)
        movie = file.movie_seconds() if opened.format.name.startswith("mov,") else None
        return movie if movie and abs(movie - tracks) < _AGREE else tracks
    if not opened.duration or opened.duration <= 0:
        return None
    late = (opened.start_time or 0) / _US if opened.format.name in _FROM_ZERO else 0.0
    return max(0.0, opened.duration / _US - (late if late > _LATE else 0.0)) or None


def _refuse(url: str, _flags: int, _options: dict[str, str]) -> NoReturn:
    raise PermissionError(f"media may not open another file ({url[:80]!r})")
