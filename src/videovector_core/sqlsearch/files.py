"""Which file holds the rows of a run, and the end of files that were replaced."""

from __future__ import annotations

from typing import Final, Protocol

from attrs import frozen

from videovector_core.ports import Begin, Blob, Blobs
from videovector_core.runs.tables import TablesTx
from videovector_core.sqlsearch.model import Level, RunTable
from videovector_core.work import Lease, NewWork, WorkItem, WorkTx

RELEASE: Final = "tables.release"
GRACE_SECONDS: Final = 60.0
"""How long a replaced file stays: far longer than any query that may still read it."""


class FilesTx(TablesTx, WorkTx, Protocol):
    """The slice of a transaction that files of tables touch."""


@frozen
class KeptFiles:
    """Remembers files in the database, together with the work of removing what they replace (the `TableFiles` port)."""

    begin: Begin[FilesTx]
    blobs: Blobs

    async def find(self, run: RunTable, level: Level) -> Blob | None:
        """Return the file of exactly this version."""
        async with self.begin() as tx:
            return await tx.tables.file(run.run_id, level, run.version)

    async def save(self, run: RunTable, level: Level, blob: Blob) -> None:
        """Remember the file of this version; one that was overtaken while it was written goes again."""
        async with self.begin() as tx:
            gone = await tx.tables.keep(run.run_id, level, run.version, blob)
            work = [NewWork(RELEASE, run.user_id, one, {"sha256": one}, delay=GRACE_SECONDS) for one in gone]
            if work:
                await tx.work.add(work)

    async def forget(self, run: RunTable, level: Level) -> None:
        """Forget a file whose bytes are lost."""
        async with self.begin() as tx:
            await tx.tables.forget(run.run_id, level)

    async def release(self, work: WorkItem, lease: Lease[FilesTx]) -> None:
        """Remove a replaced file, unless a run stands on the same bytes again."""
        sha256 = work.payload["sha256"]
        async with self.begin() as tx:
            held = await tx.tables.refers(sha256)
        if not held:
            await self.blobs.delete(sha256)
        async with lease.commit():
            pass
