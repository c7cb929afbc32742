"""What killed writers leave behind goes, and what is being written stays."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.imports.test_storage import connector, storages
from videovector_adapters.storage.files import FileBlobs
from videovector_adapters.storage.sweeping import ABANDONED_SECONDS
from videovector_core.connectors.keys import ObjectKey
from videovector_core.testing.storage import stream

Put = Callable[[AsyncIterator[bytes]], Awaitable[object]]


@pytest.fixture(params=["blobs", "local"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Put, Path]]:
    """A way to write, and where it keeps what is not whole."""
    if request.param == "blobs":
        yield FileBlobs(tmp_path).put, tmp_path / "incoming"
        return
    async with storages(local_roots=(tmp_path,)).open(connector("local", root=str(tmp_path)), {}) as bucket:
        yield lambda chunks: bucket.put(ObjectKey("out/a.json"), chunks), tmp_path / ".videovector-incoming"


async def test_only_what_is_abandoned_goes(place: tuple[Put, Path]):
    """A file that nobody has written to for hours is removed by the next write; younger ones and folders are not."""
    put, incoming = place
    await put(stream(b"first"))
    old, young, folder = incoming / "put-old", incoming / "put-young", incoming / "folder"
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    folder.mkdir()
    past = time.time() - ABANDONED_SECONDS - 60
    os.utime(old, (past, past))
    os.utime(folder, (past, past))
    await put(stream(b"second"))
    assert sorted(one.name for one in incoming.iterdir()) == ["folder", "put-young"]


async def test_a_slow_writer_is_not_swept(place: tuple[Put, Path]):
    """A write that was begun long ago and goes on survives whoever sweeps beside it, and becomes whole."""
    put, incoming = place
    gate, asked = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        asked.set()
        await gate.wait()
        yield b"tail"

    writing = asyncio.ensure_future(put(slow()))
    await asked.wait()
    (begun,) = incoming.iterdir()
    almost = time.time() - ABANDONED_SECONDS + 600
    os.utime(begun, (almost, almost))
    await put(stream(b"beside"))
    assert begun.exists()
    gate.set()
    await writing
    assert list(incoming.iterdir()) == []


async def test_a_cancelled_write_leaves_nothing(place: tuple[Put, Path]):
    """Whoever is cancelled while writing takes its half file away by itself."""
    put, incoming = place
    asked = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        asked.set()
        await asyncio.Event().wait()

    writing = asyncio.ensure_future(put(endless()))
    await asked.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert list(incoming.iterdir()) == []
