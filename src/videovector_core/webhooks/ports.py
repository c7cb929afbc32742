"""What webhooks ask of the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from videovector_core.events.ports import EventsTx
from videovector_core.webhooks.model import Delivery, DeliveryStatus, Webhook
from videovector_core.work import WorkTx


class Reply(Protocol):
    """What a receiver answered; header names are lower case."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Poster(Protocol):
    """Reaches URLs that users gave, and only those that may be reached; follows no redirect."""

    def check(self, url: str) -> object:
        """Refuse a URL that could never be reached, without touching the network; `Invalid`."""
        ...

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        max_response_bytes: int,
        timeout: float,  # noqa: ASYNC109 - the limit is of the whole exchange, and the adapter divides it
    ) -> Reply:
        """Send `body`; return any answer, its body cut. `Invalid` or `ProcessingFailed` when there is none."""
        ...


class WebhookStore(Protocol):
    """Keeps webhooks, and how far each tenant's events were handed to them."""

    async def add(self, webhook: Webhook) -> bool:
        """Keep a webhook; false when its id or its creation key is taken. Waits for others who add the same."""
        ...

    async def save(self, webhook: Webhook) -> None:
        """Replace a webhook; one that is gone stays gone."""
        ...

    async def get(self, user_id: str, webhook_id: str, *, lock: bool = False) -> Webhook | None:
        """Return a webhook of the tenant; with `lock`, nobody else changes it before the transaction ends."""
        ...

    async def made_under(self, user_id: str, creation_key: str) -> Webhook | None:
        """Return the webhook that was made under an idempotency key."""
        ...

    async def all(self, user_id: str) -> list[Webhook]:
        """List the tenant's webhooks, newest first."""
        ...

    async def remove(self, user_id: str, webhook_id: str) -> bool:
        """Remove a webhook with its deliveries; false when there is none."""
        ...

    async def watch(self, user_id: str) -> None:
        """Hand over the tenant's events from here on.

        Takes the lock that the tenant's event numbers are given under: what was appended before has committed, and
        whoever appends later sees that somebody watches.
        """
        ...

    async def position(self, user_id: str) -> int | None:
        """Return the number of the last event that was handed over; `None` when nobody watches."""
        ...

    async def move(self, user_id: str, sequence: int) -> None:
        """Note that events up to a number were handed over."""
        ...

    async def waiting(self, before: datetime) -> list[str]:
        """Name tenants whose events from before a moment were not handed over yet; some of them."""
        ...


class DeliveryStore(Protocol):
    """Keeps deliveries; there is one for each webhook and event."""

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Keep deliveries; those of a webhook and event that are known are left out."""
        ...

    async def save(self, deliveries: Sequence[Delivery]) -> None:
        """Replace deliveries; those that are gone stay gone."""
        ...

    async def get(self, user_id: str, delivery_id: str) -> Delivery | None:
        """Return a delivery of the tenant."""
        ...

    async def of(self, webhook_id: str, *, status: DeliveryStatus | None, limit: int) -> list[Delivery]:
        """List a webhook's deliveries, newest first."""
        ...

    async def due(self, webhook_id: str, now: datetime, limit: int) -> list[Delivery]:
        """Return open deliveries whose time has come, those that wait longest first."""
        ...

    async def next_due(self, webhook_id: str) -> datetime | None:
        """Return when the first open delivery is due; `None` when there is none."""
        ...

    async def held(self, webhook_id: str, before: datetime, limit: int) -> list[Delivery]:
        """Return open deliveries that were made before a moment, oldest first."""
        ...

    async def forget(self, before: datetime, limit: int) -> int:
        """Remove up to `limit` deliveries that ended before a moment; say how many."""
        ...


class WebhooksTx(EventsTx, WorkTx, Protocol):
    """The slice of a transaction that webhooks touch."""

    @property
    def webhooks(self) -> WebhookStore: ...
    @property
    def deliveries(self) -> DeliveryStore: ...
