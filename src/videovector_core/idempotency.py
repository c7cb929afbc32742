"""Idempotency receipts: a keyed write has one effect, however often it is sent.

A receipt is claimed under a short lease before anything is done and completed in the transaction of the effect. A crash
between the two leaves nothing but a claim that runs out, so the next try does the work, and does it once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from attrs import field, frozen

from videovector_core.errors import Conflict, Invalid
from videovector_core.ports import Begin, Clock
from videovector_core.work import Lease, NewWork, WorkItem, WorkTx

MAX_KEY: Final = 255
FORGET: Final = "receipts.retention"
FORGET_LOOK: Final = 3600.0
"""Seconds from one look for old receipts to the next."""


@frozen
class Slot:
    """Where a key counts: within one account, method and path."""

    user_id: str
    method: str
    path: str
    key: str


@frozen
class Answer:
    """A stored answer; `body` is sealed, since answers to some creations hold a secret."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = "application/json"


@frozen
class Receipt:
    """What is known of a key: the request's fingerprint, and the answer once there is one."""

    slot: Slot
    fingerprint: str
    token: str
    created_at: datetime
    answer: Answer | None = None


class ReceiptStore(Protocol):
    """Keeps receipts. A claim whose lease ran out counts as absent."""

    async def claim(self, slot: Slot, fingerprint: str, *, token: str, seconds: float) -> Receipt:
        """Claim the slot for `token`, or return the receipt that holds it: compare its token with yours."""
        ...

    async def renew(self, slot: Slot, *, token: str, seconds: float) -> bool:
        """Lengthen a claim; false when it is no longer this token's."""
        ...

    async def complete(self, slot: Slot, *, token: str, answer: Answer) -> bool:
        """Keep the answer; false when the claim is no longer this token's."""
        ...

    async def release(self, slot: Slot, *, token: str) -> None:
        """Give a claim up, so that the next try starts anew."""
        ...

    async def forget(self, before: datetime) -> int:
        """Remove receipts that are older than a moment."""
        ...


class ReceiptsTx(WorkTx, Protocol):
    """The slice of a transaction that receipts touch."""

    @property
    def receipts(self) -> ReceiptStore:
        """The receipts."""
        ...


def forgetting(delay: float = 0.0) -> NewWork:
    """Return the work of forgetting old receipts; it comes back by itself."""
    return NewWork(FORGET, "system", "all", delay=delay, max_attempts=10)


@frozen
class Forgetter:
    """Removes receipts that are older than they are kept."""

    begin: Begin[ReceiptsTx]
    clock: Clock
    keep: timedelta

    async def forget(self, _: WorkItem, lease: Lease[ReceiptsTx]) -> None:
        """Remove what is old, and look again in an hour."""
        async with lease.commit() as tx:
            await tx.receipts.forget(self.clock.now() - self.keep)
            await tx.work.add([forgetting(FORGET_LOOK)])

    async def lost(self, tx: ReceiptsTx, _: WorkItem, __: Exception) -> None:
        """Look again all the same."""
        await tx.work.add([forgetting(FORGET_LOOK)])


def checked_key(raw: str) -> str:
    """Trim a key and refuse one that is blank, over 255 characters or holds control characters."""
    key = raw.strip()
    if not key or len(key) > MAX_KEY or any(ord(char) < 32 or ord(char) == 127 for char in key):
        raise Invalid(
            f"An idempotency key has 1 to {MAX_KEY} characters and no control characters; send another one.",
            code="idempotency_key_invalid",
        )
    return key


def fingerprint_json(body: Any) -> str:
    """Fingerprint a JSON body; an absent one counts as `{}`, and neither order nor spacing matters."""
    text = json.dumps(body if body is not None else {}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint_form(fields: Mapping[str, list[str]], files: Mapping[str, tuple[str, str]]) -> str:
    """Fingerprint a decoded form: its text fields, and each file's name and SHA-256. Boundaries do not count."""
    return fingerprint_json({"fields": dict(fields), "files": {name: list(file) for name, file in files.items()}})


def mismatch() -> Conflict:
    """Say that the key was used for another request."""
    return Conflict(
        "This idempotency key was used for a different request; use a new key for a new request.",
        code="idempotency_request_mismatch",
    )


def in_progress() -> Conflict:
    """Say that the first request with this key is still running."""
    return Conflict(
        "The first request with this idempotency key is still running; send it again in a second.",
        code="idempotency_in_progress",
        details={"retry_after": 1},
    )
