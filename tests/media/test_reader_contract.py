"""The reader over FFmpeg and Pillow keeps the promises of the port."""

from __future__ import annotations

from videovector_core.testing.media import MediaReaderContract


class TestAvReader(MediaReaderContract):
    """Decoding in a child process."""
