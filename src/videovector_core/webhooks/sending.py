"""Sending: one attempt to tell one receiver of one event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from attrs import frozen

from videovector_core.errors import ProcessingFailed, Refused, VideoVectorError
from videovector_core.ports import Clock, Sealer
from videovector_core.webhooks import signing
from videovector_core.webhooks.model import Outcome, Webhook, judged
from videovector_core.webhooks.ports import Poster, Reply

API_VERSION: Final = "2024-01"
TIMEOUT_SECONDS: Final = 10.0
MAX_RESPONSE: Final = 4096
"""Bytes of an answer that are read and kept."""

_LONGEST_WAIT: Final = 6 * 3600.0


def envelope(
    event_id: str, name: str, data: Mapping[str, Any], created_at: datetime, metadata: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return what a receiver is told, before it is written as text."""
    moment = created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {"id": event_id, "event": name, "data": dict(data), "created_at": moment, "api_version": API_VERSION}
    return told if metadata is None else {**told, "metadata": dict(metadata)}


def about(webhook_id: str) -> bytes:
    """Return what a webhook's secrets are sealed about."""
    return f"webhook/{webhook_id}/secret".encode()


@frozen
class Sender:
    """Signs a body and posts it; whatever happens is an outcome."""

    poster: Poster
    sealer: Sealer
    clock: Clock
    retry_busy: bool = False
    """Whether 408, 425 and 429 are tried again; the API reference says that no 4xx is."""

    async def send(
        self, webhook: Webhook, event_id: str, event_type: str, body: str, more: Mapping[str, str] | None = None
    ) -> Outcome:
        """Make one attempt; `more` are further headers."""
        try:
            data = body.encode()
            headers = {**self._headers(webhook, event_id, data), "X-Event-Type": event_type, **(more or {})}
            reply = await self.poster.post(
                webhook.url, data, headers, max_response_bytes=MAX_RESPONSE, timeout=TIMEOUT_SECONDS
            )
        except VideoVectorError as error:
            # a refused URL stays refused; what is wrong on our side, such as a secret under a lost key, may be mended
            retry = error.transient if isinstance(error, ProcessingFailed) else not isinstance(error, Refused)
            return Outcome(error=f"{error.code}: {error.message}", retry=retry)
        return judged(reply.status, _text(reply.body), retry_after=_wait(reply), retry_busy=self.retry_busy)

    def _headers(self, webhook: Webhook, event_id: str, body: bytes) -> dict[str, str]:
        now = self.clock.now()
        sealed = webhook.sealed_secrets(now)
        valid = [self.sealer.open(one, about=about(webhook.webhook_id)).decode() for one in sealed]
        signed = signing.headers(valid, event_id, int(now.timestamp()), body)
        return {"Content-Type": "application/json", "X-Webhook-ID": webhook.webhook_id, **signed}


def _text(body: bytes) -> str:
    return body[:MAX_RESPONSE].decode("utf-8", "replace").replace("\0", "\ufffd")


def _wait(reply: Reply) -> float | None:
    given = reply.headers.get("retry-after", "")
    return min(float(given), _LONGEST_WAIT) if given.isascii() and given.isdecimal() else None
