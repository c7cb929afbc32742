"""Work items, events and receipts in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count

from attrs import define, evolve, field, frozen

from videovector_adapters.memory.database import Journal, Table, Time
from videovector_core.events.model import Event, EventFilter, NewEvent
from videovector_core.idempotency import Answer, Receipt, Slot
from videovector_core.ports import Ids
from videovector_core.work import DOORBELL, NewWork, WorkItem, WorkState

Key = tuple[str, str]


@define
class MemoryWork:
    """`WorkStore` in memory."""

    journal: Journal
    time: Time
    items: Table[Key, WorkItem]
    again: Table[Key, bool]
    fences: count[int] = field(factory=lambda: count(1))
    turns: dict[str, str] = field(factory=dict)
    """The tenant of each kind that was served last."""

    async def add(self, items: Sequence[NewWork]) -> None:
        now = self.time.now()
        for new in items:
            key, due = (new.kind, new.key), now + timedelta(seconds=new.delay)
            known = self.items.get(key)
            if known is not None and known.state is WorkState.LEASED:
                due = due if self.again.add(key, value=True) else min(due, known.due_at)
                self.items.put(key, evolve(known, due_at=due, payload=new.payload))
            else:
                if known is not None and known.state is WorkState.QUEUED:
                    due = min(due, known.due_at)
                self.items.put(key, _fresh(new, due, keep=known))
        self.journal.rings.add(DOORBELL)

    async def claim(self, wanted: Mapping[str, int], *, seconds: float) -> list[WorkItem]:
        now, claimed = self.time.now(), []
        for kind, room in wanted.items():
            for item in self._in_turn(kind, now)[:room]:
                leased = evolve(
                    item,
                    state=WorkState.LEASED,
                    lease_until=now + timedelta(seconds=seconds),
                    fence=next(self.fences),
                    attempt=item.attempt + 1,
                )
                self.items.put((item.kind, item.key), leased)
                self.turns[kind] = item.user_id
                claimed.append(leased)
        return claimed

    def _in_turn(self, kind: str, now: datetime) -> list[WorkItem]:
        """Order due items: one of each tenant from behind the last turn on, then a second one of each."""
        due = self.items.where(lambda item: item.kind == kind and item.state is WorkState.QUEUED and item.due_at <= now)
        rounds: dict[str, int] = {}
        ranked = []
        for item in sorted(due, key=lambda item: (item.due_at, item.key)):
            turn = rounds[item.user_id] = rounds.get(item.user_id, 0) + 1
            ranked.append((turn, item.user_id <= self.turns.get(kind, ""), item.user_id, item))
        return [item for *_, item in sorted(ranked, key=lambda entry: entry[:3])]

    async def renew(self, item: WorkItem, *, seconds: float) -> bool:
        held = self._held(item)
        if held is None:
            return False
        self.items.put((item.kind, item.key), evolve(held, lease_until=self.time.now() + timedelta(seconds=seconds)))
        return True

    async def finish(self, item: WorkItem) -> bool:
        held = self._held(item)
        if held is None:
            return False
        if self.again.pop((item.kind, item.key)):
            self._queue(held, held.due_at, attempt=0)
        else:
            self.items.pop((item.kind, item.key))
        return True

    async def retry(self, item: WorkItem, *, seconds: float, error: str) -> bool:
        held = self._held(item)
        if held is None:
            return False
        self.again.pop((item.kind, item.key))
        self._queue(held, self.time.now() + timedelta(seconds=seconds), attempt=held.attempt, error=error)
        return True

    async def postpone(self, item: WorkItem, *, seconds: float) -> bool:
        held = self._held(item)
        if held is None:
            return False
        due = self.time.now() + timedelta(seconds=seconds)
        if self.again.pop((item.kind, item.key)):
            due = min(due, held.due_at)
        self._queue(held, due, attempt=held.attempt - 1)
        return True

    async def fail(self, item: WorkItem, *, error: str) -> bool:
        held = self._held(item)
        if held is None:
            return False
        if self.again.pop((item.kind, item.key)):
            self._queue(held, held.due_at, attempt=0, error=error)
        else:
            self.items.put((item.kind, item.key), evolve(held, state=WorkState.FAILED, lease_until=None, error=error))
        return True

    async def expired(self, limit: int) -> list[WorkItem]:
        now = self.time.now()
        late = self.items.where(lambda item: item.lease_until is not None and item.lease_until < now)
        return sorted(late, key=lambda item: (item.lease_until or now, item.key))[:limit]

    async def drop(self, kind: str, *, prefix: str) -> int:
        found = self.items.where(
            lambda item: item.kind == kind and item.state is WorkState.QUEUED and item.key.startswith(prefix)
        )
        return sum(self.items.pop((item.kind, item.key)) is not None for item in found)

    async def pending(self, kind: str, *, prefix: str) -> int:
        live = {WorkState.QUEUED, WorkState.LEASED}
        found = self.items.where(lambda item: item.kind == kind and item.state in live and item.key.startswith(prefix))
        return sum(1 for _ in found)

    async def counts(self) -> dict[tuple[str, WorkState], int]:
        totals: dict[tuple[str, WorkState], int] = {}
        for item in self.items.rows.values():
            totals[item.kind, item.state] = totals.get((item.kind, item.state), 0) + 1
        return totals

    def _held(self, item: WorkItem) -> WorkItem | None:
        known = self.items.get((item.kind, item.key))
        return known if known and known.state is WorkState.LEASED and known.fence == item.fence else None

    def _queue(self, item: WorkItem, due: datetime, *, attempt: int, error: str | None = None) -> None:
        queued = evolve(
            item, state=WorkState.QUEUED, lease_until=None, due_at=due, attempt=attempt, error=error or item.error
        )
        self.items.put((item.kind, item.key), queued)
        self.journal.rings.add(DOORBELL)


def _fresh(new: NewWork, due: datetime, *, keep: WorkItem | None) -> WorkItem:
    attempt = keep.attempt if keep is not None and keep.state is WorkState.QUEUED else 0
    return WorkItem(
        new.kind, new.user_id, new.key, new.payload, WorkState.QUEUED, due, None, 0, attempt, new.max_attempts
    )


@define
class MemoryEvents:
    """`EventLog` in memory."""

    journal: Journal
    time: Time
    ids: Ids
    log: Table[tuple[str, int], Event]
    last_numbers: Table[str, int]

    async def append(self, user_id: str, events: Sequence[NewEvent]) -> list[Event]:
        kept = []
        for new in events:
            sequence = (self.last_numbers.get(user_id) or 0) + 1
            self.last_numbers.put(user_id, sequence)
            event = Event(
                sequence,
                self.ids.new("event"),
                new.event_type,
                user_id,
                self.time.now(),
                new.payload,
                new.run_id,
                new.video_id,
                new.segment_id,
                new.index_id,
            )
            self.log.put((user_id, sequence), event)
            kept.append(event)
        self.journal.rings.add(f"events:{user_id}")
        return kept

    async def after(self, user_id: str, sequence: int, *, wanted: EventFilter, limit: int) -> list[Event]:
        found = self.log.where(lambda e: e.user_id == user_id and e.sequence > sequence and wanted.admits(e))
        return sorted(found, key=lambda event: event.sequence)[:limit]

    async def sequence_of(self, user_id: str, event_id: str) -> int | None:
        found = self.log.where(lambda event: event.user_id == user_id and event.event_id == event_id)
        return next((event.sequence for event in found), None)

    async def last(self, user_id: str) -> int:
        return self.last_numbers.get(user_id) or 0

    async def forget(self, before: datetime) -> int:
        old = list(self.log.where(lambda event: event.created_at < before))
        return sum(self.log.pop((event.user_id, event.sequence)) is not None for event in old)


@frozen
class _Claim:
    receipt: Receipt
    until: datetime


@define
class MemoryReceipts:
    """`ReceiptStore` in memory."""

    time: Time
    slots: Table[Slot, _Claim]

    async def claim(self, slot: Slot, fingerprint: str, *, token: str, seconds: float) -> Receipt:
        now, known = self.time.now(), self.slots.get(slot)
        if known is not None and (known.receipt.answer is not None or known.until >= now):
            return known.receipt
        receipt = Receipt(slot, fingerprint, token, now)
        self.slots.put(slot, _Claim(receipt, now + timedelta(seconds=seconds)))
        return receipt

    async def renew(self, slot: Slot, *, token: str, seconds: float) -> bool:
        mine = self._mine(slot, token)
        if mine is not None:
            self.slots.put(slot, evolve(mine, until=self.time.now() + timedelta(seconds=seconds)))
        return mine is not None

    async def complete(self, slot: Slot, *, token: str, answer: Answer) -> bool:
        mine = self._mine(slot, token)
        if mine is not None:
            self.slots.put(slot, evolve(mine, receipt=evolve(mine.receipt, answer=answer)))
        return mine is not None

    async def release(self, slot: Slot, *, token: str) -> None:
        if self._mine(slot, token) is not None:
            self.slots.pop(slot)

    async def forget(self, before: datetime) -> int:
        old = list(self.slots.where(lambda claim: claim.receipt.created_at < before))
        return sum(self.slots.pop(claim.receipt.slot) is not None for claim in old)

    def _mine(self, slot: Slot, token: str) -> _Claim | None:
        known = self.slots.get(slot)
        return known if known and known.receipt.token == token and known.receipt.answer is None else None
