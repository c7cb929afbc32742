"""API keys and the two probes under `/auth`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import KeyId, KeyScope, ShortName, Time, UserId


class ProcessingActivity(Body):
    """A client's announcement that work is coming; answered at once, and nothing is kept of it."""

    event_id: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=100,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            description="A fresh UUID.",
            examples=["7f8c1f0a-3f5b-4e53-9a3a-0d9c6a7c2f11"],
        ),
    ]
    surface: Literal["sdk"]
    reason: Literal["authentication", "processing_intent"]
    operation: Literal["upload_media", "process_media", "find", "retry_prompt_run_segment"] | None = None


class ProcessingActivityAck(Shape):
    """The announcement was heard."""

    accepted: bool = True
    wake_status: str = "accepted"
    reason: str = "recorded"


class LogIn(Body):
    """What opens a session: an API key, or a bearer token."""

    credential: Annotated[
        str, Meta(min_length=1, max_length=16384, pattern=r"^[A-Za-z0-9._~+/=-]+$", description="Sent once, not kept.")
    ]


class Session(Shape):
    """An open session; the cookie that goes with it is out of reach of scripts."""

    user_id: UserId
    csrf_token: Annotated[str, Meta(description="Send it as `X-CSRF-Token` with every request of the session.")]
    expires_in: Annotated[int, Meta(description="Seconds.")]


class CreateApiKey(Body):
    """A new key; each scope includes the ones below it (`admin` > `write` > `read` > `search`)."""

    name: ShortName
    scopes: Annotated[list[KeyScope], Meta(min_length=1, max_length=4)] = field(default_factory=lambda: ["read"])
    expires_in_days: Annotated[int, Meta(ge=1, le=365, description="Absent means never.")] | None = None


class ApiKey(Shape):
    """A key without its secret."""

    key_id: KeyId
    key_prefix: Annotated[str, Meta(description="First characters, for recognition.", examples=["sk_live_3f9a"])]
    name: str
    scopes: list[KeyScope]
    created_at: Time | None = None
    last_used_at: Time | None = None
    revoked_at: Time | None = None
    expires_at: Time | None = None
    is_active: bool = True


class ApiKeyWithSecret(ApiKey):
    """A key that was just made; `key` is shown this once."""

    key: Annotated[str, Meta(description="`sk_live_` and 48 hexadecimal digits.")]


class ApiKeyRotation(Shape):
    """The key that was revoked and the one that takes its place."""

    old_key_id: KeyId
    new_key: ApiKeyWithSecret
