"""Tables in memory with transactions that are serial, roll back, and are seen only when they commit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Generic, TypeVar

from attrs import define, field

K = TypeVar("K")
V = TypeVar("V")


@define
class Journal:
    """How to undo what the open transaction did, and whom to wake when it commits."""

    undo: list[Callable[[], None]] = field(factory=list)
    rings: set[str] = field(factory=set)

    def roll_back(self) -> None:
        """Undo everything, latest first."""
        for step in reversed(self.undo):
            step()


@define
class Table(Generic[K, V]):
    """Rows by key. Values are frozen, so a row changes only by being replaced."""

    journal: Journal
    rows: dict[K, V] = field(factory=dict)

    def put(self, key: K, value: V) -> None:
        """Add or replace a row."""
        if key in self.rows:
            before = self.rows[key]
            self.journal.undo.append(lambda: self.rows.__setitem__(key, before))
        else:
            self.journal.undo.append(lambda: self._forget(key))
        self.rows[key] = value

    def _forget(self, key: K) -> None:
        self.rows.pop(key, None)

    def add(self, key: K, value: V) -> bool:
        """Add a row; false when the key is taken."""
        if key in self.rows:
            return False
        self.put(key, value)
        return True

    def replace(self, key: K, value: V) -> bool:
        """Replace a row; false when it is not there."""
        if key not in self.rows:
            return False
        self.put(key, value)
        return True

    def pop(self, key: K) -> V | None:
        """Remove a row and return it."""
        if key not in self.rows:
            return None
        before = self.rows.pop(key)
        self.journal.undo.append(lambda: self.rows.__setitem__(key, before))
        return before

    def get(self, key: K) -> V | None:
        """Return a row."""
        return self.rows.get(key)

    def where(self, wanted: Callable[[V], bool]) -> Iterator[V]:
        """Return the rows that are wanted, in order of insertion."""
        return (value for value in list(self.rows.values()) if wanted(value))


@define
class Time:
    """The database's clock: the machine's, until a test turns it."""

    offset: float = 0.0
    source: Callable[[], float] = field(default=lambda: datetime.now(UTC).timestamp())

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.fromtimestamp(self.source() + self.offset, UTC)

    def advance(self, seconds: float) -> None:
        """Turn the clock forward."""
        self.offset += seconds


@define
class Serial:
    """One transaction at a time; the journal undoes one that raised."""

    journal: Journal = field(factory=Journal)
    lock: asyncio.Lock = field(factory=asyncio.Lock)

    @contextlib.asynccontextmanager
    async def transaction(self, *, apart: bool = False) -> AsyncIterator[Journal]:
        """Run a block as a transaction; what it rang is in the journal until the next one begins.

        What a block `apart` did stays done when it raises.
        """
        async with self.lock:
            self.journal.undo.clear()
            self.journal.rings.clear()
            try:
                yield self.journal
            except BaseException:
                if not apart:
                    self.journal.roll_back()
                self.journal.rings.clear()
                raise
