"""The published client 1.1.0, in a virtual environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.needs import needs
from tests.server import Server

ROOT = Path(__file__).parents[2]


@pytest.mark.real
@pytest.mark.timeout(280)
def test_the_older_client_finds_the_speech(server: Server, shared_media: Path):
    """Create index, upload, create prompt, execute, wait, list results and search, all with 1.1.0."""
    python = ROOT / ".venvs" / "sdk1" / "bin" / "python"
    needs(python.exists(), "the published client 1.1.0 in .venvs/sdk1: make test sets it up")
    file = shared_media / "speech__whisper.cpp__jfk.wav"
    script = Path(__file__).with_name("sdk1_journey.py")
    done = subprocess.run(
        [python, script, f"{server.url}/api/v2", server.key, file],
        capture_output=True,
        text=True,
        timeout=260,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.startswith("found seg_")
