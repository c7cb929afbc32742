"""Blobs as files of a directory, named by their content."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from videovector_adapters.storage.sweeping import sweep
from videovector_core.errors import NotFound
from videovector_core.ports import Blob

_CHUNK: Final = 1024 * 1024
_BATCH: Final = 1024 * 1024
"""Bytes that are worth a turn of a thread; a blob that is being written holds twice as many."""


@frozen
class FileBlobs:
    """`Blobs` below one directory, which is private to the server's user.

    A blob is written under a temporary name, flushed to disk and renamed, so nobody sees half of one. What a killed
    writer leaves behind goes when something is put much later.
    """

    root: Path

    async def put(self, chunks: AsyncIterable[bytes]) -> Blob:
        coming = await asyncio.to_thread(self._begun)
        try:
            async for chunk in chunks:
                await coming.take(chunk)
            await coming.end(self._settle)
        except BaseException:
            coming.drop()
            raise
        return Blob(coming.digest.hexdigest(), coming.size)

    async def read(self, sha256: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        path = self._known(sha256)
        with path.open("rb") as file:
            file.seek(start)
            left = (path.stat().st_size if end is None else end) - start
            while left > 0 and (chunk := await asyncio.to_thread(file.read, min(left, _CHUNK))):
                left -= len(chunk)
                yield chunk

    @contextlib.asynccontextmanager
    async def local(self, sha256: str) -> AsyncIterator[Path]:
        yield self._known(sha256)

    async def has(self, sha256: str) -> bool:
        return await asyncio.to_thread(self._path(sha256).is_file)

    async def delete(self, sha256: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(self._path(sha256).unlink)

    def _begun(self) -> _Coming:
        incoming = self.root / "incoming"
        incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _folder(incoming) as handle:
            sweep(handle)
        handle, name = tempfile.mkstemp(prefix="put-", dir=incoming)
        return _Coming(Path(name), os.fdopen(handle, "wb", buffering=0))

    def _settle(self, coming: _Coming) -> None:
        """Bring a blob to the disk, then its name: the database tells of it only when both outlive a power cut."""
        coming.write(coming.held)
        with coming.file as file:
            os.fsync(file.fileno())
        target = self._path(coming.digest.hexdigest())
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        coming.path.replace(target)
        with _folder(target.parent) as handle:
            os.fsync(handle)

    def _known(self, sha256: str) -> Path:
        path = self._path(sha256)
        if not path.is_file():
            raise NotFound.of("blob", sha256)
        return path

    def _path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256


@define
class _Coming:
    """A blob that is being written: what came is named and written in a thread while more of it comes."""

    path: Path
    file: FileIO
    digest: hashlib._Hash = field(factory=hashlib.sha256)
    size: int = 0
    held: list[bytes] = field(factory=list)
    _held_bytes: int = 0
    _thread: asyncio.Future[None] | None = None

    async def take(self, chunk: bytes) -> None:
        """Hold what came, and pass it on when it is worth the turn of a thread."""
        self.held.append(chunk)
        self._held_bytes += len(chunk)
        if self._held_bytes >= _BATCH:
            await self._idle()
            batch, self.held, self._held_bytes = self.held, [], 0
            self._thread = asyncio.get_running_loop().run_in_executor(None, self.write, batch)

    async def end(self, settle: Callable[[_Coming], None]) -> None:
        """Settle it in a thread, after what is being written."""
        await self._idle()
        self._thread = asyncio.get_running_loop().run_in_executor(None, settle, self)
        await self._idle()

    async def _idle(self) -> None:
        if self._thread is not None:
            await asyncio.shield(self._thread)  # a thread cannot be stopped, and must not outlive its file
            self._thread = None

    def write(self, batch: list[bytes]) -> None:
        """Write what came; called in a thread."""
        # as one piece: after each call that lets Python's lock go, a busy event loop keeps it for 5 ms
        whole = batch[0] if len(batch) == 1 else b"".join(batch)
        self.digest.update(whole)
        self.size += len(whole)
        rest = memoryview(whole)
        while rest:
            rest = rest[self.file.write(rest) :]
        if sys.platform == "linux":
            # begins to bring it to the disk while more comes; the one wait for all of it at the end is then short
            os.posix_fadvise(self.file.fileno(), self.size - len(whole), len(whole), os.POSIX_FADV_DONTNEED)

    def drop(self) -> None:
        """Give up what came. Without its name it never becomes a blob, and the file is closed when no thread has it."""
        self.path.unlink(missing_ok=True)
        if self._thread is None:
            self.file.close()
        else:
            self._thread.add_done_callback(self._close)

    def _close(self, thread: asyncio.Future[None]) -> None:
        self.file.close()
        if not thread.cancelled():
            thread.exception()  # whoever waited for it has heard of it, or is gone


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield handle
    finally:
        os.close(handle)
