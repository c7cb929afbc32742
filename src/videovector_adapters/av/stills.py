"""Frames as upright JPEG pictures with square pixels, scaled and encoded without leaving the decoder's own format."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import av
import numpy as np
from attrs import frozen
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from PIL import Image

from videovector_adapters.av import hdr

JPEG: Final = "yuvj420p"
_QUALITY: Final = 4
_TICK: Final = Fraction(1, 25)
_UNSPECIFIED: Final = 2


@frozen
class Shape:
    """How a stored picture is shown: its size in pixels, the shape of one pixel, and quarter turns clockwise."""

    width: int
    height: int
    pixel: Fraction = Fraction(1)
    turns: int = 0

    @classmethod
    def of(cls, frame: VideoFrame, pixel: Fraction | None) -> Shape:
        """Read the shape off a decoded frame and its stream's sample aspect ratio."""
        sane = pixel if pixel and Fraction(1, 16) <= pixel <= 16 else Fraction(1)
        degrees = frame.rotation if -360 <= frame.rotation <= 360 else 0
        return cls(frame.width, frame.height, sane, round(-degrees / 90) % 4)

    @property
    def displayed(self) -> tuple[int, int]:
        """Width and height as shown: square pixels, upright."""
        size = max(1, round(self.width * self.pixel)), self.height
        return size if self.turns % 2 == 0 else size[::-1]

    def fitted(self, long_side: int) -> tuple[int, int]:
        """Width and height before turning, at most `long_side`, never enlarged, even as the JPEG planes need it."""
        wide, high = max(1, round(self.width * self.pixel)), self.height
        scale = min(1.0, long_side / max(wide, high), max(self.width, self.height) / max(wide, high))
        return max(2, round(wide * scale / 2) * 2), max(2, round(high * scale / 2) * 2)


class StillMaker:
    """Scales, turns and encodes frames; keeps scalers and encoders between frames of one size."""

    def __init__(self) -> None:
        self._scalers: dict[str, VideoReformatter] = {}
        self._encoders: dict[tuple[int, int], VideoCodecContext] = {}
        self._encoded = 0

    def upright(self, frame: VideoFrame, shape: Shape, long_side: int) -> VideoFrame:
        """Return the frame as shown, in full-range 4:2:0 planes, with its long side at most `long_side`."""
        width, height = shape.fitted(long_side)
        if hdr.is_hdr(frame):
            frame = hdr.mapped(self._scaled("deep", frame, width, height, "rgb48le"), frame.color_trc)
        return turned(self._scaled("first", frame, width, height, **_colours(frame)), shape.turns)

    def smaller(self, upright: VideoFrame, long_side: int) -> VideoFrame:
        """Shrink a frame that is upright already."""
        width, height = Shape(upright.width, upright.height).fitted(long_side)
        if (width, height) == (upright.width, upright.height):
            return upright
        return self._scaled("second", upright, width, height)

    def jpeg(self, upright: VideoFrame) -> bytes:
        """Encode an upright frame."""
        size = (upright.width, upright.height)
        if size not in self._encoders:
            if len(self._encoders) > 8:
                self._encoders.clear()
            self._encoders[size] = _encoder(*size)
        self._encoded += 1
        upright.time_base, upright.pts = _TICK, self._encoded  # an encoder refuses time that stands still
        return b"".join(bytes(packet) for packet in self._encoders[size].encode(upright))

    def _scaled(
        self, which: str, frame: VideoFrame, width: int, height: int, kind: str = JPEG, **colours: Any
    ) -> VideoFrame:
        scaler = self._scalers.setdefault(which, VideoReformatter())
        return scaler.reformat(frame, width, height, kind, interpolation=Interpolation.BILINEAR, threads=1, **colours)


def as_image(upright: VideoFrame) -> Image.Image:
    """Return an upright frame as a picture in RGB."""
    picture: Image.Image = upright.to_image()  # type: ignore[no-untyped-call]  # the library's stub leaves it open
    return picture


def turned(frame: VideoFrame, turns: int) -> VideoFrame:
    """Turn a 4:2:0 frame of even size by quarter turns clockwise."""
    if turns % 4 == 0:
        return frame
    wide, high = frame.width, frame.height
    flat = frame.to_ndarray().ravel()
    luma, colour = wide * high, wide * high // 4
    parts = (
        flat[:luma].reshape(high, wide),
        flat[luma : luma + colour].reshape(high // 2, wide // 2),
        flat[luma + colour :].reshape(high // 2, wide // 2),
    )
    turned_parts = [np.rot90(part, -turns) for part in parts]
    new_wide = turned_parts[0].shape[1]
    stacked = np.concatenate([np.ascontiguousarray(part).ravel() for part in turned_parts]).reshape(-1, new_wide)
    return VideoFrame.from_ndarray(stacked, format=JPEG)


def _colours(frame: VideoFrame) -> dict[str, Any]:
    """Say how colours go to JPEG's: BT.601 in full range."""
    wanted: dict[str, Any] = {"dst_colorspace": Colorspace.ITU601, "dst_color_range": ColorRange.JPEG}
    if frame.colorspace == _UNSPECIFIED and frame.height >= 720:
        wanted["src_colorspace"] = Colorspace.ITU709
    return wanted


def _encoder(width: int, height: int) -> VideoCodecContext:
    encoder = CodecContext.create("mjpeg", "w")
    if not isinstance(encoder, av.VideoCodecContext):
        raise TypeError("the JPEG encoder is no video encoder")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, JPEG
    encoder.time_base, encoder.thread_count = _TICK, 1
    encoder.qmin = encoder.qmax = _QUALITY
    return encoder
