"""Blobs as files of a directory, named by their content."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final

from attrs import frozen

from videovector_adapters.storage.sweeping import sweep
from videovector_core.errors import NotFound
from videovector_core.ports import Blob

_CHUNK: Final = 1024 * 1024


@frozen
class FileBlobs:
    """`Blobs` below one directory, which is private to the server's user.

    A blob is written under a temporary name, flushed to disk and renamed, so nobody sees half of one. What a killed
    writer leaves behind goes when something is put much later.
    """

    root: Path

    async def put(self, chunks: AsyncIterable[bytes]) -> Blob:
        await asyncio.to_thread(self._prepare)
        digest, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(prefix="put-", dir=self.root / "incoming")
        try:
            with os.fdopen(handle, "wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    await asyncio.to_thread(_take, file, digest, chunk)
                await asyncio.to_thread(_flush, file)
            target = self._path(digest.hexdigest())
            await asyncio.to_thread(_settle, Path(name), target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108 - the name came as text
            raise
        return Blob(digest.hexdigest(), size)

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

    async def delete(self, sha256: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(self._path(sha256).unlink)

    def _prepare(self) -> None:
        incoming = self.root / "incoming"
        incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(incoming, os.O_RDONLY | os.O_DIRECTORY)
        try:
            sweep(handle)
        finally:
            os.close(handle)

    def _known(self, sha256: str) -> Path:
        path = self._path(sha256)
        if not path.is_file():
            raise NotFound.of("blob", sha256)
        return path

    def _path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256


def _take(file: BinaryIO, digest: hashlib._Hash, chunk: bytes) -> None:
    digest.update(chunk)
    file.write(chunk)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _settle(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    source.replace(target)
