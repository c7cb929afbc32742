"""Media files read with FFmpeg and Pillow behind a wall of processes."""

from __future__ import annotations

from videovector_adapters.extras import requires

requires("media", "av", "PIL", "pillow_heif", "numpy", "msgspec")

from videovector_adapters.av.floor import check_version  # noqa: E402 - says first what is missing
from videovector_adapters.av.limits import MediaLimits  # noqa: E402 - says first what is missing
from videovector_adapters.av.reader import AvReader  # noqa: E402 - says first what is missing

check_version()

__all__ = ["AvReader", "MediaLimits"]
