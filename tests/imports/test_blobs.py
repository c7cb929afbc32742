"""Blobs as files: named by their content, whole or not there."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videovector_adapters.storage import files
from videovector_adapters.storage.files import FileBlobs
from videovector_core.testing.storage import stream


@given(st.lists(st.binary(max_size=300), max_size=12), st.integers(1, 400))
async def test_content_is_kept_however_it_comes(chunks: list[bytes], batch: int):
    """Whatever the sizes of its chunks and of what is written at once, a blob is its bytes under their SHA-256."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_BATCH", batch)
        blobs = FileBlobs(Path(name))
        kept = await blobs.put(stream(*chunks))
        whole = b"".join(chunks)
        assert (kept.sha256, kept.size) == (hashlib.sha256(whole).hexdigest(), len(whole))
        assert b"".join([chunk async for chunk in blobs.read(kept.sha256)]) == whole
        assert _files(Path(name)) == [kept.sha256]


async def test_a_write_that_is_cancelled_in_its_thread_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A thread cannot be stopped: when it ends after its writer, nothing has become of what it wrote."""
    monkeypatch.setattr(files, "_BATCH", 1)
    begun, gate, ended = threading.Event(), threading.Event(), threading.Event()
    write = files._Coming.write

    def held(coming: files._Coming, batch: list[bytes]) -> None:
        begun.set()
        gate.wait(30)
        assert not coming.file.closed, "the file was closed while a thread wrote to it"
        write(coming, batch)
        ended.set()

    monkeypatch.setattr(files._Coming, "write", held)
    writing = asyncio.ensure_future(FileBlobs(tmp_path).put(stream(b"content")))
    await asyncio.to_thread(begun.wait, 30)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    gate.set()
    assert await asyncio.to_thread(ended.wait, 30)
    assert _files(tmp_path) == []


async def test_a_full_disk_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What a thread could not write is an error of the write, and leaves nothing."""
    monkeypatch.setattr(files, "_BATCH", 1)

    def full(_: files._Coming, __: list[bytes]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files._Coming, "write", full)

    async def content() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    with pytest.raises(OSError, match="No space"):
        await FileBlobs(tmp_path).put(content())
    assert _files(tmp_path) == []


def _files(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*") if path.is_file()]
