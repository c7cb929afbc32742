"""What is new at a place, and the import of it: the bridge from orders to connectors and import jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, Protocol

from attrs import frozen

from videovector_core.access.model import Caller
from videovector_core.automations.model import Order
from videovector_core.automations.ports import AutomationsTx, JobEnd
from videovector_core.connectors.model import Connector, ImportMode, StoredObject, Use
from videovector_core.connectors.patterns import Pattern
from videovector_core.connectors.service import Connectors, find_connector, shown
from videovector_core.imports.importing import file_id_of, object_of
from videovector_core.imports.jobs import ImportJobs
from videovector_core.imports.model import ImportJob, JobStatus, Which
from videovector_core.imports.ports import ImportsTx
from videovector_core.ports import Begin

_PAGE: Final = 1_000


class ArrivalsTx(ImportsTx, AutomationsTx, Protocol):
    """The slice of a transaction that looking for what is new touches."""


@frozen
class Arrivals:
    """Looks behind connectors and starts import jobs (the `Importer` port)."""

    begin: Begin[ArrivalsTx]
    connectors: Connectors
    jobs: ImportJobs

    async def unseen(self, order: Order) -> str | None:
        """Return a mark of the objects that the index has not had, page by page; their order does not matter to it."""
        wanted = Pattern(order.settings["file_pattern"], order.prefix)
        async with self.begin() as tx:
            connector = await find_connector(tx, order.user_id, order.connector_id)
            last = await tx.imports.get(order.user_id, order.last_job_id) if order.last_job_id else None
        connector.require(Use.IMPORT)
        total, count = 0, 0
        async with self.connectors.open(connector) as bucket:
            async for page in bucket.pages(order.prefix, recursive=order.settings["recursive"]):
                media = [one for one in page if one.size and not one.name.startswith(".") and shown(one, wanted)]
                for one in await self._new(order, connector, media, last):
                    total = (total + int(one, 16)) % 2**256
                    count += 1
        return hashlib.sha256(f"{count}/{total}".encode()).hexdigest() if count else None

    async def start(self, order: Order) -> str:
        """Make an import job that takes only what the index has not had."""
        job = await self.jobs.start(
            Caller(order.user_id),
            connector_id=order.connector_id,
            index_id=order.index_id,
            source_prefix=order.prefix,
            file_pattern=order.settings["file_pattern"],
            recursive=order.settings["recursive"],
            mode=ImportMode.NEW_ONLY,
            automation=True,
        )
        return job.job_id

    async def ended(self, order: Order, job_id: str) -> JobEnd | None:
        """Say how a job ended, and what it brought in."""
        async with self.begin() as tx:
            job = await tx.imports.get(order.user_id, job_id)
            if job is None:
                return JobEnd(error="The import job is gone.")
            if not job.terminal:
                return None
            found: list[str] = []
            after: tuple[int, ...] | None = None
            while files := await tx.imports.files(job_id, limit=_PAGE, after=after, which=Which.MEDIA):
                found += [file.video_id for file in files if file.video_id and file.status == "completed"]
                after = (files[-1].ordinal,)
        return JobEnd(tuple(found), _failure(job))

    async def _new(
        self, order: Order, connector: Connector, media: Sequence[StoredObject], last: ImportJob | None
    ) -> list[str]:
        """Name the versions of objects that the index has not had, but for those that the last job could do nothing with."""
        named = {object_of(connector, one.key, one.version): one for one in media}
        async with self.begin() as tx:
            had = await tx.imports.had(order.index_id, list(named))
            return [name for name, one in named.items() if name not in had and not await _useless(tx, last, one)]


async def _useless(tx: ImportsTx, last: ImportJob | None, found: StoredObject) -> bool:
    if last is None:
        return False
    file = await tx.imports.file(last.job_id, file_id_of(last, found.key))
    return file is not None and file.version == found.version and file.status in {"failed", "skipped"}


def _failure(job: ImportJob) -> str | None:
    if job.status is JobStatus.CANCELLED:
        return "The import job was cancelled."
    return (job.error_message or "The import job failed.") if job.status is JobStatus.FAILED else None
