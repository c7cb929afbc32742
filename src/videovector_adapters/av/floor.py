"""The oldest FFmpeg that untrusted files are given to.

The door's fences (allow-lists of formats and decoders, no protocols, refused second files) were tried out from FFmpeg
8.1 on. Two holes of its playlist reader were closed in 8.1.3 only; that reader is not among the allowed formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import av

LEAST: Final[Mapping[str, tuple[int, int, int]]] = {"libavformat": (62, 12, 0), "libavcodec": (62, 28, 0)}
"""The libraries of FFmpeg 8.1."""


def check_version(found: Mapping[str, tuple[int, int, int]] | None = None) -> None:
    """Go on when the installed FFmpeg is new enough to be trusted with uploads.

    Raises:
        ImportError: names the library that is too old, and what to install.
    """
    versions = av.library_versions if found is None else found
    for name, least in LEAST.items():
        if versions.get(name, (0, 0, 0)) < least:
            raise ImportError(
                f"{name} {'.'.join(map(str, versions.get(name, ())))} is too old to read untrusted files; "
                "upgrade PyAV, which brings FFmpeg along: pip install --upgrade 'av>=18.1'"
            )
