"""What automations ask of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from videovector_core.automations.model import Cycle, Order, OrderKind
from videovector_core.exports.ports import ExportsTx
from videovector_core.page import After
from videovector_core.prompts.ports import PromptsTx


class OrderStore(Protocol):
    """Keeps standing orders and their history."""

    async def get(self, index_id: str, kind: OrderKind, *, lock: bool = False) -> Order | None:
        """Return an order; with `lock`, nobody else changes it before the transaction ends."""
        ...

    async def put(self, order: Order) -> None:
        """Keep an order in place of the one before."""
        ...

    async def remove(self, index_id: str, kind: OrderKind) -> None:
        """Forget an order; its history stays."""
        ...

    async def all(self, user_id: str, kind: OrderKind) -> list[Order]:
        """Return all orders of a kind that the tenant has."""
        ...

    async def hold(self, user_id: str) -> None:
        """Let nobody else decide where the tenant's orders watch and write until this transaction ends.

        To be asked for before any other lock, so that no two wait for each other.
        """
        ...

    async def using(self, user_id: str, connector_id: str) -> list[Order]:
        """Return enabled orders that need a connector."""
        ...

    async def put_cycle(self, cycle: Cycle) -> None:
        """Keep a cycle in place of what was known of it."""
        ...

    async def cycle(self, cycle_id: str) -> Cycle | None:
        """Return a cycle."""
        ...

    async def cycle_of(self, export_id: str) -> Cycle | None:
        """Return the cycle that an export was made in."""
        ...

    async def cycles(self, index_id: str, kind: OrderKind, *, limit: int, after: After | None) -> list[Cycle]:
        """Return up to `limit` cycles, newest first; the key is (started_at ISO, cycle_id)."""
        ...


class OrdersTx(Protocol):
    """The slice of a transaction that keeps orders."""

    @property
    def orders(self) -> OrderStore: ...


class AutomationsTx(OrdersTx, ExportsTx, PromptsTx, Protocol):
    """The slice of a transaction that automations touch."""


@frozen
class JobEnd:
    """How an import job ended: the media that it made, and why it failed, if it did."""

    video_ids: tuple[str, ...] = ()
    error: str | None = None


class Importer(Protocol):
    """Looks for what is new at a place, and imports it."""

    async def unseen(self, order: Order) -> str | None:
        """Return a mark of all objects that match, were never imported and are not known to be useless.

        The mark changes when one comes, goes or grows; `None` means that there are none.

        Raises:
            VideoVectorError: the place cannot be listed.
        """
        ...

    async def start(self, order: Order) -> str:
        """Make an import job for exactly what is new, inside the transaction that is open; return its id."""
        ...

    async def ended(self, order: Order, job_id: str) -> JobEnd | None:
        """Say how a job ended; `None` while it is under way."""
        ...


class Starter(Protocol):
    """Starts runs."""

    async def start(self, order: Order, video_ids: Sequence[str]) -> str | None:
        """Start the preset on media, inside the transaction that is open; return the run, `None` when no media are left."""
        ...
