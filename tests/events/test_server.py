"""Streams on a real server: open when it is told to stop, and resumed when it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.events.stopping import stopped_and_resumed
from tests.server import Server


@pytest.mark.real
async def test_open_streams_do_not_hold_up_the_end_and_lose_nothing(tmp_path: Path) -> None:
    """With all streams that a user may have open, the server ends on SIGTERM in seconds, and every stream goes on where it was cut."""
    server = Server(tmp_path / "data").start()
    try:
        await stopped_and_resumed(server, [server.key])
    finally:
        server.kill()
