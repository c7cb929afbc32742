"""Connectors in memory, and storages to go with them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from attrs import define, field, frozen

from videovector_adapters.memory.database import Table
from videovector_core.connectors.keys import ObjectKey
from videovector_core.connectors.model import Connector, StoredObject
from videovector_core.errors import Invalid, ProcessingFailed

_CHUNK: Final = 65536
_PAGE: Final = 1000


@define
class MemoryConnectors:
    """`ConnectorStore` in memory."""

    rows: Table[str, Connector]

    async def add(self, connector: Connector) -> bool:
        return self.rows.add(connector.connector_id, connector)

    async def save(self, connector: Connector) -> None:
        self.rows.replace(connector.connector_id, connector)

    async def get(self, user_id: str, connector_id: str, *, lock: bool = False) -> Connector | None:  # noqa: ARG002 - serial
        found = self.rows.get(connector_id)
        return found if found is not None and found.user_id == user_id else None

    async def all(self, user_id: str) -> list[Connector]:
        found = self.rows.where(lambda one: one.user_id == user_id)
        return sorted(found, key=lambda one: (one.created_at, one.connector_id), reverse=True)

    async def remove(self, user_id: str, connector_id: str) -> bool:
        if await self.get(user_id, connector_id) is None:
            return False
        return self.rows.pop(connector_id) is not None


@define
class MemoryBucket:
    """`Bucket` in memory. `fail` is called before every operation with its name and key, and may raise."""

    objects: dict[str, bytes] = field(factory=dict)
    fail: Callable[[str, str], None] = lambda *_: None
    modified: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    async def pages(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[Sequence[StoredObject]]:
        self.fail("list", prefix)
        found = [key for key in sorted(self.objects) if key.startswith(prefix)]
        found = [key for key in found if recursive or "/" not in key[len(prefix) :]]
        for start in range(0, max(1, len(found)), _PAGE):
            yield [self._told(key) for key in found[start : start + _PAGE]]

    async def stat(self, key: str) -> StoredObject:
        self.fail("stat", key)
        if key not in self.objects:
            raise ProcessingFailed("There is no such object.", code="object_missing")
        return self._told(key)

    async def read(self, found: StoredObject) -> AsyncIterator[bytes]:
        self.fail("read", found.key)
        now = await self.stat(found.key)
        if now.version != found.version:
            raise ProcessingFailed("The object changed; try again.", code="object_changed", transient=True)
        content = self.objects[found.key]
        for at in range(0, len(content), _CHUNK):
            yield content[at : at + _CHUNK]

    async def put(self, key: ObjectKey, chunks: AsyncIterable[bytes], *, content_type: str | None = None) -> int:  # noqa: ARG002 - not kept
        self.fail("put", key.text)
        content = b"".join([chunk async for chunk in chunks])
        self.objects[key.text] = content
        return len(content)

    async def delete(self, key: ObjectKey) -> None:
        self.fail("delete", key.text)
        self.objects.pop(key.text, None)

    def _told(self, key: str) -> StoredObject:
        content = self.objects[key]
        return StoredObject(key, len(content), self.modified, hashlib.sha256(content).hexdigest()[:16])


@define
class MemoryStorage:
    """`Storage` whose buckets are there as soon as they are named, and refuse the secret `wrong`."""

    buckets: dict[str, MemoryBucket] = field(factory=dict)

    def check(self, connector: Connector, credentials: Mapping[str, Any]) -> None:
        if connector.endpoint_url is not None and not connector.endpoint_url.startswith("https://"):
            raise Invalid("Give an https URL.", code="validation_url_not_allowed")
        if not all(credentials.values()):
            raise Invalid("Give the credentials.", code="validation_connector_credentials")

    def bucket(self, name: str) -> MemoryBucket:
        """Return a bucket by name."""
        return self.buckets.setdefault(name, MemoryBucket())

    @contextlib.asynccontextmanager
    async def open(self, connector: Connector, credentials: Mapping[str, Any]) -> AsyncIterator[MemoryBucket]:
        if "wrong" in credentials.values():
            raise ProcessingFailed("The storage refuses the credentials; give others.", code="credentials_refused")
        yield self.bucket(connector.place)


@frozen
class MemoryDownload:
    """An answer that is being read."""

    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    size: int | None = None


@define
class MemoryFetcher:
    """`Fetcher` of URLs whose content is known; others answer 404."""

    contents: dict[str, bytes] = field(factory=dict)

    def check(self, url: str) -> None:
        if not url.startswith("https://"):
            raise Invalid("Give an https URL.", code="validation_url_not_allowed")

    @contextlib.asynccontextmanager
    async def fetch(self, url: str, *, max_bytes: int) -> AsyncIterator[MemoryDownload]:
        self.check(url)
        if url not in self.contents:
            raise ProcessingFailed("The server answered with status 404.", code="unexpected_status")
        content = self.contents[url]
        if len(content) > max_bytes:
            raise ProcessingFailed("The answer is too large.", code="response_too_large")

        async def chunks() -> AsyncIterator[bytes]:
            for at in range(0, len(content), _CHUNK):
                yield content[at : at + _CHUNK]

        yield MemoryDownload({}, chunks(), len(content))
