"""Media files read with FFmpeg and Pillow behind a wall of processes."""

from __future__ import annotations

from videovector_adapters.av.limits import MediaLimits
from videovector_adapters.av.reader import AvReader

__all__ = ["AvReader", "MediaLimits"]
