"""The example adapter of the page keeps its port's contract, and the contract would notice if it did not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import blocks

PAGE = Path("docs/how-to/write-an-adapter.md")
CONFIGURATION = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"


def suite(text: str, place: Path) -> subprocess.CompletedProcess[str]:
    """Run the page's module as a test of a project of its own."""
    (place / "pytest.ini").write_text(CONFIGURATION)
    (place / "test_trigrams.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_trigrams.py"]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def text() -> str:
    """The adapter with its tests, as the page has it."""
    (found,) = [one for one in blocks(PAGE) if "TextEmbedderContract" in one.text]
    return found.text


def test_the_adapter_keeps_the_contract(text: str, tmp_path: Path) -> None:
    """Every promise of the port is tested, and kept."""
    done = suite(text, tmp_path)
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


def test_a_broken_adapter_is_noticed(text: str, tmp_path: Path) -> None:
    """Vectors that are not of unit length are found by the same suite."""
    broken = text.replace("value / length", "value")
    assert broken != text
    assert suite(broken, tmp_path).returncode == 1
