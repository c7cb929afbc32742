"""Webhooks and deliveries, and the rules by which they change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from attrs import evolve, field, frozen

from videovector_core.errors import Conflict
from videovector_core.events.model import Event

SCHEDULE: Final = (30.0, 120.0, 600.0, 3600.0, 21600.0)
"""Seconds from each failed attempt to the next one; after the last there is none."""

JITTER: Final = 0.1
"""A wait is up to this much longer than the schedule says, so that deliveries do not come back all at once."""

OVERLAP: Final = timedelta(hours=24)
"""How long a replaced secret still signs beside the new one."""

HOLD: Final = timedelta(hours=24)
"""How long deliveries wait for a webhook that is paused."""

GIVE_UP_AFTER: Final = timedelta(days=5)
GIVE_UP_COUNT: Final = 20
"""A webhook is disabled after so many failed deliveries in a row, or when it failed for so long without a success."""

NARROW_AFTER: Final = 5
"""Failures in a row after which a receiver is sent one delivery at a time, with pauses."""


class WebhookStatus(StrEnum):
    """Where a webhook stands; only the server disables."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    PROCESSING = "processing"
    DELIVERED = "delivered"
    FAILED = "failed"
    RETRYING = "retrying"


def _tuple(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _all(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return tuple(values) if values else None


@frozen
class Webhook:
    """A receiver and what it wants to hear; `index_ids` of `None` wants all. Secrets are sealed."""

    webhook_id: str
    user_id: str
    name: str
    url: str
    events: tuple[str, ...] = field(converter=_tuple)
    created_at: datetime
    updated_at: datetime
    secret: bytes = field(repr=False)
    index_ids: tuple[str, ...] | None = field(default=None, converter=_all)
    metadata: dict[str, Any] | None = None
    status: WebhookStatus = field(default=WebhookStatus.ACTIVE, converter=WebhookStatus)
    previous_secret: bytes | None = field(default=None, repr=False)
    rotated_at: datetime | None = None
    failure_count: int = 0
    lost_count: int = 0
    """Deliveries in a row that were given up."""
    failing_since: datetime | None = None
    last_failure_at: datetime | None = None
    last_success_at: datetime | None = None
    creation_key: str | None = None
    """The idempotency key that it was made under, and the fingerprint of that request."""
    creation_print: str | None = None

    def wants(self, event: Event) -> bool:
        """Say whether an event is for this receiver; one that belongs to no index passes the filter of indexes."""
        return event.event_type in self.events and (
            self.index_ids is None or event.index_id is None or event.index_id in self.index_ids
        )

    def rotated(self, secret: bytes, now: datetime) -> Webhook:
        """Return the webhook with a new secret; the one before signs beside it for a while."""
        return evolve(self, secret=secret, previous_secret=self.secret, rotated_at=now, updated_at=now)

    def sealed_secrets(self, now: datetime) -> tuple[bytes, ...]:
        """Return the secrets that are good now, the present one first."""
        if self.previous_secret is None or self.rotated_at is None or now >= self.rotated_at + OVERLAP:
            return (self.secret,)
        return self.secret, self.previous_secret

    def enabled(self, now: datetime) -> Webhook:
        """Return the webhook at work again, with a clean record."""
        return evolve(
            self, status=WebhookStatus.ACTIVE, failure_count=0, lost_count=0, failing_since=None, updated_at=now
        )

    def after(self, outcome: Outcome, now: datetime, *, given_up: bool) -> Webhook:
        """Return the webhook after one attempt."""
        if outcome.ok:
            return evolve(self, failure_count=0, lost_count=0, failing_since=None, last_success_at=now)
        failed = evolve(
            self,
            failure_count=self.failure_count + 1,
            lost_count=self.lost_count + int(given_up),
            failing_since=self.failing_since or now,
            last_failure_at=now,
        )
        return failed.disabled(now) if outcome.gone or failed.hopeless(now) else failed

    def disabled(self, now: datetime) -> Webhook:
        """Return the webhook as the server leaves it when it gives up."""
        return evolve(self, status=WebhookStatus.DISABLED, updated_at=now)

    def hopeless(self, now: datetime) -> bool:
        """Say whether it failed so often, or for so long, that nobody can be there."""
        lasted = now - (self.failing_since or now)
        return self.lost_count >= GIVE_UP_COUNT or lasted >= GIVE_UP_AFTER

    @property
    def narrow(self) -> float:
        """Seconds to wait between single attempts while the receiver does not recover; 0 when it is well."""
        beyond = self.failure_count - NARROW_AFTER
        return 0.0 if beyond < 0 else min(30.0, 2.0**beyond)


@frozen
class Outcome:
    """What came of one attempt. `error` is one sentence; `retry` says whether another attempt may help."""

    status_code: int | None = None
    body: str | None = None
    error: str | None = None
    retry: bool = False
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the receiver took it."""
        return self.error is None

    @property
    def gone(self) -> bool:
        """Whether the receiver says that it will not come back."""
        return self.status_code == 410


def judged(status: int, body: str, *, retry_after: float | None = None, retry_busy: bool = False) -> Outcome:
    """Say what an answer means: 2xx is success, 5xx may pass, 3xx and 4xx are for good.

    With `retry_busy`, 408, 425 and 429 may pass too, and not before the receiver asked for.
    """
    if 200 <= status < 300:
        return Outcome(status, body)
    if status >= 500:
        return Outcome(status, body, f"The receiver answered {status}.", retry=True, retry_after=retry_after)
    if retry_busy and status in {408, 425, 429}:
        return Outcome(status, body, f"The receiver answered {status}.", retry=True, retry_after=retry_after)
    if 300 <= status < 400:
        return Outcome(status, body, f"The receiver answered {status}; redirects are not followed.")
    return Outcome(status, body, f"The receiver answered {status}, which is final.")


@frozen
class Delivery:
    """One event on its way to one receiver; `body` is the exact text that is signed and sent."""

    delivery_id: str
    webhook_id: str
    user_id: str
    event_id: str
    event_type: str
    body: str = field(repr=False)
    created_at: datetime
    due_at: datetime
    status: DeliveryStatus = field(default=DeliveryStatus.PENDING, converter=DeliveryStatus)
    attempts: int = 0
    tries: int = 0
    """Attempts since it was made, or since somebody asked for another round."""
    last_attempt_at: datetime | None = None
    response_status_code: int | None = None
    response_body: str | None = None
    error_message: str | None = None
    completed_at: datetime | None = None

    @property
    def next_retry_at(self) -> datetime | None:
        """When the next attempt is due, after one that failed."""
        return self.due_at if self.status is DeliveryStatus.RETRYING else None

    def after(self, outcome: Outcome, now: datetime, *, spread: float) -> Delivery:
        """Return the delivery after one attempt; `spread`, from 0 to 1, is how much of the jitter is used."""
        tried = evolve(
            self,
            attempts=self.attempts + 1,
            tries=self.tries + 1,
            last_attempt_at=now,
            response_status_code=outcome.status_code,
            response_body=outcome.body,
            error_message=outcome.error,
        )
        if outcome.ok:
            return evolve(tried, status=DeliveryStatus.DELIVERED, completed_at=now)
        if not outcome.retry or self.tries >= len(SCHEDULE):
            return evolve(tried, status=DeliveryStatus.FAILED, completed_at=now)
        wait = max(outcome.retry_after or 0.0, SCHEDULE[self.tries] * (1 + JITTER * spread))
        return evolve(tried, status=DeliveryStatus.RETRYING, due_at=now + timedelta(seconds=wait))

    def given_up(self, reason: str, now: datetime) -> Delivery:
        """Return the delivery as it is dropped without an attempt."""
        return evolve(self, status=DeliveryStatus.FAILED, error_message=reason, completed_at=now)

    def again(self, now: datetime) -> Delivery:
        """Return the delivery on its way once more, from the start of the schedule; its id and its body stay.

        Raises:
            Conflict: it has not failed.
        """
        if self.status is not DeliveryStatus.FAILED:
            raise Conflict(
                f"Only a failed delivery can be retried, and this one is {self.status.value}.",
                code="conflict_delivery_status",
            )
        return evolve(self, status=DeliveryStatus.PENDING, tries=0, due_at=now, completed_at=None)
