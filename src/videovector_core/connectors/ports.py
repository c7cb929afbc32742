"""What connectors ask of the outside."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from videovector_core.connectors.keys import ObjectKey
from videovector_core.connectors.model import Connector, StoredObject
from videovector_core.work import WorkTx


class Bucket(Protocol):
    """One place in a storage, opened for one job with credentials of its own.

    Failures are `ProcessingFailed`: `credentials_refused`, `permission_denied`, `blocked_address`, `bucket_missing`,
    `object_missing`, `object_changed`, `storage_refused`, `storage_error` and `timeout`; `transient` says whether
    another try may help. No message repeats a credential.
    """

    def pages(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[Sequence[StoredObject]]:
        """List the objects whose keys start with a prefix, page by page, in no promised order and in bounded memory.

        Without `recursive`, objects behind a further slash are left out.
        """
        ...

    async def stat(self, key: str) -> StoredObject:
        """Tell of one object; `object_missing` when there is none."""
        ...

    def read(self, found: StoredObject) -> AsyncIterator[bytes]:
        """Stream an object as it was found; `object_changed` when it is another version by now."""
        ...

    async def put(self, key: ObjectKey, chunks: AsyncIterable[bytes], *, content_type: str | None = None) -> int:
        """Write an object of any length in bounded memory and return its size.

        Nobody sees half of it: it appears whole, under its key, or not at all, whatever happens meanwhile.
        """
        ...

    async def delete(self, key: ObjectKey) -> None:
        """Remove an object; removing what is not there is no error."""
        ...


class Storage(Protocol):
    """Opens places in storages, with explicit credentials only."""

    def check(self, connector: Connector, credentials: Mapping[str, Any]) -> None:
        """Refuse a place that could never be reached, and credentials that could never be right, without the network.

        Raises:
            Invalid: `validation_url_not_allowed`, `validation_connector_place` or `validation_connector_credentials`.
            Unavailable: the adapter of this provider is not installed; the message says how it is.
        """
        ...

    def open(self, connector: Connector, credentials: Mapping[str, Any]) -> AbstractAsyncContextManager[Bucket]:
        """Open a place for one job; nothing is shared with another one."""
        ...


class ConnectorStore(Protocol):
    """Keeps connectors."""

    async def add(self, connector: Connector) -> bool:
        """Keep a connector; false when the id is taken."""
        ...

    async def save(self, connector: Connector) -> None:
        """Replace a connector; one that is gone stays gone."""
        ...

    async def get(self, user_id: str, connector_id: str, *, lock: bool = False) -> Connector | None:
        """Return a connector of the tenant; with `lock`, nobody else changes it before the transaction ends."""
        ...

    async def all(self, user_id: str) -> list[Connector]:
        """List the tenant's connectors, newest first."""
        ...

    async def remove(self, user_id: str, connector_id: str) -> bool:
        """Remove a connector; false when there is none."""
        ...


class ConnectorsTx(WorkTx, Protocol):
    """The slice of a transaction that connectors touch."""

    @property
    def connectors(self) -> ConnectorStore: ...
