"""What indexes ask of a store."""

from __future__ import annotations

from typing import Protocol

from videovector_core.indexes.model import Index


class IndexStore(Protocol):
    """Keeps indexes. A hidden index is gone for every question but `hidden`; default indexes are everybody's."""

    async def add(self, index: Index) -> bool:
        """Keep an index; false when the id is taken."""
        ...

    async def get(self, user_id: str, index_id: str, *, lock: bool = False) -> Index | None:
        """Return the tenant's index, or a default one; with `lock`, nobody hides it before the transaction ends."""
        ...

    async def named(self, user_id: str, name: str) -> Index | None:
        """Return the tenant's oldest index of that name."""
        ...

    async def all(self, user_id: str, *, defaults: bool) -> list[Index]:
        """Return the tenant's indexes, newest first, then the default ones when `defaults`."""
        ...

    async def hide(self, user_id: str, index_id: str) -> bool:
        """Hide the tenant's index from every other question; false when it is not there."""
        ...

    async def remove(self, index_id: str) -> None:
        """Forget a hidden index."""
        ...


class IndexesTx(Protocol):
    """The slice of a transaction that indexes touch."""

    @property
    def indexes(self) -> IndexStore: ...
