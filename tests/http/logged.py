"""What a server writes to its log, kept in memory."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from videovector_http import logs


def logged(monkeypatch: pytest.MonkeyPatch, level: str) -> Iterator[io.StringIO]:
    """Yield what is written to standard error, from a level on as JSON lines; afterwards logging is as it was before."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, before = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure(level, "json")
    yield stream
    root.handlers[:], root.level = handlers, before
    structlog.reset_defaults()
