"""What a frame's cells tell about cuts: how it differs from the frame before, and from those up to a second before."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from typing import Final

import numpy as np
from attrs import define, field, frozen

from videovector_adapters.av.planes import LUMA, SIZE, Cells

_LAG: Final = 1.0
_ROUNDING: Final = 1e-6
_VISIBLE: Final = 12
"""The step in brightness, of 255, from which a cell counts as changed."""
_MOST: Final = 256
"""Frames of the last second that are kept at most."""
_HALF: Final = np.float32(0.5)
_LUMA: Final = np.full(LUMA, 1 / LUMA, np.float32)
_ALL: Final = np.full(SIZE, 1 / SIZE / 255, np.float32)
_EVENLY: Final = np.concatenate(
    [np.full(LUMA, 0.7 / LUMA / 255, np.float32), np.full(SIZE - LUMA, 0.3 / (SIZE - LUMA) / 255, np.float32)]
)
"""Weights that count brightness for 0.7 and colour for 0.3."""


@frozen
class _Past:
    time: float
    cells: Cells
    mean: float
    deviation: float


def _time(past: _Past) -> float:
    return past.time


@define
class Motion:
    """Compares each frame with those of the last second; `videovector_core.segments.cuts` names the measures."""

    _past: deque[_Past] = field(factory=lambda: deque(maxlen=_MOST), init=False)

    def difference(self, cells: Cells) -> float:
        """Return how much the cells differ from the last ones measured (0 to 1)."""
        return float(np.abs(cells - self._past[-1].cells) @ _EVENLY) if self._past else 0.0

    def measured(self, time: float, cells: Cells) -> dict[str, float]:
        """Return one row of the series."""
        luma = cells[:LUMA]
        mean = float(luma @ _LUMA)
        now = _Past(time, cells, mean, math.sqrt(max(0.0, float(luma @ luma) / LUMA - mean * mean)))
        moved = np.abs(cells - (self._past[-1].cells if self._past else cells))
        self._past.append(now)
        while len(self._past) > 1 and time - self._past[1].time >= _LAG - _ROUNDING:
            self._past.popleft()
        then = self._past[0]
        between = self._past[bisect_left(self._past, (then.time + time) / 2 - _ROUNDING, key=_time)]
        shared = float(then.cells[:LUMA] @ luma) / LUMA - then.mean * mean
        return {
            "times": time,
            "differences": float(moved @ _EVENLY),
            "changed": int(np.count_nonzero(moved[:LUMA] > _VISIBLE)) / LUMA,
            "luma": mean / 255,
            "spread": now.deviation / 255,
            "span": float(np.abs(cells - then.cells) @ _ALL),
            "residual": float(np.abs(between.cells - (then.cells + cells) * _HALF) @ _ALL),
            "likeness": shared / (then.deviation * now.deviation + 1.0),
        }
