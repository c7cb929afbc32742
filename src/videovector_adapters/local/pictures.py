"""Encoded pictures to arrays: untrusted bytes, so this runs in a child and takes three formats only."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Final, TypeAlias

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from PIL import Image, ImageOps

from videovector_core.errors import ProcessingFailed

Planes: TypeAlias = NDArray[np.float32]

FORMATS: Final = ("JPEG", "PNG", "WEBP")
MOST_PIXELS: Final = 100_000_000
SMALL: Final = 512
"""A large JPEG is decoded at a reduced size that is at least this, since the models look at less."""


@frozen
class Recipe:
    """How a model wants its pictures: side in pixels, mean and deviation of each channel, how the frame is cut."""

    side: int = 224
    shortest: int = 256
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def whole(self, picture: Image.Image) -> Planes:
        """Return the whole frame squeezed into the square, so that nothing at its edges is lost."""
        return self._planes(picture.resize((self.side, self.side), Image.Resampling.BICUBIC))

    def centre(self, picture: Image.Image) -> Planes:
        """Return the middle of the frame in its true proportions."""
        scale = self.shortest / min(picture.size)
        width, height = (max(self.side, round(extent * scale)) for extent in picture.size)
        left, top = (width - self.side) // 2, (height - self.side) // 2
        resized = picture.resize((width, height), Image.Resampling.BICUBIC)
        return self._planes(resized.crop((left, top, left + self.side, top + self.side)))

    def _planes(self, picture: Image.Image) -> Planes:
        values = np.asarray(picture, np.float32) / np.float32(255)
        scaled = (values - np.array(self.mean, np.float32)) / np.array(self.deviation, np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32)


def decoded(data: bytes, *, small: bool) -> Image.Image:
    """Return an upright RGB picture; transparent parts become white.

    Args:
        data: JPEG, PNG or WebP.
        small: Whether a reduced size will do.

    Raises:
        ProcessingFailed: the bytes are no such picture, or a picture of too many pixels (code `media_decode_error`).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            _bounded(picture)
            return _upright(picture, small=small)
    except ProcessingFailed:
        raise
    except Exception as error:  # the decoders raise whatever a broken file makes them raise
        raise ProcessingFailed(
            "The picture cannot be read; send a JPEG, PNG or WebP file.", code="media_decode_error"
        ) from error


def _bounded(picture: Image.Image) -> None:
    if picture.width * picture.height > MOST_PIXELS:
        raise ProcessingFailed(
            f"A picture may have at most {MOST_PIXELS} pixels; send a smaller one.", code="media_decode_error"
        )


def _upright(picture: Image.Image, *, small: bool) -> Image.Image:
    if small:
        picture.draft("RGB", (SMALL, SMALL))
    picture.load()
    turned = picture
    with contextlib.suppress(Exception):  # a broken orientation tag is no reason to refuse the picture
        turned = ImageOps.exif_transpose(picture)
    if turned.has_transparency_data:
        layer = turned.convert("RGBA")
        turned = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return turned.convert("RGB")
