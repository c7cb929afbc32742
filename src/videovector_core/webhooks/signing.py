"""Signing: the bytes that are sent are the bytes that are signed, in three ways that receivers verify.

The body is JSON with sorted keys, `", "` and `": "` between its parts and ASCII escapes, exactly what Python's
`json.dumps(payload, sort_keys=True)` writes. So a receiver may verify over the bytes that it got, or over what it
parsed and wrote again.

    X-Webhook-Signature    sha256= and the hex HMAC-SHA256 of the body; the key is the secret as it stands
    webhook-signature      Standard Webhooks 1.0: v1, and the base64 HMAC-SHA256 of `id.timestamp.body`; the key is what
                           the secret holds in base64 behind `whsec_`
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from videovector_core.errors import Unauthenticated

PREFIX: Final = "whsec_"
KEY_BYTES: Final = 32
TOLERANCE_SECONDS: Final = 300
"""How far the time of a message may be from the receiver's (Standard Webhooks)."""

SIGNATURE: Final = "X-Webhook-Signature"
PREVIOUS: Final = "X-Webhook-Signature-Previous"


def new_secret() -> str:
    """Make a secret: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def canonical(payload: Mapping[str, Any]) -> str:
    """Write a payload as it is signed, stored and sent."""
    return json.dumps(payload, sort_keys=True, allow_nan=False)


def plain(secret: str, body: bytes) -> str:
    """Sign a body as the API reference says."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Sign a message as Standard Webhooks says."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(valid: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that sign a message; `valid` are the secrets, the present one first.

    While a replaced secret is still good, the message carries a signature of each.
    """
    signatures = [standard(secret, message_id, timestamp, body) for secret in valid]
    signed = {
        SIGNATURE: plain(valid[0], body),
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
    return signed if len(valid) == 1 else {**signed, PREVIOUS: plain(valid[1], body)}


def verify(secret: str, given: Mapping[str, str], body: bytes, *, now: float) -> None:
    """Check a message that was received; header names in any case, `now` in seconds since 1970.

    Raises:
        Unauthenticated: it was not signed with this secret, was changed, or is more than five minutes off.
    """
    found = {name.lower(): value for name, value in given.items()}
    message_id, stamp = found.get("webhook-id", ""), found.get("webhook-timestamp", "")
    if not stamp.isdecimal() or abs(now - int(stamp)) > TOLERANCE_SECONDS:
        raise Unauthenticated("The message is not of this moment; check the clock.", code="webhook_timestamp")
    expected = standard(secret, message_id, int(stamp), body)
    offered = found.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in offered):
        raise Unauthenticated("The message was not signed with this secret.", code="webhook_signature")
