"""Text on screen. Reading a frame costs a third of a second or more, so a frame that shows the same as the last is not read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from videovector_adapters.local.pictures import decoded

GRID: Final = (64, 36)
SAME: Final = 10.0
"""Grey levels of 255 by which no tile of the grid may differ in frames that show the same; a letter changes one by more."""
LONG_SIDE: Final = 960
"""Pixels at which text is looked for: half the time of the full size, and letters of 12 pixels are still found."""
LEAST: Final = 0.6
LEAST_ALONE: Final = 0.95
"""Certainty that a line needs, and one that has a single character: textures look like those."""


class Reader:
    """The loaded reader."""

    def __init__(self, *, threads: int) -> None:
        from rapidocr import RapidOCR  # noqa: PLC0415 - heavy, and only this child needs it

        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.text_score": LEAST,
                "Det.limit_type": "max",
                "Det.limit_side_len": LONG_SIDE,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def read(self, images: Sequence[bytes]) -> Iterator[tuple[str, ...]]:
        """Yield the lines of each picture, top to bottom."""
        before: NDArray[np.float32] | None = None
        lines: tuple[str, ...] = ()
        for image in images:
            picture = decoded(image, small=False)
            now = tiles(picture)
            if before is None or not same(before, now):
                lines, before = self._lines(picture), now
            yield lines

    def _lines(self, picture: Image.Image) -> tuple[str, ...]:
        found = self._engine(np.asarray(picture)[:, :, ::-1])
        pairs = zip(found.txts or (), found.scores or (), strict=True)
        return tuple(
            text.strip() for text, score in pairs if score >= (LEAST if len(text.strip()) > 1 else LEAST_ALONE)
        )


def tiles(picture: Image.Image) -> NDArray[np.float32]:
    """Return the mean grey level of each tile of the frame."""
    return np.asarray(picture.convert("L").resize(GRID, Image.Resampling.BOX), np.float32)


def same(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Say whether two frames show the same, apart from noise and compression."""
    return bool(np.abs(one - other).max() < SAME)
