"""What the media door lets in."""

from __future__ import annotations

from typing import Final

from attrs import field, frozen, validators

GIB: Final = 1024**3


@frozen
class MediaLimits:
    """Ceilings that are checked before decoding, and again while it runs, since a file may lie about itself.

    `size` is in bytes, `seconds` in media seconds, `pixels` and `image_pixels` in pixels of one picture; `frames`
    counts the decoded pictures of one file, `streams` everything that its container announces.
    """

    size: int = field(default=50 * GIB, validator=validators.gt(0))
    seconds: float = field(default=12 * 3600.0, validator=validators.gt(0))
    streams: int = field(default=64, validator=validators.gt(0))
    pixels: int = field(default=8192 * 4352, validator=validators.gt(0))
    image_pixels: int = field(default=100_000_000, validator=validators.gt(0))
    frames: int = field(default=12 * 3600 * 120, validator=validators.gt(0))
