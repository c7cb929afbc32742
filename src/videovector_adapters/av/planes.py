"""Small pictures out of decoded frames, straight from the planes, and what one differs from the next by.

A frame is averaged into 18 rows of 32 cells of luma, and 9 rows of 16 cells for each colour, in units of 0 to 255.
Only some lines of each row of cells and every other pixel are read: the average of what is left moves no cut.
"""

from __future__ import annotations

from typing import Final, TypeAlias, cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

Cells: TypeAlias = NDArray[np.float32]

ROWS: Final = 18
COLUMNS: Final = 32
LUMA: Final = ROWS * COLUMNS
SIZE: Final = LUMA + 2 * (ROWS // 2) * (COLUMNS // 2)
_EVEN: Final = np.uint64(0x00FF00FF00FF00FF)
_LUMA_LINES: Final = 4
_COLOUR_LINES: Final = 2
_EIGHT_BIT: Final = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuva420p"})


class Shrinker:
    """Turns frames of any format into cells; keeps the scaler of unusual formats between frames."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()

    def cells(self, frame: VideoFrame) -> Cells:
        """Return the frame's cells: luma first, then the two colours, as one flat array of `SIZE`."""
        planes: tuple[VideoPlane, ...] = ()
        if frame.format.name in _EIGHT_BIT and frame.width >= 4 * COLUMNS and frame.height >= 4 * ROWS:
            planes = frame.planes
        if not planes or not all(plane.line_size > 0 and plane.line_size % 8 == 0 for plane in planes[:3]):
            frame = self._scaler.reformat(
                frame, 4 * COLUMNS, 4 * ROWS, "yuv420p", interpolation=Interpolation.AREA, threads=1
            )
            planes = frame.planes
        cells = np.empty(SIZE, np.float32)
        half = (SIZE - LUMA) // 2
        cells[:LUMA] = _averaged(planes[0], ROWS, COLUMNS, _LUMA_LINES)
        cells[LUMA : LUMA + half] = _averaged(planes[1], ROWS // 2, COLUMNS // 2, _COLOUR_LINES)
        cells[LUMA + half :] = _averaged(planes[2], ROWS // 2, COLUMNS // 2, _COLOUR_LINES)
        return cells


def _averaged(plane: VideoPlane, rows: int, columns: int, most: int) -> Cells:
    """Average every other pixel of a plane into `rows` x `columns` cells, reading at most `most` lines of each row.

    Eight pixels are read as one number of four sums of 16 bits, which hold 255 lines.
    """
    stride, high, wide = plane.line_size, plane.height // rows, plane.width // 2 // columns
    eights = np.frombuffer(cast("memoryview[int]", plane), np.uint64)[: rows * high * stride // 8]
    lines = eights.reshape(rows, high, stride // 8)[:, :: max(1, high // most)][:, :most]
    down = (lines & _EVEN).sum(axis=1).view(np.uint16)
    across = down[:, : columns * wide].astype(np.float32).reshape(rows * columns, wide)
    averaged: Cells = across @ np.full(wide, 1 / (lines.shape[1] * wide), np.float32)  # a product is quicker than a sum
    return averaged
