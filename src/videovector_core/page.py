"""Pages by keyset: the next page starts after the last row's sort key, so its cost does not grow with the offset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from attrs import frozen

T = TypeVar("T")
U = TypeVar("U")

After: TypeAlias = tuple[str | int | float, ...]
"""The sort key of the last row seen; the public surface seals it into an opaque cursor."""


@frozen
class Page(Generic[T]):
    """Some rows in order, and where the next page starts (`None` at the end)."""

    items: tuple[T, ...]
    after: After | None = None

    @classmethod
    def cut(cls, rows: Sequence[T], limit: int, key: Callable[[T], After]) -> Page[T]:
        """Make a page of `limit` rows from a query that asked for one more."""
        kept = tuple(rows[:limit])
        return cls(kept, key(kept[-1]) if len(rows) > limit and kept else None)

    def map(self, change: Callable[[T], U]) -> Page[U]:
        """Change each row and keep the place."""
        return Page(tuple(change(row) for row in self.items), self.after)
