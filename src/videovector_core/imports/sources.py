"""Where the content of a file comes from: an object behind a connector, or a URL through the egress door."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Final

from attrs import define, evolve, field, frozen

from videovector_core.connectors.model import Connector, StoredObject
from videovector_core.connectors.ports import Bucket
from videovector_core.connectors.service import Connectors
from videovector_core.errors import ProcessingFailed
from videovector_core.imports.model import ImportFile
from videovector_core.imports.ports import Download, Fetcher

LINGER_SECONDS: Final = 2.0
"""How long a place stays open when no file of its job is being read."""
_UNKNOWN: Final = datetime.min.replace(tzinfo=UTC)
"""When an object was written plays no part in reading it."""


@frozen
class Content:
    """A file that is being read; its `version` and `size` are those of the object as it was opened."""

    file: ImportFile
    chunks: AsyncIterator[bytes]


@define
class _Held:
    """A place that is open for a job, and who reads from it."""

    ready: asyncio.Future[Bucket]
    task: asyncio.Task[None] | None = None
    users: int = 0
    left: asyncio.Event = field(factory=asyncio.Event)


@define
class Shelf:
    """Keeps the place of a job open between its files, since signing in costs more than a small file."""

    connectors: Connectors
    _held: dict[tuple[str, str], _Held] = field(factory=dict, init=False)

    @contextlib.asynccontextmanager
    async def bucket(self, job_id: str, connector: Connector) -> AsyncIterator[Bucket]:
        """Lend the place of a job; other jobs never share it, and changed credentials open it anew."""
        key = (job_id, connector.updated_at.isoformat())
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held(asyncio.get_running_loop().create_future())
            held.task = asyncio.create_task(self._hold(key, connector, held))
        held.users += 1
        try:
            yield await asyncio.shield(held.ready)
        finally:
            held.users -= 1
            held.left.set()

    async def _hold(self, key: tuple[str, str], connector: Connector, held: _Held) -> None:
        try:
            async with self.connectors.open(connector) as bucket:
                held.ready.set_result(bucket)
                while await self._wanted(held):
                    pass
                self._held.pop(key, None)
        except Exception as error:  # noqa: BLE001 - whoever waits for the place is told
            if not held.ready.done():
                held.ready.set_exception(error)
        finally:
            self._held.pop(key, None)
            if not held.ready.done():
                held.ready.cancel()

    async def _wanted(self, held: _Held) -> bool:
        """Wait until somebody leaves, or nobody came for a while; false when it is time to close."""
        held.left.clear()
        try:
            async with asyncio.timeout(None if held.users else LINGER_SECONDS):
                await held.left.wait()
        except TimeoutError:
            return held.users > 0
        return True


@frozen
class Origins:
    """Opens the content of files."""

    connectors: Connectors
    fetcher: Fetcher
    shelf: Shelf
    max_bytes: int

    @contextlib.asynccontextmanager
    async def open(self, file: ImportFile, connector: Connector | None) -> AsyncIterator[Content]:
        """Open a file, whatever it is by now: an object that changed since it was listed is taken as it is."""
        if file.url is not None:
            async with self._fetched(file, file.url) as content:
                yield content
        elif connector is None:
            raise ProcessingFailed("The connector is gone; import through another one.", code="connector_missing")
        else:
            async with (
                self.shelf.bucket(file.job_id, connector) as bucket,
                _begun(bucket, file, self.max_bytes) as content,
            ):
                yield content

    @contextlib.asynccontextmanager
    async def _fetched(self, file: ImportFile, sealed: bytes) -> AsyncIterator[Content]:
        url = self.connectors.sealer.open(sealed, about=about(file)).decode()
        async with contextlib.AsyncExitStack() as stack:
            with _downloading(self.max_bytes):
                download = await stack.enter_async_context(self.fetcher.fetch(url, max_bytes=self.max_bytes))
            yield Content(file, _whole(download, self.max_bytes))


def about(file: ImportFile) -> bytes:
    """Say what a sealed URL belongs to."""
    return f"import/{file.job_id}/{file.file_id}/url".encode()


@contextlib.asynccontextmanager
async def _begun(bucket: Bucket, file: ImportFile, most: int) -> AsyncIterator[Content]:
    """Open the version that was listed, which saves asking for it, or the one that has taken its place."""
    found = await bucket.stat(file.file_name) if file.version is None else _listed(file, file.version)
    found = _fitting(found, most)
    chunks = bucket.read(found)
    try:
        first = await anext(chunks, b"")
    except ProcessingFailed as error:
        if error.code != "object_changed":
            raise
        found = _fitting(await bucket.stat(file.file_name), most)
        chunks, first = bucket.read(found), b""
    try:
        yield Content(evolve(file, version=found.version, size=found.size), _joined(first, chunks))
    finally:
        await _closed(chunks)


def _listed(file: ImportFile, version: str) -> StoredObject:
    return StoredObject(file.file_name, file.size, _UNKNOWN, version)


async def _joined(first: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in chunks:
        yield chunk


async def _closed(chunks: AsyncIterator[bytes]) -> None:
    """End a stream that may not have come to its end, so that its connection is free again."""
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()


async def _whole(download: Download, most: int) -> AsyncIterator[bytes]:
    came = 0
    with _downloading(most):
        async for chunk in download.chunks:
            came += len(chunk)
            yield chunk
        if download.size is not None and came != download.size:
            raise ProcessingFailed("The download broke off; it is tried again.", code="truncated", transient=True)


@contextlib.contextmanager
def _downloading(most: int) -> Iterator[None]:
    """Say of what the other side did wrong that a fresh URL may mend it; a file that is too large stays that."""
    try:
        yield
    except ProcessingFailed as error:
        if error.code == "response_too_large":
            raise _too_large(most) from error
        raise ProcessingFailed(
            error.message, code="attachment_download_failed", transient=error.transient, details=error.details
        ) from error


def _fitting(found: StoredObject, most: int) -> StoredObject:
    """Return an object that is not larger than media may be; what a list said of it may be long past."""
    if found.size > most:
        raise _too_large(most)
    return found


def _too_large(most: int) -> ProcessingFailed:
    return ProcessingFailed(f"The file has more than {most} bytes; give a smaller one.", code="too_large")
