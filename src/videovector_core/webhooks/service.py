"""The use cases of webhooks."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.access.secrets import Secret
from videovector_core.errors import Conflict, Invalid, NotFound
from videovector_core.events.model import WEBHOOK_EVENTS
from videovector_core.ports import Begin, Clock, Ids
from videovector_core.webhooks import signing
from videovector_core.webhooks.delivery import DELIVER, deliver
from videovector_core.webhooks.model import Delivery, DeliveryStatus, Outcome, Webhook, WebhookStatus
from videovector_core.webhooks.ports import WebhooksTx
from videovector_core.webhooks.sending import Sender, about, envelope

MAX_WEBHOOKS: Final = 100
MAX_METADATA: Final = 16 * 1024
TEST_EVENT: Final = "test"


@frozen
class Creation:
    """A webhook that was made, with its secret; `replayed` says that the same request had made it before."""

    webhook: Webhook
    secret: Secret
    replayed: bool = False


@frozen
class Webhooks:
    """Make, change and test webhooks, and look after their deliveries."""

    begin: Begin[WebhooksTx]
    clock: Clock
    ids: Ids
    sender: Sender

    async def create(
        self,
        caller: Caller,
        *,
        name: str,
        url: str,
        events: Sequence[str],
        index_ids: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        key: str | None = None,
        fingerprint: str = "",
    ) -> Creation:
        """Make a webhook that hears of events from now on.

        With an idempotency key the answer is bound to the webhook: as long as it lives the same request returns it, and
        after it was deleted the same request makes it anew, under the same id and with a fresh secret.
        """
        caller.require(Scope.WRITE)
        now = self.clock.now()
        webhook_id = _id_of(caller.user_id, key) if key else self.ids.new("webhook")
        secret = Secret(signing.new_secret())
        webhook = self._checked(
            Webhook(
                webhook_id,
                caller.user_id,
                name,
                url,
                events,
                now,
                now,
                self._sealed(webhook_id, secret),
                index_ids,
                dict(metadata) if metadata is not None else None,
                creation_key=key,
                creation_print=fingerprint if key else None,
            )
        )
        async with self.begin() as tx:
            await tx.webhooks.watch(caller.user_id)
            if key and (known := await tx.webhooks.made_under(caller.user_id, key)):
                return self._replayed(known, fingerprint)
            if len(await tx.webhooks.all(caller.user_id)) >= MAX_WEBHOOKS:
                raise Conflict(
                    f"You have {MAX_WEBHOOKS} webhooks; delete one you do not need.", code="conflict_webhook_limit"
                )
            await tx.webhooks.add(webhook)
        return Creation(webhook, secret)

    async def all(self, caller: Caller) -> list[Webhook]:
        """List the caller's webhooks, newest first."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            return await tx.webhooks.all(caller.user_id)

    async def get(self, caller: Caller, webhook_id: str) -> Webhook:
        """Return a webhook of the caller."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            return await _find(tx, caller, webhook_id)

    async def update(self, caller: Caller, webhook_id: str, changes: Mapping[str, Any]) -> Webhook:
        """Change `name`, `url`, `events`, `index_ids`, `metadata` or `status`; what is not named stays.

        `active` puts a paused or disabled webhook to work again with a clean record; what waited is sent now.
        """
        caller.require(Scope.WRITE)
        if not changes:
            raise Invalid("Give at least one field to change.", code="validation_webhook_empty")
        async with self.begin() as tx:
            webhook = await _find(tx, caller, webhook_id, lock=True)
            now, status = self.clock.now(), changes.get("status")
            if status not in {None, WebhookStatus.ACTIVE, WebhookStatus.PAUSED}:
                raise Invalid("status is active or paused.", code="validation_webhook_status")
            changed = self._checked(evolve(webhook, **{**changes, "updated_at": now}))
            if status == WebhookStatus.ACTIVE and webhook.status is not WebhookStatus.ACTIVE:
                changed = changed.enabled(now)
                await tx.work.add([deliver(changed)])
            await tx.webhooks.save(changed)
        return changed

    async def delete(self, caller: Caller, webhook_id: str) -> None:
        """Remove a webhook and its deliveries; what is under way to the receiver may still arrive."""
        caller.require(Scope.ADMIN)
        async with self.begin() as tx:
            await _find(tx, caller, webhook_id)
            await tx.webhooks.remove(caller.user_id, webhook_id)
            await tx.work.drop(DELIVER, prefix=webhook_id)

    async def rotate(self, caller: Caller, webhook_id: str) -> Secret:
        """Give a webhook a new secret; for a day, messages also carry signatures made with the old one."""
        caller.require(Scope.WRITE)
        secret = Secret(signing.new_secret())
        async with self.begin() as tx:
            webhook = await _find(tx, caller, webhook_id, lock=True)
            await tx.webhooks.save(webhook.rotated(self._sealed(webhook_id, secret), self.clock.now()))
        return secret

    async def test(self, caller: Caller, webhook_id: str) -> Outcome:
        """Send a test event now and return what came of it; nothing is kept, and the record is not touched."""
        caller.require(Scope.WRITE)
        async with self.begin() as tx:
            webhook = await _find(tx, caller, webhook_id)
        event_id = f"evt_test_{secrets.token_hex(16)}"
        data = {"webhook_id": webhook_id, "message": "This is a test."}
        told = envelope(event_id, TEST_EVENT, data, self.clock.now(), webhook.metadata)
        return await self.sender.send(webhook, event_id, TEST_EVENT, signing.canonical(told))

    async def deliveries(
        self, caller: Caller, webhook_id: str, *, status: DeliveryStatus | None = None, limit: int = 50
    ) -> list[Delivery]:
        """List a webhook's deliveries, newest first."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            await _find(tx, caller, webhook_id)
            return await tx.deliveries.of(webhook_id, status=status, limit=limit)

    async def delivery(self, caller: Caller, delivery_id: str) -> Delivery:
        """Return a delivery of the caller."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            return await _find_delivery(tx, caller, delivery_id)

    async def retry(self, caller: Caller, delivery_id: str) -> Delivery:
        """Send a failed delivery again: the same id and the same body, signed with the present secret."""
        caller.require(Scope.WRITE)
        async with self.begin() as tx:
            found = await _find_delivery(tx, caller, delivery_id)
            webhook = await _find(tx, caller, found.webhook_id)
            if webhook.status is WebhookStatus.DISABLED:
                raise Conflict(
                    "The webhook is disabled; set its status to active first.", code="conflict_webhook_disabled"
                )
            again = found.again(self.clock.now())
            await tx.deliveries.save([again])
            await tx.work.add([deliver(webhook)])
        return again

    def _sealed(self, webhook_id: str, secret: Secret) -> bytes:
        return self.sender.sealer.seal(secret.reveal().encode(), about=about(webhook_id))

    def _replayed(self, known: Webhook, fingerprint: str) -> Creation:
        if known.creation_print != fingerprint:
            raise Conflict(
                "This idempotency key was used for a different request; use a new key for a new request.",
                code="idempotency_request_mismatch",
            )
        opened = self.sender.sealer.open(known.secret, about=about(known.webhook_id))
        return Creation(known, Secret(opened.decode()), replayed=True)

    def _checked(self, webhook: Webhook) -> Webhook:
        self.sender.poster.check(webhook.url)
        if not 1 <= len(webhook.name.strip()) <= 100:
            raise Invalid("A webhook name has 1 to 100 characters; give another name.", code="validation_webhook_name")
        unknown = sorted(set(webhook.events) - set(WEBHOOK_EVENTS))
        if unknown or not webhook.events:
            raise Invalid(
                f"Subscribe to one or more of: {', '.join(WEBHOOK_EVENTS)}.", code="validation_webhook_events"
            )
        if webhook.metadata is not None and len(signing.canonical(webhook.metadata)) > MAX_METADATA:
            raise Invalid("metadata is over 16 KiB; send less.", code="validation_webhook_metadata")
        return webhook


def _id_of(user_id: str, key: str) -> str:
    made_of = f"webhook\0{user_id}\0{key}"
    return f"wh_{hashlib.sha256(made_of.encode()).hexdigest()[:32]}"


async def _find(tx: WebhooksTx, caller: Caller, webhook_id: str, *, lock: bool = False) -> Webhook:
    webhook = await tx.webhooks.get(caller.user_id, webhook_id, lock=lock)
    if webhook is None:
        raise NotFound.of("webhook", webhook_id)
    return webhook


async def _find_delivery(tx: WebhooksTx, caller: Caller, delivery_id: str) -> Delivery:
    found = await tx.deliveries.get(caller.user_id, delivery_id)
    if found is None:
        raise NotFound.of("delivery", delivery_id)
    return found
