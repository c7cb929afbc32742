"""Webhooks and their deliveries."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from videovector_core.events.model import WebhookEvent
from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    DeliveryId,
    DeliveryStatus,
    IndexId,
    JsonObject,
    ShortName,
    Time,
    WebhookId,
    WebhookStatus,
)

TargetUrl: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2048,
        pattern=r"^https?://[^\x00-\x20\x7f]+$",
        description="Receiver; https, unless the operator allows otherwise.",
        examples=["https://example.com/webhooks/videovector"],
    ),
]
Events: TypeAlias = Annotated[list[WebhookEvent], Meta(min_length=1, max_length=100)]
OnlyIndexes: TypeAlias = Annotated[
    list[IndexId], Meta(max_length=1000, description="Only events of these; null or empty means all.")
]
Metadata: TypeAlias = Annotated[
    JsonObject, Meta(description="Sent along with every delivery.", examples=[{"owner": "review-ops"}])
]


class CreateWebhook(Body):
    """A receiver and what it wants to hear."""

    name: ShortName
    url: TargetUrl
    events: Events
    index_ids: OnlyIndexes | None = None
    metadata: Metadata | None = None


class UpdateWebhook(Body):
    """The fields to change, at least one; what is absent stays."""

    name: ShortName | UnsetType = UNSET
    url: TargetUrl | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    index_ids: OnlyIndexes | UnsetType | None = UNSET
    status: Literal["active", "paused"] | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class Webhook(Shape):
    """A receiver; the secret is not shown."""

    webhook_id: WebhookId
    name: str
    url: str
    events: list[WebhookEvent]
    index_ids: list[IndexId] | None = None
    status: WebhookStatus
    failure_count: Annotated[int, Meta(description="Failures in a row.")] = 0
    last_failure_at: Time | None = None
    last_success_at: Time | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    metadata: JsonObject | None = None


class WebhookWithSecret(Webhook):
    """A receiver that was just made; `secret` is shown this once."""

    secret: Annotated[str, Meta(description="`whsec_...`; key of the HMAC-SHA256 signature.")]


class RotateSecretResponse(Shape):
    """The secret from now on."""

    webhook_id: WebhookId
    new_secret: str


class WebhookTestResponse(Shape):
    """What the receiver said; its failure is an answer, not an error."""

    success: bool
    status_code: int | None = None
    error: str | None = None


class WebhookDelivery(Shape):
    """One event on its way to one receiver."""

    delivery_id: DeliveryId
    webhook_id: WebhookId
    event_type: str
    status: DeliveryStatus
    attempts: int = 0
    last_attempt_at: Time | None = None
    next_retry_at: Time | None = None
    response_status_code: int | None = None
    response_body: str | None = None
    error_message: str | None = None
    created_at: Time | None = None
    completed_at: Time | None = None
    payload: JsonObject | None = None
