"""Events, receipts of idempotent requests, and buckets of rate limits in PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape, document
from videovector_core.access.ratelimit import Bucket, Grant, Limits, Returned, Standing
from videovector_core.events.model import Event, EventFilter, NewEvent
from videovector_core.idempotency import Answer, Receipt, Slot
from videovector_core.ports import Ids

EVENTS: Final = Shape("events", Event, ("user_id", "sequence"), ("payload",))

_NUMBERS: Final = """
INSERT INTO event_counters AS c (user_id, last) VALUES (%s, %s)
ON CONFLICT (user_id) DO UPDATE SET last = c.last + excluded.last RETURNING last, clock_timestamp()
"""


@define
class PgEvents:
    """`EventLog` in PostgreSQL: the tenant's counter is a row, locked from the first append until the commit."""

    db: Session
    ids: Ids

    async def append(self, user_id: str, events: Sequence[NewEvent]) -> list[Event]:
        if not events:
            return []
        ((last, now),) = await self.db.rows(_NUMBERS, [user_id, len(events)])
        kept = [
            Event(
                sequence,
                self.ids.new("event"),
                new.event_type,
                user_id,
                now,
                new.payload,
                new.run_id,
                new.video_id,
                new.segment_id,
                new.index_id,
            )
            for sequence, new in enumerate(events, last - len(events) + 1)
        ]
        await self.db.add_many(EVENTS, kept, conflict="")
        self.db.rings.add(f"events:{user_id}")
        return kept

    async def after(self, user_id: str, sequence: int, *, wanted: EventFilter, limit: int) -> list[Event]:
        where, given = _wanted(wanted)
        rest = f"WHERE user_id = %s AND sequence > %s {where} ORDER BY sequence LIMIT %s"
        return await self.db.many(EVENTS, rest, [user_id, sequence, *given, limit])

    async def sequence_of(self, user_id: str, event_id: str) -> int | None:
        found = await self.db.value(
            "SELECT sequence FROM events WHERE event_id = %s AND user_id = %s", [event_id, user_id]
        )
        return None if found is None else int(found)

    async def last(self, user_id: str) -> int:
        return int(await self.db.value("SELECT last FROM event_counters WHERE user_id = %s", [user_id]) or 0)

    async def forget(self, before: datetime) -> int:
        return await self.db.run("DELETE FROM events WHERE created_at < %s", [before])


def _wanted(wanted: EventFilter) -> tuple[str, list[Any]]:
    conditions: dict[str, Any] = {
        "AND run_id = %s": wanted.run_id,
        "AND index_id = %s": wanted.index_id,
        "AND video_id = ANY(%s)": None if wanted.video_ids is None else sorted(wanted.video_ids),
        "AND event_type = ANY(%s)": None if wanted.event_types is None else sorted(wanted.event_types),
    }
    given = {condition: value for condition, value in conditions.items() if value is not None}
    return " ".join(given), list(given.values())


_CLAIM: Final = """
INSERT INTO receipts AS r (slot, user_id, method, path, key, fingerprint, token, created_at, until)
VALUES (%(slot)s, %(user_id)s, %(method)s, %(path)s, %(key)s, %(fingerprint)s, %(token)s, statement_timestamp(),
    statement_timestamp() + %(seconds)s * interval '1 second')
ON CONFLICT (slot) DO UPDATE SET
    fingerprint = excluded.fingerprint, token = excluded.token, created_at = excluded.created_at, until = excluded.until
WHERE r.status IS NULL AND r.until < statement_timestamp()
RETURNING fingerprint, token, created_at, status, body, content_type
"""

_KNOWN: Final = "SELECT fingerprint, token, created_at, status, body, content_type FROM receipts WHERE slot = %(slot)s"


@define
class PgReceipts:
    """`ReceiptStore` in PostgreSQL."""

    db: Session

    async def claim(self, slot: Slot, fingerprint: str, *, token: str, seconds: float) -> Receipt:
        given = {**_named(slot), "fingerprint": fingerprint, "token": token, "seconds": seconds}
        while True:
            # Between the two statements the holder may release the slot: then it is free, and the claim is repeated.
            found = await self.db.rows(_CLAIM, given) or await self.db.rows(_KNOWN, given)
            if found:
                return _receipt(slot, found[0])

    async def renew(self, slot: Slot, *, token: str, seconds: float) -> bool:
        return await self._mine(
            "UPDATE receipts SET until = statement_timestamp() + %(seconds)s * interval '1 second' "
            "WHERE slot = %(slot)s AND token = %(token)s AND status IS NULL",
            slot,
            token=token,
            seconds=seconds,
        )

    async def complete(self, slot: Slot, *, token: str, answer: Answer) -> bool:
        return await self._mine(
            "UPDATE receipts SET status = %(status)s, body = %(body)s, content_type = %(content_type)s "
            "WHERE slot = %(slot)s AND token = %(token)s AND status IS NULL",
            slot,
            token=token,
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
        )

    async def release(self, slot: Slot, *, token: str) -> None:
        await self._mine(
            "DELETE FROM receipts WHERE slot = %(slot)s AND token = %(token)s AND status IS NULL", slot, token=token
        )

    async def forget(self, before: datetime) -> int:
        return await self.db.run("DELETE FROM receipts WHERE created_at < %s", [before])

    async def _mine(self, statement: str, slot: Slot, **values: object) -> bool:
        return await self.db.run(statement, {"slot": _digest(slot), **values}) == 1


def _digest(slot: Slot) -> bytes:
    parts = (slot.user_id, slot.method, slot.path, slot.key)
    return hashlib.sha256(b"".join(b"%d:%b" % (len(part.encode()), part.encode()) for part in parts)).digest()


def _named(slot: Slot) -> dict[str, Any]:
    named = {"user_id": slot.user_id, "method": slot.method, "path": slot.path, "key": slot.key}
    return {"slot": _digest(slot), **named}


def _receipt(slot: Slot, row: tuple[Any, ...]) -> Receipt:
    fingerprint, token, created_at, status, body, content_type = row
    answer = None if status is None else Answer(status, body, content_type)
    return Receipt(slot, fingerprint, token, created_at, answer)


@define
class PgBucketRows:
    """Buckets within a transaction; `PgBuckets` in `database` gives each take one of its own."""

    db: Session

    async def take(self, key: str, wanted: int, limits: Limits, returned: Sequence[Returned] = ()) -> Grant:
        await self.db.run("INSERT INTO buckets (key, state) VALUES (%s, '{}') ON CONFLICT DO NOTHING", [key])
        locked = "SELECT state, clock_timestamp() FROM buckets WHERE key = %s FOR UPDATE"
        ((state, now),) = await self.db.rows(locked, [key])
        bucket, grant = Bucket.from_json(state).take(now.timestamp(), wanted, limits, returned)
        await self.db.run("UPDATE buckets SET state = %s WHERE key = %s", [document(bucket.to_json()), key])
        return grant

    async def standing(self, key: str, limits: Limits) -> Standing:
        known = "SELECT (SELECT state FROM buckets WHERE key = %s), statement_timestamp()"
        ((state, now),) = await self.db.rows(known, [key])
        return Bucket.from_json(state or {}).standing(now.timestamp(), limits)
