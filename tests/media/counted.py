"""Video files whose frames carry their number as a pattern of squares that survives every codec, and its reading."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from PIL import Image

WIDE, HIGH, BITS = 320, 192, 15
SQUARE = 64


def drawn(number: int) -> np.ndarray[Any, Any]:
    """Return the picture of `number`: 15 squares of black and white, the lowest bit first."""
    grid = np.full((HIGH, WIDE, 3), 128, np.uint8)
    for bit in range(BITS):
        row, column = divmod(bit, WIDE // SQUARE)
        level = 235 if number >> bit & 1 else 20
        grid[row * SQUARE : (row + 1) * SQUARE, column * SQUARE : (column + 1) * SQUARE] = level
    return grid


def number_in(picture: bytes | Image.Image, *, turns: int = 0) -> int:
    """Read the number back from a picture of any size that was turned by `turns` quarters clockwise."""
    image = picture if isinstance(picture, Image.Image) else Image.open(io.BytesIO(picture))
    grey = image.convert("L").rotate(90 * turns, expand=True).resize((WIDE, HIGH), Image.Resampling.BOX)
    number = 0
    for bit in range(BITS):
        row, column = divmod(bit, WIDE // SQUARE)
        centre = (column * SQUARE + SQUARE // 2, row * SQUARE + SQUARE // 2)
        number |= (cast("int", grey.getpixel(centre)) > 128) << bit
    return number


def film(
    path: Path,
    times: Sequence[float],
    *,
    container: str,
    codec: str = "libx264",
    start: float = 0.0,
    options: dict[str, str] | None = None,
    degrees: int = 0,
    pixel: Fraction = Fraction(1),
    sound: bool = False,
    tick: Fraction = Fraction(1, 90_000),
) -> Path:
    """Write a video whose frame n is shown at `start + times[n]` and carries the number n."""
    with av.open(str(path), "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = WIDE, HIGH, "yuv420p"
        stream.codec_context.time_base = tick
        stream.codec_context.sample_aspect_ratio = pixel
        if degrees:
            stream.set_display_rotation(degrees)
        heard: Any = out.add_stream("aac", rate=16_000, layout="mono") if sound else None
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(drawn(number), format="rgb24")
            frame.pts, frame.time_base = round((start + time) / tick), tick
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if heard:
            _tone(out, heard, start, times[-1])
    return path


def _tone(out: Any, stream: Any, start: float, seconds: float) -> None:
    samples = (np.sin(np.arange(int(seconds * 16_000)) * 0.1) * 0.3).astype(np.float32)[None]
    frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
    frame.sample_rate, frame.time_base, frame.pts = 16_000, Fraction(1, 16_000), round(start * 16_000)
    out.mux(stream.encode(frame))
    out.mux(stream.encode(None))
