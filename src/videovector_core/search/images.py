"""Pictures in questions: read from base64, and looked at no further than their headers.

What is too large, or is none of the three formats, is refused before anything decodes it.

Sources: JPEG markers ITU-T T.81 annex B; PNG specification 5.6 and 11.2.2; WebP container RFC 9649.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from typing import Final

from attrs import frozen

from videovector_core.errors import Invalid

MAX_BYTES: Final = 10 * 1024 * 1024
MAX_PIXELS: Final = 40_000_000

_PREFIX: Final = re.compile(r"\s*data:[^,]{0,200};base64,", re.IGNORECASE)
_SPACES: Final = str.maketrans("", "", " \t\r\n")
_PNG: Final = b"\x89PNG\r\n\x1a\n"
# Start-of-frame markers: C0 to CF, but for DHT (C4), JPG (C8) and DAC (CC).
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length: TEM, RST0 to RST7 and SOI."""


@frozen
class Header:
    """What the first bytes of a picture say."""

    format: str
    width: int
    height: int


def picture(text: str) -> bytes:
    """Read a picture of a question from base64, with or without the prefix of a data URL.

    Raises:
        Invalid: code `validation_image`: no base64, over 10 MiB, over 40 megapixels, or no JPEG, PNG or WebP.
    """
    data = _decoded(text)
    head = header(data)
    if head is None:
        raise _invalid("is no JPEG, PNG or WebP; send one of these")
    if head.width * head.height > MAX_PIXELS:
        raise _invalid(f"has {head.width}x{head.height} pixels and {MAX_PIXELS} are the most; scale it down")
    return data


def header(data: bytes) -> Header | None:
    """Read format and size in pixels; `None` when it is none of the three formats or breaks off before its size."""
    try:
        if data.startswith(_PNG):
            return _png(data)
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError):
        return None
    return None


def _decoded(text: str) -> bytes:
    prefix = _PREFIX.match(text, 0, 256)
    clean = text[prefix.end() if prefix else 0 :].translate(_SPACES).rstrip("=")
    if len(clean) * 3 // 4 > MAX_BYTES:
        raise _invalid("has more than 10 MiB; scale it down")
    try:
        return base64.b64decode(clean + "=" * (-len(clean) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid("is no base64; encode the bytes of the file") from error


def _png(data: bytes) -> Header | None:
    if data[12:16] != b"IHDR":
        return None
    return _sized("png", *struct.unpack_from(">II", data, 16))


def _jpeg(data: bytes) -> Header | None:
    at = 2
    while True:
        if data[at] != 0xFF:
            return None
        while data[at] == 0xFF:  # any number of fill bytes may come before a marker
            at += 1
        marker = data[at]
        at += 1
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 3)
            return _sized("jpeg", width, height)
        if marker in {0xD9, 0xDA}:
            return None  # the picture ends, or begins, before it said its size
        if marker not in _BARE:
            (length,) = struct.unpack_from(">H", data, at)
            at += max(2, length)


def _webp(data: bytes) -> Header | None:
    kind = data[12:16]
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return _sized("webp", width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L" and data[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", data, 21)
        return _sized("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return _sized("webp", width, height) if len(data) >= 30 else None
    return None


def _sized(kind: str, width: int, height: int) -> Header | None:
    return Header(kind, width, height) if width and height else None


def _invalid(what: str) -> Invalid:
    return Invalid(f"The image {what}.", code="validation_image")
