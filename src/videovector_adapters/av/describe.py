"""Say what a file is: container, MIME type, codecs, size as shown, duration."""

from __future__ import annotations

from typing import Any, Final

from av.container import InputContainer
from av.video.stream import VideoStream

from videovector_adapters.av.door import Chosen
from videovector_adapters.av.stills import Shape

_NAMES: Final = {
    "matroska,webm": ("matroska", "video/x-matroska", "audio/x-matroska"),
    "avi": ("avi", "video/x-msvideo", "audio/x-msvideo"),
    "mpegts": ("mpegts", "video/mp2t", "audio/mp2t"),
    "mpeg": ("mpeg", "video/mpeg", "audio/mpeg"),
    "mpegvideo": ("mpegvideo", "video/mpeg", "audio/mpeg"),
    "flv": ("flv", "video/x-flv", "audio/x-flv"),
    "asf": ("asf", "video/x-ms-wmv", "audio/x-ms-wma"),
    "ogg": ("ogg", "video/ogg", "audio/ogg"),
    "wav": ("wav", "video/x-unknown", "audio/wav"),
    "mp3": ("mp3", "video/x-unknown", "audio/mpeg"),
    "aac": ("aac", "video/x-unknown", "audio/aac"),
    "flac": ("flac", "video/x-unknown", "audio/flac"),
    "amr": ("amr", "video/x-unknown", "audio/amr"),
    "aiff": ("aiff", "video/x-unknown", "audio/aiff"),
    "mxf": ("mxf", "application/mxf", "application/mxf"),
}
_FASTEST: Final = 480
_CODECS: Final = {"libdav1d": "av1", "mp3float": "mp3", "mp2float": "mp2", "mp1float": "mp1", "msmpeg4": "msmpeg4v3"}


def described(
    opened: InputContainer, chosen: Chosen, head: bytes, duration: float, shape: Shape | None
) -> dict[str, Any]:
    """Return the fields of a `Probe`."""
    container, mime = _kind(opened, head, is_video=chosen.video is not None)
    width, height = shape.displayed if shape else (None, None)
    video, audio = chosen.video, chosen.audio
    return {
        "media_type": "video" if video else "audio",
        "duration": duration,
        "container": container,
        "mime_type": mime,
        "width": width,
        "height": height,
        "frame_rate": _rate(video),
        "video_codec": _codec(video),
        "audio_codec": _codec(audio),
        "rotation": shape.turns * 90 if shape else 0,
        "has_audio": audio is not None,
    }


def _kind(opened: InputContainer, head: bytes, *, is_video: bool) -> tuple[str, str]:
    name = opened.format.name
    if name.startswith("mov,"):
        if head[4:8] != b"ftyp" or head[8:12] == b"qt  ":
            return "mov", "video/quicktime" if is_video else "audio/mp4"
        return "mp4", "video/mp4" if is_video else "audio/mp4"
    if name == "matroska,webm" and b"webm" in head[:64]:
        return "webm", "video/webm" if is_video else "audio/webm"
    container, video_mime, audio_mime = _NAMES.get(name, (name, f"video/x-{name}", f"audio/x-{name}"))
    return container, video_mime if is_video else audio_mime


def _rate(video: VideoStream | None) -> float | None:
    """Return frames a second; some containers give their clock's rate instead, which is no answer."""
    rates = [video.average_rate, video.guessed_rate] if video else []
    return next((float(rate) for rate in rates if rate and 0 < rate <= _FASTEST), None)


def _codec(stream: Any) -> str | None:
    if stream is None:
        return None
    name = str(stream.codec_context.codec.name)
    return _CODECS.get(name, name)
