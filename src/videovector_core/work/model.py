"""Work items, and what keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from attrs import field, frozen

DOORBELL: Final = "work"
WORKER_LOST: Final = "the worker was lost"


class WorkState(StrEnum):
    """Where a work item stands; see the drawing in `videovector_core.work`."""

    QUEUED = "queued"
    LEASED = "leased"
    FAILED = "failed"


@frozen
class NewWork:
    """Work to be done. Adding a `(kind, key)` that is queued makes it due no later than this; one that is leased runs again."""

    kind: str
    user_id: str
    key: str
    payload: dict[str, Any] = field(factory=dict)
    delay: float = 0.0
    """Seconds from now, by the clock of the database."""
    max_attempts: int = 3


@frozen
class WorkItem:
    """A work item as it was claimed."""

    kind: str
    user_id: str
    key: str
    payload: dict[str, Any]
    state: WorkState = field(converter=WorkState)
    due_at: datetime
    lease_until: datetime | None
    fence: int
    attempt: int
    max_attempts: int
    error: str | None = None

    @property
    def last_attempt(self) -> bool:
        """Whether there will be no further attempt."""
        return self.attempt >= self.max_attempts

    @property
    def suspect(self) -> bool:
        """Whether it may be what kills its workers: it runs its last attempt alone, so that no other item pays for it."""
        return self.last_attempt and self.attempt > 1 and self.error == WORKER_LOST


class WorkStore(Protocol):
    """Keeps work items. Time is the store's own; `seconds` count from its present moment."""

    async def add(self, items: Sequence[NewWork]) -> None:
        """Add work; nobody sees it before the commit. Known keys are handled as `NewWork` says."""
        ...

    async def claim(self, wanted: Mapping[str, int], *, seconds: float) -> list[WorkItem]:
        """Lease up to `wanted[kind]` due items of each kind, taking tenants in turn and each tenant's oldest first.

        Two claims at the same time never lease the same item and never wait for each other.
        """
        ...

    async def renew(self, item: WorkItem, *, seconds: float) -> bool:
        """Lengthen a lease; false when it is no longer held."""
        ...

    async def finish(self, item: WorkItem) -> bool:
        """Remove a leased item, or queue it again when it was added meanwhile; false when the lease is not held."""
        ...

    async def retry(self, item: WorkItem, *, seconds: float, error: str) -> bool:
        """Queue a leased item again, due in so many seconds; false when the lease is not held."""
        ...

    async def fail(self, item: WorkItem, *, error: str) -> bool:
        """Give a leased item up; false when the lease is not held."""
        ...

    async def postpone(self, item: WorkItem, *, seconds: float) -> bool:
        """Queue a leased item again without counting the attempt; false when the lease is not held."""
        ...

    async def expired(self, limit: int) -> list[WorkItem]:
        """Return items whose lease has run out, locked until the end of the transaction."""
        ...

    async def drop(self, kind: str, *, prefix: str) -> int:
        """Remove queued items whose key starts with `prefix`; say how many."""
        ...

    async def pending(self, kind: str, *, prefix: str) -> int:
        """Count queued and leased items whose key starts with `prefix`."""
        ...

    async def counts(self) -> dict[tuple[str, WorkState], int]:
        """Count items by kind and state."""
        ...


class WorkTx(Protocol):
    """The slice of a transaction that work touches."""

    @property
    def work(self) -> WorkStore:
        """The work items."""
        ...
