"""Pages of mapped files are faulted in beforehand: those of one directory, less its logs, and as long as nobody says stop."""

from __future__ import annotations

import contextlib
import mmap
import platform
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import needs
from videovector_adapters.qdrant import pages

SIZE = 4 * mmap.PAGESIZE


@pytest.fixture(autouse=True)
def _linux() -> None:
    """Ask for what the system must have: madvise(2) knows MADV_POPULATE_READ since Linux 5.14."""
    release = tuple(int(number) for number in re.findall(r"\d+", platform.release())[:2])
    needs(Path("/proc/self/maps").exists() and release >= (5, 14), "Linux 5.14 or later, with /proc/self/maps")


@contextlib.contextmanager
def mapped(path: Path) -> Iterator[None]:
    """Map a file of `SIZE` bytes for as long as the block lasts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * SIZE)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ):
        yield


def test_what_is_mapped_is_populated(tmp_path: Path) -> None:
    """Every page of a file below the directory is faulted in, and counted."""
    with mapped(tmp_path / "store" / "part" / "vectors"):
        assert pages.populate(tmp_path / "store", lambda: False) >= SIZE


def test_what_is_not_mapped_is_left_alone(tmp_path: Path) -> None:
    """A directory counts for nothing when what is mapped lies in another one, be it of a name that begins like its own."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "vectors").write_bytes(b"x" * SIZE)
    with mapped(tmp_path / "store.2" / "vectors"):
        assert pages.populate(tmp_path / "store", lambda: False) == 0


def test_logs_are_passed_over(tmp_path: Path) -> None:
    """No query reads a log, so its pages are not faulted in."""
    with mapped(tmp_path / "store" / "wal" / "open-1"):
        assert pages.populate(tmp_path / "store", lambda: False) == 0


def test_it_ends_when_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who says stop at once gets nothing done, and somebody who says it after a slice gets that slice."""
    monkeypatch.setattr(pages, "_SLICE", mmap.PAGESIZE)
    answers = iter([False, True])
    with mapped(tmp_path / "store" / "vectors"):
        assert pages.populate(tmp_path / "store", lambda: True) == 0
        assert pages.populate(tmp_path / "store", lambda: next(answers)) == mmap.PAGESIZE


def test_memory_that_is_short_is_left_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that would take more than three quarters of what is free are not faulted in."""
    monkeypatch.setattr(pages, "_free", lambda: SIZE)
    with mapped(tmp_path / "store" / "vectors"):
        assert pages.populate(tmp_path / "store", lambda: False) == 0
        monkeypatch.setattr(pages, "_free", lambda: 2 * SIZE)
        assert pages.populate(tmp_path / "store", lambda: False) == SIZE
