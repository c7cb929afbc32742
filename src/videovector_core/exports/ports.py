"""What exports ask of the outside."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from videovector_core.connectors.model import Connector
from videovector_core.connectors.ports import Bucket, ConnectorsTx
from videovector_core.events.ports import EventsTx
from videovector_core.exports.model import Export, Part
from videovector_core.indexes.ports import IndexesTx
from videovector_core.markers import MarkersTx
from videovector_core.media.ports import MediaTx
from videovector_core.ports import Blob
from videovector_core.runs.ports import RunsTx


class Columnar(Protocol):
    """Writes the flat rows of an export as one columnar file; the same rows make the same bytes."""

    async def write(self, rows: AsyncIterable[Mapping[str, Any]]) -> Blob:
        """Store rows with the columns of `videovector_core.exports.rows.COLUMNS`, in bounded memory."""
        ...


class Places(Protocol):
    """Opens the places behind connectors, each for one job."""

    def open(self, connector: Connector) -> AbstractAsyncContextManager[Bucket]:
        """Open a place with the credentials that are kept of it."""
        ...


class ExportStore(Protocol):
    """Keeps exports, and the parts of those that are being built."""

    async def add(self, export: Export) -> bool:
        """Keep an export; false when the id is taken."""
        ...

    async def get(self, user_id: str, export_id: str) -> Export | None:
        """Return an export of the tenant."""
        ...

    async def save(self, export: Export) -> None:
        """Replace an export."""
        ...

    async def page(self, user_id: str, *, limit: int) -> list[Export]:
        """Return the tenant's exports, newest first."""
        ...

    async def refers(self, sha256: str) -> bool:
        """Say whether any export stands on a file."""
        ...

    async def using(self, connector_id: str) -> list[str]:
        """Name exports to a connector that have not ended, oldest first; some of them."""
        ...

    async def add_part(self, part: Part) -> None:
        """Keep a part in place of one of the same number."""
        ...

    async def parts(self, export_id: str) -> Sequence[Part]:
        """Return the parts in order."""
        ...

    async def drop_parts(self, export_id: str) -> None:
        """Forget the parts."""
        ...


class ExportStoreTx(Protocol):
    """The slice of a transaction that keeps exports."""

    @property
    def exports(self) -> ExportStore: ...


class ExportsTx(ExportStoreTx, MarkersTx, RunsTx, MediaTx, EventsTx, ConnectorsTx, IndexesTx, Protocol):
    """The slice of a transaction that exports touch."""
