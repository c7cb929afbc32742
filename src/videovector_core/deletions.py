"""Deleting media and indexes: hidden at once in every path, removed durably behind.

    draining   hidden; work that had the media in hand may still end
    deleting   rows, vectors and bytes are being removed
    deleted    nothing is left but this record

Deleting again what is being deleted, or was, answers with the same deletion.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from attrs import evolve, field, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import NotFound
from videovector_core.indexes.service import find_own_index
from videovector_core.markers import MarkersTx
from videovector_core.media.model import MediaItem
from videovector_core.ports import Begin, Blobs, Clock, Ids
from videovector_core.runs.pipeline import settle
from videovector_core.runs.service import RunsUseTx
from videovector_core.runs.tables import TablesTx
from videovector_core.vectors.ports import VectorIndex
from videovector_core.work import Lease, NewWork, WorkItem

PURGE: Final = "media.purge"
BATCH: Final = 256
SECOND_LOOK_SECONDS: Final = 2.0
"""Work that had the media in hand when they were hidden may commit once more; a second look removes what it left."""


class DeletionStatus(StrEnum):
    """How far a deletion is; see the drawing above."""

    DRAINING = "draining"
    DELETING = "deleting"
    DELETED = "deleted"


@frozen
class Deletion:
    """The record of a deletion. `kind` is `index` or `video`."""

    deletion_id: str
    user_id: str
    kind: str
    owner_id: str
    requested_at: datetime
    status: DeletionStatus = field(default=DeletionStatus.DRAINING, converter=DeletionStatus)
    completed_at: datetime | None = None

    @property
    def retry_after_seconds(self) -> int | None:
        """When to look again; `None` when it is over."""
        return None if self.status is DeletionStatus.DELETED else 1


class DeletionStore(Protocol):
    """Keeps the records of deletions; there is one for each thing that was deleted."""

    async def add(self, deletion: Deletion) -> bool:
        """Keep a record; false when the thing has one."""
        ...

    async def of(self, user_id: str, kind: str, owner_id: str) -> Deletion | None:
        """Return the record of a thing."""
        ...

    async def save(self, deletion: Deletion) -> None:
        """Replace a record."""
        ...


class DeletionsTx(MarkersTx, TablesTx, RunsUseTx, Protocol):
    """The slice of a transaction that deletions touch."""

    @property
    def deletions(self) -> DeletionStore:
        """The records."""
        ...


@frozen
class Deletions:
    """Delete media and indexes, and follow how far it is."""

    begin: Begin[DeletionsTx]
    clock: Clock
    ids: Ids
    blobs: Blobs
    engine: VectorIndex
    followers: tuple[Callable[[str, Sequence[MediaItem]], Awaitable[None]], ...] = ()
    """What else is to be done for a tenant when media go; each may be called again for the same media."""

    async def video(self, caller: Caller, video_id: str) -> Deletion:
        """Delete a media item."""
        caller.require(Scope.ADMIN)
        async with self.begin() as tx:
            known = await tx.deletions.of(caller.user_id, "video", video_id)
            if known is not None:
                return known
            files = await self._hide(tx, caller, [video_id])
            return await self._begun(tx, caller, "video", video_id, files)

    async def index(self, caller: Caller, index_id: str) -> Deletion:
        """Delete an index with its media."""
        caller.require(Scope.ADMIN)
        async with self.begin() as tx:
            known = await tx.deletions.of(caller.user_id, "index", index_id)
            if known is not None:
                return known
            await find_own_index(tx, caller, index_id)
            await tx.indexes.hide(caller.user_id, index_id)
            videos = await tx.media.ids(caller.user_id, index_id)
            files = await self._hide(tx, caller, videos) if videos else []
            return await self._begun(tx, caller, "index", index_id, files)

    async def get(self, caller: Caller, kind: str, owner_id: str) -> Deletion:
        """Return how far a deletion is."""
        caller.require(Scope.ADMIN)
        async with self.begin() as tx:
            known = await tx.deletions.of(caller.user_id, kind, owner_id)
        if known is None:
            raise NotFound.of(kind, owner_id)
        return known

    async def purge(self, work: WorkItem, lease: Lease[DeletionsTx]) -> None:
        """Remove what was hidden, look a second time, and close the record."""
        kind, owner_id = work.payload["kind"], work.payload["owner_id"]
        async with self.begin() as tx:
            record = await tx.deletions.of(work.user_id, kind, owner_id)
        if record is None or record.status is DeletionStatus.DELETED:
            return
        await self._empty(work.user_id, record, lease)
        await self._files(work.payload.get("files", ()))
        if record.status is DeletionStatus.DRAINING:
            async with lease.step() as tx:
                await tx.deletions.save(evolve(record, status=DeletionStatus.DELETING))
            await lease.postpone(SECOND_LOOK_SECONDS)
            return
        async with lease.commit() as tx:
            if kind == "index":
                await tx.indexes.remove(owner_id)
            done = evolve(record, status=DeletionStatus.DELETED, completed_at=self.clock.now())
            await tx.deletions.save(done)

    async def _hide(self, tx: DeletionsTx, caller: Caller, video_ids: list[str]) -> list[str]:
        """Hide media; return the files of tables that hold their rows and that nothing stands on any more."""
        if not await tx.media.hide(caller.user_id, video_ids):
            raise NotFound.of("video", video_ids[0])
        poked = set()
        for medium in await tx.runs.of_media(caller.user_id, video_ids):
            run = await tx.runs.get(caller.user_id, medium.run_id) if medium.run_id not in poked else None
            poked.add(medium.run_id)
            if run is not None and not run.terminal:
                await tx.work.add([settle(run)])
        for video_id in video_ids:
            await tx.embeddings.doom(video_id)
        return await tx.tables.changed(sorted(poked))

    async def _begun(self, tx: DeletionsTx, caller: Caller, kind: str, owner_id: str, files: list[str]) -> Deletion:
        record = Deletion(self.ids.new("deletion"), caller.user_id, kind, owner_id, self.clock.now())
        await tx.deletions.add(record)
        payload = {"kind": kind, "owner_id": owner_id, "files": files}
        await tx.work.add([NewWork(PURGE, caller.user_id, record.deletion_id, payload, max_attempts=1_000_000)])
        return record

    async def _empty(self, user_id: str, record: Deletion, lease: Lease[DeletionsTx]) -> None:
        async with self.begin() as tx:
            items = await tx.media.hidden(user_id, **_which(record), limit=1_000_000)
        for follow in self.followers:
            await follow(user_id, items)
        for item in items:
            lease.progress()
            # one after the other, so that of items with the same bytes the last one takes them along
            await self._rows(item, last=record.status is DeletionStatus.DELETING)
        await self._vectors(lease)

    async def _rows(self, item: MediaItem, *, last: bool) -> None:
        """Remove the rows of an item, and the bytes that nothing stands on any more; with the `last` look, the item."""
        async with self.begin() as tx:
            await tx.embeddings.doom(item.video_id)
            await tx.results.remove(item.video_id)
            await tx.segments.remove(item.video_id)
            await tx.markers.remove_with(item.video_id)
            # the same bytes may be another item's; what was derived from them goes with the last one, and of two at once one is last
            await tx.media.hold(item.sha256)
            shared = await tx.media.shares(item.user_id, item.sha256, item.video_id)
            freed = [] if shared else await tx.cache.purge(item.user_id, item.sha256)
            if not await tx.media.refers(item.sha256, apart_from=item.video_id):
                freed = [*freed, item.sha256]
            # before the commit: whoever tries again must still find what is to go
            for sha256 in freed:
                await self.blobs.delete(sha256)
            if last:
                await tx.media.remove(item.video_id)

    async def _files(self, files: Sequence[str]) -> None:
        """Remove files of tables, unless a run stands on the same bytes again."""
        for sha256 in files:
            async with self.begin() as tx:
                held = await tx.tables.refers(sha256)
            if not held:
                await self.blobs.delete(sha256)

    async def _vectors(self, lease: Lease[DeletionsTx]) -> None:
        while True:
            async with self.begin() as tx:
                ids = await tx.embeddings.doomed(limit=BATCH)
            if not ids:
                return
            await self.engine.delete(ids)
            async with self.begin() as tx:
                await tx.embeddings.forgotten(ids)
            lease.progress()


def _which(record: Deletion) -> dict[str, str | None]:
    is_index = record.kind == "index"
    return {"index_id": record.owner_id if is_index else None, "video_id": None if is_index else record.owner_id}
