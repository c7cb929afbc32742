"""What a frame's cells tell about cuts: how it differs from the frame before, and from those up to a second before."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from attrs import define, field, frozen

from videovector_adapters.av.planes import LUMA, Cells

_LAG: Final = 1.0
_ROUNDING: Final = 1e-6
_VISIBLE: Final = 12
"""The step in brightness, of 255, from which a cell counts as changed."""
_MOST: Final = 256
"""Frames of the last second that are kept at most."""


@frozen
class _Past:
    time: float
    cells: Cells
    mean: float
    deviation: float


@define
class Motion:
    """Compares each frame with those of the last second; `videovector_core.segments.cuts` names the measures."""

    _past: deque[_Past] = field(factory=lambda: deque(maxlen=_MOST), init=False)

    def measured(self, time: float, cells: Cells) -> dict[str, float]:
        """Return one row of the series."""
        luma = cells[:LUMA]
        now = _Past(time, cells, float(luma.mean()), float(luma.std()))
        moved = np.abs(cells - (self._past[-1].cells if self._past else cells))
        self._past.append(now)
        while len(self._past) > 1 and time - self._past[1].time >= _LAG - _ROUNDING:
            self._past.popleft()
        then, between = self._past[0], self._past[len(self._past) // 2]
        shared = float(then.cells[:LUMA] @ luma) / LUMA - then.mean * now.mean
        return {
            "times": time,
            "differences": float(0.7 * moved[:LUMA].mean() + 0.3 * moved[LUMA:].mean()) / 255,
            "changed": np.count_nonzero(moved[:LUMA] > _VISIBLE) / LUMA,
            "luma": now.mean / 255,
            "spread": now.deviation / 255,
            "span": float(np.abs(cells - then.cells).mean()) / 255,
            "residual": float(np.abs(between.cells - (then.cells + cells) / 2).mean()) / 255,
            "likeness": shared / (then.deviation * now.deviation + 1.0),
        }
