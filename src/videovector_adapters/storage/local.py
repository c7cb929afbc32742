"""Directories of this machine that the operator opened. Symbolic links are never followed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import stat
import unicodedata
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from videovector_adapters.storage import doors
from videovector_adapters.storage.sweeping import sweep
from videovector_core.connectors.keys import ObjectKey, checked
from videovector_core.connectors.model import Connector, StoredObject
from videovector_core.errors import Invalid, ProcessingFailed

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_INCOMING: Final = ".videovector-incoming"
_PAGE: Final = 1000


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise errors of the system as errors of the house."""
    try:
        with doors.outages():
            yield
    except ProcessingFailed as error:
        if isinstance(error.__cause__, NotADirectoryError | IsADirectoryError):
            raise doors.failure("object_missing", error) from error
        raise


@frozen
class LocalDirectory:
    """`Bucket` below one directory; every segment of a key is opened below the one before, links refused.

    Lists leave out folders below the prefix that may not be read.
    """

    root: Path

    async def pages(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[Sequence[StoredObject]]:
        folder = prefix.rpartition("/")[0]
        found = self._walk(folder, prefix, recursive=recursive)
        while True:
            with translated():
                page = await asyncio.to_thread(_some, found)
            yield page
            if len(page) < _PAGE:
                return

    async def stat(self, key: str) -> StoredObject:
        with translated():
            return await asyncio.to_thread(self._stat, key)

    async def read(self, found: StoredObject) -> AsyncIterator[bytes]:
        with translated():
            handle = await asyncio.to_thread(self._opened, found.key)
        with os.fdopen(handle, "rb", buffering=0) as file:
            async for chunk in doors.whole(self._chunks(file, found), found.size):
                yield chunk

    async def _chunks(self, file: Any, found: StoredObject) -> AsyncIterator[bytes]:
        while True:
            if _version(os.fstat(file.fileno())) != found.version:
                raise doors.failure("object_changed")
            with translated():
                chunk: bytes = await asyncio.to_thread(file.read, doors.CHUNK)
            if not chunk:
                return
            yield chunk

    async def put(self, key: ObjectKey, chunks: AsyncIterable[bytes], *, content_type: str | None = None) -> int:
        """Write beside, flush to the disk, then rename."""
        del content_type
        name, size = secrets.token_hex(16), 0
        with translated():
            try:
                handle = await asyncio.to_thread(self._begin, name)
                with os.fdopen(handle, "wb") as file:
                    async for chunk in chunks:
                        size += len(chunk)
                        await asyncio.to_thread(file.write, chunk)
                    await asyncio.to_thread(_flushed, file)
                await asyncio.to_thread(self._settle, name, key.text)
            except BaseException:
                with contextlib.suppress(OSError), self._lent([_INCOMING], make=False) as incoming:
                    os.unlink(name, dir_fd=incoming)
                raise
        return size

    async def delete(self, key: ObjectKey) -> None:
        with translated(), contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(self._remove, key.text)

    def _walk(self, folder: str, prefix: str, *, recursive: bool) -> Iterator[StoredObject]:
        try:
            handle = self._folder(folder.split("/") if folder else [], make=False)
        except FileNotFoundError:
            return
        try:
            with os.scandir(handle) as entries:
                # a name sorts among keys as a file or as what is below it
                names = sorted((one.name + "/" * one.is_dir(follow_symlinks=False), one) for one in entries)
            for name, entry in names:
                key = f"{folder}/{name}" if folder else name
                if entry.is_symlink() or name.startswith(_INCOMING) or not _sayable(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    within = key.startswith(prefix) or prefix.startswith(key)
                    if within and (recursive or prefix.startswith(key)):
                        with contextlib.suppress(PermissionError):  # such as lost+found: the rest is there all the same
                            yield from self._walk(key.rstrip("/"), prefix, recursive=recursive)
                elif entry.is_file(follow_symlinks=False) and key.startswith(prefix):
                    with contextlib.suppress(FileNotFoundError):
                        yield _told(key, os.stat(entry.name, dir_fd=handle, follow_symlinks=False))
        finally:
            os.close(handle)

    def _stat(self, key: str) -> StoredObject:
        handle = self._opened(key)
        try:
            return _told(key, os.fstat(handle))
        finally:
            os.close(handle)

    def _opened(self, key: str) -> int:
        *folders, name = checked(key).split("/")
        with self._lent(folders, make=False) as below:
            handle = os.open(name, _FILE, dir_fd=below)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise FileNotFoundError(key)
        return handle

    def _folder(self, parts: Sequence[str], *, make: bool = True) -> int:
        handle = os.open(self.root, _DIRECTORY)
        for part in parts:
            try:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o750, dir_fd=handle)
                below = os.open(part, _DIRECTORY, dir_fd=handle)
            finally:
                os.close(handle)
            handle = below
        return handle

    @contextlib.contextmanager
    def _lent(self, parts: Sequence[str], *, make: bool = True) -> Iterator[int]:
        """Lend a folder within one thread: a handle that somebody else closes may be that of another folder by then."""
        handle = self._folder(parts, make=make)
        try:
            yield handle
        finally:
            os.close(handle)

    def _begin(self, name: str) -> int:
        with self._lent([_INCOMING]) as incoming:
            sweep(incoming)
            return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640, dir_fd=incoming)

    def _settle(self, name: str, key: str) -> None:
        *folders, last = key.split("/")
        with self._lent([_INCOMING], make=False) as incoming, self._lent(folders) as target:
            os.rename(name, last, src_dir_fd=incoming, dst_dir_fd=target)
            os.fsync(target)

    def _remove(self, key: str) -> None:
        *folders, last = key.split("/")
        with self._lent(folders, make=False) as below:
            os.unlink(last, dir_fd=below)


def _sayable(name: str) -> bool:
    """Say whether a name can be told; one with control characters, or of bytes that are no text, cannot."""
    return name.isprintable() or not any(unicodedata.category(one) in {"Cc", "Cs"} for one in name)


def _some(found: Iterator[StoredObject]) -> list[StoredObject]:
    return [one for _, one in zip(range(_PAGE), found, strict=False)]


def _told(key: str, about: os.stat_result) -> StoredObject:
    return StoredObject(key, about.st_size, datetime.fromtimestamp(about.st_mtime, UTC), _version(about))


def _version(about: os.stat_result) -> str:
    return f"{about.st_ino}-{about.st_size}-{about.st_mtime_ns}"


def _flushed(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def check(connector: Connector, credentials: Mapping[str, Any], given: doors.Doors) -> None:
    """Refuse a directory that the operator did not open."""
    del credentials
    root = Path(connector.root or "")
    roots = [one.resolve() for one in given.local_roots]
    if not root.is_absolute() or not any(root.resolve().is_relative_to(one) for one in roots):
        raise Invalid(
            "The operator has not opened this directory (VIDEOVECTOR_LOCAL_CONNECTOR_ROOTS); use one that is open.",
            code="validation_connector_place",
        )


@contextlib.asynccontextmanager
async def opened(
    connector: Connector, credentials: Mapping[str, Any], given: doors.Doors
) -> AsyncIterator[LocalDirectory]:
    """Open a directory."""
    check(connector, credentials, given)
    root = await asyncio.to_thread(Path(connector.root or "").resolve)
    if not await asyncio.to_thread(root.is_dir):
        raise doors.failure("bucket_missing")
    yield LocalDirectory(root)
