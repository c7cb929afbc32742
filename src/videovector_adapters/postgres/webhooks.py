"""Webhooks and deliveries in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape, locking
from videovector_core.webhooks.model import Delivery, DeliveryStatus, Webhook

WEBHOOKS: Final = Shape("webhooks", Webhook, ("webhook_id",), ("metadata",))
DELIVERIES: Final = Shape("deliveries", Delivery, ("delivery_id",))

# The row of the tenant's counter is what appending locks; see `EventLog`.
_LOCKED: Final = """
INSERT INTO event_counters AS c (user_id, last) VALUES (%s, 0)
ON CONFLICT (user_id) DO UPDATE SET last = c.last RETURNING last
"""

_WAITING: Final = """
SELECT p.user_id FROM webhook_positions p
JOIN events e ON e.user_id = p.user_id AND e.sequence = p.sequence + 1
WHERE e.created_at < %s LIMIT 1000
"""

_FORGOTTEN: Final = """
DELETE FROM deliveries WHERE delivery_id IN (SELECT delivery_id FROM deliveries WHERE completed_at < %s LIMIT %s)
"""

_CHANGED: Final = """
UPDATE deliveries d SET status = g.status, due_at = g.due_at, attempts = g.attempts, tries = g.tries,
    last_attempt_at = g.last_attempt_at, response_status_code = g.response_status_code,
    response_body = g.response_body, error_message = g.error_message, completed_at = g.completed_at
FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::int[], %s::int[], %s::timestamptz[], %s::int[], %s::text[],
    %s::text[], %s::timestamptz[])
    AS g (delivery_id, status, due_at, attempts, tries, last_attempt_at, response_status_code, response_body,
        error_message, completed_at)
WHERE d.delivery_id = g.delivery_id
"""


@define
class PgWebhooks:
    """`WebhookStore` in PostgreSQL."""

    db: Session

    async def add(self, webhook: Webhook) -> bool:
        return await self.db.add(WEBHOOKS, webhook)

    async def save(self, webhook: Webhook) -> None:
        await self.db.replace(WEBHOOKS, webhook)

    async def get(self, user_id: str, webhook_id: str, *, lock: bool = False) -> Webhook | None:
        mine = f"WHERE webhook_id = %s AND user_id = %s {locking(lock)}"
        return await self.db.one(WEBHOOKS, mine, [webhook_id, user_id])

    async def made_under(self, user_id: str, creation_key: str) -> Webhook | None:
        return await self.db.one(WEBHOOKS, "WHERE user_id = %s AND creation_key = %s", [user_id, creation_key])

    async def all(self, user_id: str) -> list[Webhook]:
        return await self.db.many(WEBHOOKS, "WHERE user_id = %s ORDER BY created_at DESC, webhook_id DESC", [user_id])

    async def remove(self, user_id: str, webhook_id: str) -> bool:
        given = [webhook_id, user_id]
        removed = await self.db.run("DELETE FROM webhooks WHERE webhook_id = %s AND user_id = %s", given) == 1
        if removed:
            await self.db.run("DELETE FROM deliveries WHERE webhook_id = %s AND user_id = %s", given)
        return removed

    async def watch(self, user_id: str) -> None:
        last = await self.db.value(_LOCKED, [user_id])
        begun = "INSERT INTO webhook_positions (user_id, sequence) VALUES (%s, %s) ON CONFLICT DO NOTHING"
        await self.db.run(begun, [user_id, last])

    async def position(self, user_id: str) -> int | None:
        found = await self.db.value("SELECT sequence FROM webhook_positions WHERE user_id = %s", [user_id])
        return None if found is None else int(found)

    async def move(self, user_id: str, sequence: int) -> None:
        await self.db.run("UPDATE webhook_positions SET sequence = %s WHERE user_id = %s", [sequence, user_id])

    async def waiting(self, before: datetime) -> list[str]:
        return [user_id for (user_id,) in await self.db.rows(_WAITING, [before])]


@define
class PgDeliveries:
    """`DeliveryStore` in PostgreSQL."""

    db: Session

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        await self.db.add_many(DELIVERIES, deliveries)

    async def save(self, deliveries: Sequence[Delivery]) -> None:
        rows = sorted(deliveries, key=lambda one: one.delivery_id)
        columns = [
            [one.delivery_id for one in rows],
            [one.status.value for one in rows],
            [one.due_at for one in rows],
            [one.attempts for one in rows],
            [one.tries for one in rows],
            [one.last_attempt_at for one in rows],
            [one.response_status_code for one in rows],
            [one.response_body for one in rows],
            [one.error_message for one in rows],
            [one.completed_at for one in rows],
        ]
        await self.db.run(_CHANGED, columns)

    async def get(self, user_id: str, delivery_id: str) -> Delivery | None:
        return await self.db.one(DELIVERIES, "WHERE delivery_id = %s AND user_id = %s", [delivery_id, user_id])

    async def of(self, webhook_id: str, *, status: DeliveryStatus | None, limit: int) -> list[Delivery]:
        condition, given = ("AND status = %s", [status.value]) if status is not None else ("", [])
        rest = f"WHERE webhook_id = %s {condition} ORDER BY created_at DESC, delivery_id DESC LIMIT %s"
        return await self.db.many(DELIVERIES, rest, [webhook_id, *given, limit])

    async def due(self, webhook_id: str, now: datetime, limit: int) -> list[Delivery]:
        rest = "WHERE webhook_id = %s AND completed_at IS NULL AND due_at <= %s ORDER BY due_at, delivery_id LIMIT %s"
        return await self.db.many(DELIVERIES, rest, [webhook_id, now, limit])

    async def next_due(self, webhook_id: str) -> datetime | None:
        first = "SELECT min(due_at) FROM deliveries WHERE webhook_id = %s AND completed_at IS NULL"
        found: datetime | None = await self.db.value(first, [webhook_id])
        return found

    async def held(self, webhook_id: str, before: datetime, limit: int) -> list[Delivery]:
        rest = "WHERE webhook_id = %s AND completed_at IS NULL AND created_at < %s ORDER BY created_at LIMIT %s"
        return await self.db.many(DELIVERIES, rest, [webhook_id, before, limit])

    async def forget(self, before: datetime, limit: int) -> int:
        return await self.db.run(_FORGOTTEN, [before, limit])
