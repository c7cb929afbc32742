"""What is new at a place, and the import of it: the bridge from orders to connectors and import jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, Protocol

from attrs import frozen

from videovector_core.access.model import Caller
from videovector_core.automations.model import GIVE_UP_AFTER, Order
from videovector_core.automations.ports import AutomationsTx, JobEnd
from videovector_core.connectors.model import Connector, ImportMode, StoredObject, Use
from videovector_core.connectors.patterns import Pattern
from videovector_core.connectors.service import Connectors, find_connector, shown
from videovector_core.imports.importing import FATAL, file_id_of, object_of
from videovector_core.imports.jobs import ImportJobs
from videovector_core.imports.model import ImportFile, ImportJob, JobStatus, Which
from videovector_core.imports.ports import ImportsTx
from videovector_core.ports import Begin

TRIES: Final = GIVE_UP_AFTER - 1
"""Jobs in a row that may fail with an object for a passing reason before it sets off no further one; one more failure
would pause the order."""
PASSING: Final = FATAL | {"internal", "object_changed", "storage_error", "timeout", "worker_lost"}
"""Failures of a file that time or its owner may mend; what is wrong with the file itself is not among them."""
_CYCLES: Final = TRIES * GIVE_UP_AFTER
"""Among so many cycles of an order, `TRIES` had a job: those without one failed, and `GIVE_UP_AFTER` failures in a row
pause it."""
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
            tried = await _tried(tx, order)
        connector.require(Use.IMPORT)
        total, count = 0, 0
        async with self.connectors.open(connector) as bucket:
            async for page in bucket.pages(order.prefix, recursive=order.settings["recursive"]):
                media = [one for one in page if one.size and not one.name.startswith(".") and shown(one, wanted)]
                for one in await self._new(order, connector, media, tried):
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
        self, order: Order, connector: Connector, media: Sequence[StoredObject], tried: Sequence[str]
    ) -> list[str]:
        """Name the versions of objects that the index has not had, but for those that no further job is made for."""
        named = {object_of(connector, one.key, one.version): one for one in media}
        async with self.begin() as tx:
            had = await tx.imports.had(order.index_id, list(named))
            return [
                name for name, one in named.items() if name not in had and not await _useless(tx, order, tried, one)
            ]


async def _tried(tx: AutomationsTx, order: Order) -> list[str]:
    """Name the last jobs since the order was saved or resumed, newest first and no more than `TRIES`."""
    cycles = await tx.orders.cycles(order.index_id, order.kind, limit=_CYCLES, after=None)
    jobs = [one.job_id for one in cycles if one.job_id is not None and one.started_at >= order.updated_at]
    return jobs[:TRIES]


async def _useless(tx: ArrivalsTx, order: Order, tried: Sequence[str], found: StoredObject) -> bool:
    """Say whether the last job could not use a version for good, or each of `TRIES` jobs failed with it."""
    last = await _unused(tx, order.last_job_id, found) if order.last_job_id else None
    if last is None:
        return False
    if last.status == "skipped" or last.error_code not in PASSING:
        return True
    if len(tried) < TRIES:
        return False
    for job_id in tried:
        if await _unused(tx, job_id, found) is None:
            return False
    return True


async def _unused(tx: ArrivalsTx, job_id: str, found: StoredObject) -> ImportFile | None:
    """Return the file of a job that was this version, if the job failed with it or left it out."""
    file = await tx.imports.file(job_id, file_id_of(job_id, found.key))
    if file is None or file.version != found.version or file.status not in {"failed", "skipped"}:
        return None
    return file


def _failure(job: ImportJob) -> str | None:
    if job.status is JobStatus.CANCELLED:
        return "The import job was cancelled."
    return (job.error_message or "The import job failed.") if job.status is JobStatus.FAILED else None
