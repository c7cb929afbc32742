"""The use cases of indexes."""

from __future__ import annotations

from attrs import frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Forbidden, Invalid, NotFound
from videovector_core.indexes.model import Index
from videovector_core.indexes.ports import IndexesTx
from videovector_core.ports import Begin, Clock, Ids


@frozen
class Indexes:
    """Create, list and retrieve indexes."""

    begin: Begin[IndexesTx]
    clock: Clock
    ids: Ids

    async def create(self, caller: Caller, *, name: str, description: str | None = None) -> Index:
        """Make an index; names need not be unique."""
        caller.require(Scope.WRITE)
        if not 1 <= len(name.strip()) <= 255:
            raise Invalid("An index name has 1 to 255 characters; give another name.", code="validation_index_name")
        index = Index(self.ids.new("index"), caller.user_id, name, self.clock.now(), description)
        async with self.begin() as tx:
            await tx.indexes.add(index)
        return index

    async def named(self, caller: Caller, name: str) -> tuple[Index, bool]:
        """Return the caller's index of that name, and whether it had to be made."""
        async with self.begin() as tx:
            known = await tx.indexes.named(caller.user_id, name)
        return (known, False) if known is not None else (await self.create(caller, name=name), True)

    async def all(self, caller: Caller, *, defaults: bool = True) -> list[Index]:
        """List the caller's indexes, and the shared ones when `defaults`."""
        caller.require(Scope.SEARCH)
        async with self.begin() as tx:
            return await tx.indexes.all(caller.user_id, defaults=defaults)

    async def get(self, caller: Caller, index_id: str) -> Index:
        """Return an index that the caller may see."""
        caller.require(Scope.SEARCH)
        async with self.begin() as tx:
            return await find_index(tx, caller, index_id)


async def find_index(tx: IndexesTx, caller: Caller, index_id: str, *, lock: bool = False) -> Index:
    """Return an index that the caller may see, or raise `NotFound`."""
    index = await tx.indexes.get(caller.user_id, index_id, lock=lock)
    if index is None:
        raise NotFound.of("index", index_id)
    return index


async def find_own_index(tx: IndexesTx, caller: Caller, index_id: str, *, lock: bool = False) -> Index:
    """Return an index that the caller may write to; a shared one is `Forbidden`.

    Whoever keeps media in it asks with `lock`: a deletion that comes at the same time then finds them, or is seen.
    """
    index = await find_index(tx, caller, index_id, lock=lock)
    if index.user_id != caller.user_id:
        raise Forbidden(
            "This index is shared and cannot be changed; use one of your own.", code="authorization_shared_index"
        )
    return index
