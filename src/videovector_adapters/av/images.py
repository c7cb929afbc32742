"""Still pictures: one upright frame out of any picture format, animated ones included."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import IO, Any, Final, cast

import pillow_heif
from PIL import Image, ImageFile

from videovector_adapters.av import door, sniff
from videovector_adapters.av.door import Bytes
from videovector_adapters.av.limits import MediaLimits
from videovector_core.errors import TooLarge

pillow_heif.register_heif_opener(thumbnails=False)
Image.init()
Image.MAX_IMAGE_PIXELS = None
ImageFile.LOAD_TRUNCATED_IMAGES = True

_QUALITY: Final = 88
_WHITE: Final = (255, 255, 255)
_TURNS: Final[Mapping[object, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture of each Exif orientation upright (Exif 2.32, tag 0x0112)."""
_LYING: Final = frozenset({5, 6, 7, 8})


class Still:
    """One decoded picture, and what can be said about it."""

    def __init__(self, file: Bytes, kind: str, limits: MediaLimits, long_side: int) -> None:
        opened = _opened(file, kind)
        self.kind = kind
        self.stored = opened.size
        if opened.width * opened.height > limits.image_pixels:
            raise TooLarge(
                f"The picture has {opened.width}x{opened.height} pixels; the most that is accepted is "
                f"{limits.image_pixels} in all. Scale it down.",
                code=door.LIMIT,
            )
        orientation = _orientation(opened) if kind != "HEIF" else 1  # those come upright
        self.size = self.stored[::-1] if orientation in _LYING else self.stored
        self.image, self.warning = _upright(opened, orientation, long_side)

    def scaled(self, long_side: int) -> Image.Image:
        """Return the picture with its long side at most `long_side`, never enlarged."""
        image = self.image.copy()
        image.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
        return image

    def described(self) -> dict[str, Any]:
        """Return the fields of a `Probe`."""
        mime = sniff.IMAGE_MIME[self.kind]
        return {
            "media_type": "image",
            "duration": 0.0,
            "container": self.kind.lower(),
            "mime_type": mime,
            "width": self.size[0],
            "height": self.size[1],
        }


def jpeg(image: Image.Image) -> bytes:
    """Encode a picture."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _opened(file: Bytes, kind: str) -> Image.Image:
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Image.open(cast("IO[bytes]", _Stream(file)), formats=(kind,))
        except MemoryError:
            raise
        except Exception as error:  # as below: AVIF raises RuntimeError for some headers
            raise door.unsupported("The picture is damaged from its beginning.") from error


def _orientation(opened: Image.Image) -> object:
    """Return the Exif orientation; what is told about a picture may be damaged while the picture is not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return opened.getexif().get(0x0112, 1)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - the library raises whatever it meets in a damaged tag
            return 1


def _upright(opened: Image.Image, orientation: object, long_side: int) -> tuple[Image.Image, str | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            opened.draft("RGB", (long_side, long_side))
            opened.load()
            turn = _TURNS.get(orientation)
            return _flat(opened if turn is None else opened.transpose(turn)), None
        except MemoryError:
            raise
        except Exception as error:  # the library raises whatever its decoders meet in a damaged picture
            raise door.unsupported("The picture is damaged and cannot be decoded.") from error


def _flat(image: Image.Image) -> Image.Image:
    """Return the picture in RGB, over white where it is transparent; 16-bit greys are scaled down."""
    if image.mode.startswith(("I", "F")):
        low, high = cast("tuple[float, float]", image.getextrema())
        scale = 255 / (high - low) if high > low else 0.0
        return image.point(lambda value: (value - low) * scale).convert("L").convert("RGB")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        over = image.convert("RGBA")
        under = Image.new("RGBA", over.size, (*_WHITE, 255))
        return Image.alpha_composite(under, over).convert("RGB")
    return image.convert("RGB")


class _Stream(io.RawIOBase):
    """The file as the picture library wants it."""

    def __init__(self, file: Bytes) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size if size is not None and size >= 0 else self._file.size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
