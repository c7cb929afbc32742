"""High dynamic range mapped to what a JPEG can show.

Curves are those of ITU-R BT.2100 (PQ and HLG); diffuse white lies at 203 cd/m2 as ITU-R BT.2408 has it. Light up to 0.7
of that is kept as it is, and everything above is bent below it. The scaler of FFmpeg could do it too, at a second of CPU for each frame.
"""

from __future__ import annotations

from typing import Final, TypeAlias, cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorTrc
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

_STEPS: Final = 4096
_WHITE: Final = 203.0
_KNEE: Final = 0.7
_BRIGHTEST: Final = 64.0
_TO_709: Final = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def is_hdr(frame: VideoFrame) -> bool:
    """Tell whether the frame's brightness is coded for high dynamic range."""
    return frame.color_trc in _CURVES


def mapped(frame: VideoFrame, curve: int) -> VideoFrame:
    """Turn a small frame in 16-bit RGB (BT.2020) into one in 8-bit RGB (BT.709)."""
    light = _CURVES[curve][cast("NDArray[np.uint16]", frame.to_ndarray()) >> 4] @ _TO_709.T
    peak = light.max(axis=2, keepdims=True).clip(1e-6, _BRIGHTEST)
    bent = np.where(peak > _KNEE, _KNEE + (1 - _KNEE) * (1 - np.exp(-(peak - _KNEE) / (1 - _KNEE))), peak)
    shown = (light * (bent / peak)).clip(0, 1)
    return VideoFrame.from_ndarray(_GAMMA[(shown * (_STEPS - 1)).astype(np.uint16)], format="rgb24")


def _codes() -> NDArray[np.float64]:
    return np.linspace(0, 1, _STEPS)


def _pq() -> Floats:
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = _codes() ** (1 / m2)
    light = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return np.asarray(light * 10_000 / _WHITE, np.float32)


def _hlg() -> Floats:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    codes = _codes()
    scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - c) / a) + b) / 12)
    return np.asarray(scene**1.2 * 1000 / _WHITE, np.float32)


def _gamma() -> NDArray[np.uint8]:
    light = _codes()
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(coded * 255), np.uint8)


_CURVES: Final[dict[int, Floats]] = {ColorTrc.SMPTE2084.value: _pq(), ColorTrc.ARIB_STD_B67.value: _hlg()}
_GAMMA: Final = _gamma()
