"""Handing events to webhooks and delivering them, as durable work.

    append ─> webhook.fanout, one item for each tenant      events after the tenant's position become deliveries
           ─> webhook.deliver, one item for each webhook    deliveries that are due are sent, a few at a time

A receiver has one item, so however stuck it is it holds one of the places of a process, and after some failures in a
row only for one attempt at a time. A delivery is sent before its result is kept: who is killed in between sends again,
and a receiver may see the same delivery id twice, but never miss one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import field, frozen

from videovector_core.errors import VideoVectorError
from videovector_core.events.model import Event, EventFilter
from videovector_core.ports import Begin, Clock, Ids
from videovector_core.webhooks.model import HOLD, NARROW_AFTER, Delivery, Outcome, Webhook, WebhookStatus
from videovector_core.webhooks.ports import WebhooksTx
from videovector_core.webhooks.sending import Sender, envelope
from videovector_core.webhooks.signing import canonical
from videovector_core.webhooks.watching import fan_out
from videovector_core.work import Lease, LeaseLost, NewWork, WorkItem

DELIVER: Final = "webhook.deliver"
RETENTION: Final = "events.retention"

BATCH: Final = 100
AT_ONCE: Final = 8
"""Deliveries that are on their way to one receiver at a time."""
TURN_SECONDS: Final = 20.0
"""After so long a receiver's item goes to the end of the queue, so that others get their turn."""
PAUSED_LOOK: Final = 3600.0
RETENTION_LOOK: Final = 3600.0
_AGAIN: Final = 30.0
_ALL: Final = 10_000


def deliver(webhook: Webhook, delay: float = 0.0) -> NewWork:
    """Return the work of sending what is due to one receiver."""
    return NewWork(DELIVER, webhook.user_id, webhook.webhook_id, delay=delay, max_attempts=10)


def retention() -> NewWork:
    """Return the work of forgetting what is older than is kept; it comes back by itself."""
    return NewWork(RETENTION, "system", "all", max_attempts=10)


@frozen
class Keeping:
    """How long things are kept."""

    events: timedelta = timedelta(hours=24)
    deliveries: timedelta = timedelta(days=30)


@frozen
class Deliverer:
    """The handlers of the work that is drawn above."""

    begin: Begin[WebhooksTx]
    clock: Clock
    ids: Ids
    sender: Sender
    keeping: Keeping = Keeping()
    chance: random.Random = field(factory=random.Random)

    async def fan_out(self, item: WorkItem, lease: Lease[WebhooksTx]) -> None:
        """Make deliveries of a tenant's next events, and move the position behind them, in one transaction."""
        async with lease.commit() as tx:
            webhooks = [one for one in await tx.webhooks.all(item.user_id) if one.status is not WebhookStatus.DISABLED]
            position = await tx.webhooks.position(item.user_id)
            if position is None:
                return
            last = await tx.events.last(item.user_id)
            events = await tx.events.after(item.user_id, position, wanted=_union(webhooks), limit=BATCH)
            made = [self._delivery(one, event) for one in webhooks for event in events if one.wants(event)]
            await tx.deliveries.add(made)
            full = len(events) == BATCH
            reached = events[-1].sequence if full else max([last, *(event.sequence for event in events)])
            await tx.webhooks.move(item.user_id, reached)
            told = {delivery.webhook_id for delivery in made}
            pokes = [deliver(one) for one in webhooks if one.webhook_id in told]
            await tx.work.add([*pokes, fan_out(item.user_id)] if full else pokes)

    async def deliver(self, item: WorkItem, lease: Lease[WebhooksTx]) -> None:
        """Send what is due to one receiver, and come back when the next delivery is."""
        loop = asyncio.get_running_loop()
        until = loop.time() + TURN_SECONDS
        while loop.time() < until:
            lease.progress()
            webhook, due = await self._due(item)
            if webhook is None or not due:
                break
            outcomes = await self._send(webhook, due, lease)
            if (await self._keep(item, lease, outcomes)).narrow:
                break
        await self._leave(item, lease)

    async def retain(self, _: WorkItem, lease: Lease[WebhooksTx]) -> None:
        """Forget old events, unless one is still to be handed over, and old deliveries."""
        now = self.clock.now()
        before = now - self.keeping.events
        async with lease.commit() as tx:
            waiting = await tx.webhooks.waiting(before)
            if not waiting:
                await tx.events.forget(before)
            more = await tx.deliveries.forget(now - self.keeping.deliveries, _ALL) == _ALL
            delay = 5.0 if more or waiting else RETENTION_LOOK
            again = NewWork(RETENTION, "system", "all", delay=delay, max_attempts=10)
            await tx.work.add([*(fan_out(user_id) for user_id in waiting), again])

    async def lost(self, tx: WebhooksTx, item: WorkItem, _: VideoVectorError) -> None:
        """Come back later to work that was given up: none of it may end while there is something to tell."""
        await tx.work.add([NewWork(item.kind, item.user_id, item.key, delay=_AGAIN, max_attempts=10)])

    def _delivery(self, webhook: Webhook, event: Event) -> Delivery:
        told = envelope(event.event_id, event.event_type, event.payload, event.created_at, webhook.metadata)
        now = self.clock.now()
        return Delivery(
            self.ids.new("delivery"),
            webhook.webhook_id,
            webhook.user_id,
            event.event_id,
            event.event_type,
            canonical(told),
            created_at=now,
            due_at=now,
        )

    async def _due(self, item: WorkItem) -> tuple[Webhook | None, list[Delivery]]:
        async with self.begin() as tx:
            webhook = await tx.webhooks.get(item.user_id, item.key)
            if webhook is None or webhook.status is not WebhookStatus.ACTIVE:
                return webhook, []
            return webhook, await tx.deliveries.due(item.key, self.clock.now(), 1 if webhook.narrow else BATCH)

    async def _send(
        self, webhook: Webhook, due: Sequence[Delivery], lease: Lease[WebhooksTx]
    ) -> list[tuple[Delivery, Outcome]]:
        """Send a few at a time; stop taking more when the receiver fails again and again, or when the turn is long."""
        waiting, done, failures = iter(due), list[tuple[Delivery, Outcome]](), webhook.failure_count

        async def sending() -> None:
            nonlocal failures
            for delivery in waiting:
                attempt = {
                    "X-Delivery-ID": delivery.delivery_id,
                    "X-Delivery-Attempt-ID": self.ids.new("attempt"),
                    "Idempotency-Key": delivery.delivery_id,
                }
                outcome = await self.sender.send(
                    webhook, delivery.event_id, delivery.event_type, delivery.body, attempt
                )
                done.append((delivery, outcome))
                failures = 0 if outcome.ok else failures + 1
                lease.progress()
                if outcome.gone or failures >= NARROW_AFTER:
                    return

        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(due))):
                group.create_task(sending())
        return done

    async def _keep(
        self, item: WorkItem, lease: Lease[WebhooksTx], outcomes: Sequence[tuple[Delivery, Outcome]]
    ) -> Webhook:
        """Keep what came of attempts, if the lease is still held."""
        now = self.clock.now()
        async with lease.step() as tx:
            webhook = await tx.webhooks.get(item.user_id, item.key, lock=True)
            if webhook is None:
                raise LeaseLost(item.key)
            changed = []
            for delivery, outcome in outcomes:
                after = delivery.after(outcome, now, spread=self.chance.random())
                webhook = webhook.after(outcome, now, given_up=after.completed_at is not None)
                changed.append(after)
            await tx.deliveries.save(changed)
            await tx.webhooks.save(webhook)
        return webhook

    async def _leave(self, item: WorkItem, lease: Lease[WebhooksTx]) -> None:
        """Finish the turn, and ask for the next one when something will be due."""
        now = self.clock.now()
        async with lease.commit() as tx:
            webhook = await tx.webhooks.get(item.user_id, item.key)
            if webhook is None:
                return
            if webhook.status is WebhookStatus.DISABLED:
                await _drop(tx, webhook, now, "The webhook is disabled.", before=now + HOLD)
            elif webhook.status is WebhookStatus.PAUSED:
                await _drop(tx, webhook, now, "The webhook was paused for over 24 hours.", before=now - HOLD)
            first = await tx.deliveries.next_due(item.key)
            if first is None:
                return
            wait = max((first - now).total_seconds(), webhook.narrow, 0.0)
            await tx.work.add([deliver(webhook, wait if webhook.status is WebhookStatus.ACTIVE else PAUSED_LOOK)])


async def _drop(tx: WebhooksTx, webhook: Webhook, now: datetime, reason: str, *, before: datetime) -> None:
    dropped = await tx.deliveries.held(webhook.webhook_id, before, _ALL)
    await tx.deliveries.save([one.given_up(reason, now) for one in dropped])


def _union(webhooks: Sequence[Webhook]) -> EventFilter:
    return EventFilter(event_types=frozenset(name for one in webhooks for name in one.events))
