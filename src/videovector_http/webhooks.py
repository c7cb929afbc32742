"""Webhooks and their deliveries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid, NotFound
from videovector_core.events.model import WEBHOOK_EVENTS
from videovector_core.idempotency import Answer, Slot
from videovector_core.webhooks.model import Delivery, DeliveryStatus
from videovector_http.context import Context
from videovector_http.gate import PUBLIC, fingerprint_body
from videovector_http.receipts import REPLAYED, Complete, Receipts, forget
from videovector_http.wire import webhooks as wire
from videovector_http.wire.convert import out
from videovector_http.wire.envelopes import DeleteResponse

Asked = Request[Any, Any, Any]


@get("/webhooks/events", opt={"scope": PUBLIC})
async def list_events() -> list[str]:
    """List the events that a webhook can subscribe to."""
    return list(WEBHOOK_EVENTS)


@post("/webhooks", opt={"scope": Scope.WRITE, "keyed": "own"}, status_code=201)
async def create_webhook(
    data: JSONBody[wire.CreateWebhook],
    request: Asked,
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> Response[wire.WebhookWithSecret]:
    """Make a webhook; its secret is in this answer, and in the answer to the same request under the same key."""
    await _own_indexes(context, caller, data.index_ids)
    slot: Slot | None = request.scope["state"].get("slot")
    made = await context.vv.webhooks.create(
        caller,
        name=data.name,
        url=data.url,
        events=data.events,
        index_ids=data.index_ids,
        metadata=data.metadata,
        key=slot.key if slot is not None else None,
        fingerprint=fingerprint_body(await request.body(), request.scope.get("query_string", b"")) if slot else "",
    )
    shown = out(made.webhook, wire.WebhookWithSecret, secret=made.secret.reveal())
    return Response(shown, status_code=201, headers=REPLAYED if made.replayed else None)


@get("/webhooks", opt={"scope": Scope.READ})
async def list_webhooks(context: NamedDependency[Context], caller: NamedDependency[Caller]) -> list[wire.Webhook]:
    """List the caller's webhooks, newest first."""
    return [out(one, wire.Webhook) for one in await context.vv.webhooks.all(caller)]


@get("/webhooks/{webhook_id:str}", opt={"scope": Scope.READ})
async def retrieve_webhook(
    webhook_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.Webhook:
    """Return one webhook."""
    return out(await context.vv.webhooks.get(caller, webhook_id), wire.Webhook)


@patch("/webhooks/{webhook_id:str}", opt={"scope": Scope.WRITE})
async def update_webhook(
    webhook_id: FromPath[str],
    data: JSONBody[wire.UpdateWebhook],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.Webhook:
    """Change a webhook; what is absent stays."""
    changes = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}
    await _own_indexes(context, caller, changes.get("index_ids"))
    return out(await context.vv.webhooks.update(caller, webhook_id, changes), wire.Webhook)


@delete("/webhooks/{webhook_id:str}", opt={"scope": Scope.ADMIN}, status_code=200)
async def delete_webhook(
    webhook_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> DeleteResponse:
    """Remove a webhook and its deliveries."""
    await context.vv.webhooks.delete(caller, webhook_id)
    return DeleteResponse(message="The webhook was deleted.")


@post("/webhooks/{webhook_id:str}/rotate-secret", opt={"scope": Scope.WRITE}, status_code=200)
async def rotate_secret(
    webhook_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.RotateSecretResponse:
    """Give a webhook a new secret; the old one signs along for 24 hours."""
    secret = await context.vv.webhooks.rotate(caller, webhook_id)
    return wire.RotateSecretResponse(webhook_id=webhook_id, new_secret=secret.reveal())


@post("/webhooks/{webhook_id:str}/test", opt={"scope": Scope.WRITE, "keyed": "own"}, status_code=200)
async def test_webhook(
    webhook_id: FromPath[str],
    request: Asked,
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    receipts: NamedDependency[Receipts],
) -> Response[wire.WebhookTestResponse]:
    """Send a test event now; what the receiver does is the answer, never an error."""

    async def effect(complete: Complete) -> Answer:
        outcome = await context.vv.webhooks.test(caller, webhook_id)
        shown = wire.WebhookTestResponse(success=outcome.ok, status_code=outcome.status_code, error=outcome.error)
        answer = Answer(200, msgspec.json.encode(shown))
        await complete(answer)
        return answer

    slot: Slot | None = request.scope["state"].get("slot")
    if slot is None:
        answer, replayed = await effect(forget), False
    else:
        answer, replayed = await receipts.once(slot, fingerprint_body(await request.body(), b""), effect)
    headers = REPLAYED if replayed else None
    return Response(answer.body, status_code=200, media_type="application/json", headers=headers)  # type: ignore[arg-type]  # written


@get("/webhooks/{webhook_id:str}/deliveries", opt={"scope": Scope.READ})
async def list_deliveries(
    webhook_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    status: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100, description="Rows at the most.")] = 50,
) -> list[wire.WebhookDelivery]:
    """List a webhook's deliveries, newest first."""
    if status is not None and status not in set(DeliveryStatus):
        raise Invalid(f"status is one of {', '.join(DeliveryStatus)}.", code="validation_delivery_status")
    wanted = DeliveryStatus(status) if status is not None else None
    found = await context.vv.webhooks.deliveries(caller, webhook_id, status=wanted, limit=limit)
    return [_shown(one) for one in found]


@get("/webhooks/deliveries/{delivery_id:str}", opt={"scope": Scope.READ})
async def retrieve_delivery(
    delivery_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.WebhookDelivery:
    """Return one delivery."""
    return _shown(await context.vv.webhooks.delivery(caller, delivery_id))


@post("/webhooks/deliveries/{delivery_id:str}/retry", opt={"scope": Scope.WRITE}, status_code=200)
async def retry_delivery(
    delivery_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.WebhookDelivery:
    """Send a failed delivery again."""
    return _shown(await context.vv.webhooks.retry(caller, delivery_id))


def _shown(delivery: Delivery) -> wire.WebhookDelivery:
    return out(delivery, wire.WebhookDelivery, payload=json.loads(delivery.body))


async def _own_indexes(context: Context, caller: Caller, index_ids: Sequence[str] | None) -> None:
    """Refuse a filter that names an index which the caller cannot see."""
    known = {one.index_id for one in await context.vv.indexes.all(caller)} if index_ids else set()
    for index_id in index_ids or ():
        if index_id not in known:
            raise NotFound.of("index", index_id)


ROUTES = [
    list_events,
    create_webhook,
    list_webhooks,
    retrieve_webhook,
    update_webhook,
    delete_webhook,
    rotate_secret,
    test_webhook,
    list_deliveries,
    retrieve_delivery,
    retry_delivery,
]
