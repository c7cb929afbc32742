"""Webhooks and deliveries in memory, a receiver that writes down what it is sent, and a seal for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from attrs import define, field, frozen

from videovector_adapters.memory.database import Table
from videovector_core.errors import Invalid, VideoVectorError
from videovector_core.events.model import Event
from videovector_core.webhooks.model import Delivery, DeliveryStatus, Webhook

_OPEN: Final = frozenset({DeliveryStatus.PENDING, DeliveryStatus.RETRYING, DeliveryStatus.PROCESSING})


@define
class MemoryWebhooks:
    """`WebhookStore` in memory."""

    rows: Table[str, Webhook]
    positions: Table[str, int]
    deliveries: Table[str, Delivery]
    log: Table[tuple[str, int], Event]
    last_numbers: Table[str, int]

    async def add(self, webhook: Webhook) -> bool:
        if webhook.creation_key and await self.made_under(webhook.user_id, webhook.creation_key):
            return False
        return self.rows.add(webhook.webhook_id, webhook)

    async def save(self, webhook: Webhook) -> None:
        self.rows.replace(webhook.webhook_id, webhook)

    async def get(self, user_id: str, webhook_id: str, *, lock: bool = False) -> Webhook | None:  # noqa: ARG002 - serial
        found = self.rows.get(webhook_id)
        return found if found is not None and found.user_id == user_id else None

    async def made_under(self, user_id: str, creation_key: str) -> Webhook | None:
        found = self.rows.where(lambda one: one.user_id == user_id and one.creation_key == creation_key)
        return next(found, None)

    async def all(self, user_id: str) -> list[Webhook]:
        found = self.rows.where(lambda one: one.user_id == user_id)
        return sorted(found, key=lambda one: (one.created_at, one.webhook_id), reverse=True)

    async def remove(self, user_id: str, webhook_id: str) -> bool:
        if await self.get(user_id, webhook_id) is None:
            return False
        self.rows.pop(webhook_id)
        for delivery in list(self.deliveries.where(lambda one: one.webhook_id == webhook_id)):
            self.deliveries.pop(delivery.delivery_id)
        return True

    async def watch(self, user_id: str) -> None:
        self.positions.add(user_id, self.last_numbers.get(user_id) or 0)

    async def position(self, user_id: str) -> int | None:
        return self.positions.get(user_id)

    async def move(self, user_id: str, sequence: int) -> None:
        self.positions.put(user_id, sequence)

    async def waiting(self, before: datetime) -> list[str]:
        nexts = {user_id: self.log.get((user_id, last + 1)) for user_id, last in self.positions.rows.items()}
        return [user_id for user_id, event in nexts.items() if event is not None and event.created_at < before]


@define
class MemoryDeliveries:
    """`DeliveryStore` in memory."""

    rows: Table[str, Delivery]

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        known = {(one.webhook_id, one.event_id) for one in self.rows.rows.values()}
        for delivery in deliveries:
            if (delivery.webhook_id, delivery.event_id) not in known:
                self.rows.add(delivery.delivery_id, delivery)

    async def save(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self.rows.replace(delivery.delivery_id, delivery)

    async def get(self, user_id: str, delivery_id: str) -> Delivery | None:
        found = self.rows.get(delivery_id)
        return found if found is not None and found.user_id == user_id else None

    async def of(self, webhook_id: str, *, status: DeliveryStatus | None, limit: int) -> list[Delivery]:
        found = self.rows.where(lambda one: one.webhook_id == webhook_id and status in {None, one.status})
        return sorted(found, key=lambda one: (one.created_at, one.delivery_id), reverse=True)[:limit]

    async def due(self, webhook_id: str, now: datetime, limit: int) -> list[Delivery]:
        found = [one for one in self._open(webhook_id) if one.due_at <= now]
        return sorted(found, key=lambda one: (one.due_at, one.delivery_id))[:limit]

    async def next_due(self, webhook_id: str) -> datetime | None:
        return min((one.due_at for one in self._open(webhook_id)), default=None)

    async def held(self, webhook_id: str, before: datetime, limit: int) -> list[Delivery]:
        found = [one for one in self._open(webhook_id) if one.created_at < before]
        return sorted(found, key=lambda one: (one.created_at, one.delivery_id))[:limit]

    async def forget(self, before: datetime, limit: int) -> int:
        old = self.rows.where(lambda one: one.completed_at is not None and one.completed_at < before)
        return sum(self.rows.pop(one.delivery_id) is not None for one in list(old)[:limit])

    def _open(self, webhook_id: str) -> list[Delivery]:
        return [one for one in self.rows.rows.values() if one.webhook_id == webhook_id and one.status in _OPEN]


@frozen
class Answered:
    """What a receiver answers."""

    status: int = 204
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""


@frozen
class Sent:
    """What a receiver was sent."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@define
class MemoryPoster:
    """`Poster` whose receivers answer as `answer` says, or raise what it returns; `sent` is what they got."""

    answer: Callable[[Sent], Answered | VideoVectorError] = lambda _: Answered()
    sent: list[Sent] = field(factory=list)

    def check(self, url: str) -> None:
        if not url.startswith("https://"):
            raise Invalid("Give an https URL.", code="validation_url_not_allowed")

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        max_response_bytes: int,
        timeout: float,  # noqa: ARG002, ASYNC109 - nothing here takes time
    ) -> Answered:
        self.check(url)
        sent = Sent(url, body, dict(headers or {}))
        self.sent.append(sent)
        answered = self.answer(sent)
        if isinstance(answered, VideoVectorError):
            raise answered
        return Answered(answered.status, answered.headers, answered.body[:max_response_bytes])


@frozen
class MemorySealer:
    """A seal that hides nothing from an attacker, and yet opens only about what it was made for."""

    def seal(self, plain: bytes, *, about: bytes) -> bytes:
        """Turn the bytes around and put a digest of what they are about before them."""
        return hashlib.sha256(about).digest() + plain[::-1]

    def open(self, sealed: bytes, *, about: bytes) -> bytes:
        """Undo `seal`."""
        if sealed[:32] != hashlib.sha256(about).digest():
            raise VideoVectorError(
                "A stored secret belongs to something else; enter it anew.", code="secret_unreadable"
            )
        return sealed[32:][::-1]
