"""The use cases of import jobs: an upload is a job with one file, finished when the answer is sent."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from typing import Final, Protocol

from attrs import field, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import NotFound
from videovector_core.imports.importing import event_of
from videovector_core.imports.model import ImportFile, ImportJob, JobStatus, Which
from videovector_core.imports.ports import ImportsTx
from videovector_core.indexes.service import find_own_index
from videovector_core.media.model import MediaItem
from videovector_core.media.service import Media, MediaUseTx
from videovector_core.page import After, Page
from videovector_core.ports import Begin, Clock, Ids

_PAGE: Final = 100
"""Files of a kind that a job is shown with."""


class ImportsUseTx(ImportsTx, MediaUseTx, Protocol):
    """The slice of a transaction that import use cases touch."""


def _none() -> Page[ImportFile]:
    return Page(())


@frozen
class JobView:
    """A job with the first page of its media, of what failed and of what was skipped; `items` are media on that page."""

    job: ImportJob
    files: Page[ImportFile]
    failed: Page[ImportFile] = field(factory=_none)
    skipped: Page[ImportFile] = field(factory=_none)
    items: tuple[MediaItem, ...] = ()


@frozen
class Imports:
    """Upload files and follow jobs."""

    begin: Begin[ImportsUseTx]
    clock: Clock
    ids: Ids
    media: Media

    async def upload(
        self,
        caller: Caller,
        chunks: AsyncIterable[bytes],
        *,
        file_name: str,
        title: str | None = None,
        index_id: str | None = None,
    ) -> JobView:
        """Take one file in. The answer is the finished job; bad media raise before anything is kept."""
        item = await self.prepare(caller, chunks, file_name=file_name, title=title, index_id=index_id)
        return await self.keep(caller, item)

    async def prepare(
        self,
        caller: Caller,
        chunks: AsyncIterable[bytes],
        *,
        file_name: str,
        title: str | None = None,
        index_id: str | None = None,
    ) -> MediaItem:
        """Do the first half of an upload, which may take long: store and probe the bytes, keep no row."""
        return await self.media.take_in(caller, chunks, file_name=file_name, title=title, index_id=index_id)

    async def keep(self, caller: Caller, item: MediaItem) -> JobView:
        """Do the second half: keep the item, its job and their events in one transaction.

        Raises:
            NotFound: the index was deleted meanwhile.
        """
        job = ImportJob(
            self.ids.new("import_job"),
            caller.user_id,
            JobStatus.COMPLETED,
            "upload",
            item.created_at,
            target_index_id=item.index_id,
            started_at=item.created_at,
            completed_at=self.clock.now(),
        ).counted(total=1, imported=1, size=item.size)
        file = _done(self.ids.new("file"), job, item)
        async with self.begin() as tx:
            if item.index_id is not None:
                await find_own_index(tx, caller, item.index_id, lock=True)
            await self.media.keep(tx, item)
            await tx.imports.add(job, [file])
            await tx.events.append(caller.user_id, [event_of(job, "completed")])
        return JobView(job, Page((file,)), items=(item,))

    async def get(self, caller: Caller, job_id: str) -> JobView:
        """Return a job with the first page of its files."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            return (await self._views(tx, caller.user_id, [await _find(tx, caller, job_id)]))[0]

    async def all(
        self,
        caller: Caller,
        *,
        status: JobStatus | None = None,
        index_id: str | None = None,
        limit: int = 200,
        automation_only: bool = False,
        connectors_only: bool = False,
    ) -> list[JobView]:
        """List jobs, newest first."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            jobs = await tx.imports.all(
                caller.user_id,
                status=status,
                index_id=index_id,
                limit=limit,
                automation_only=automation_only,
                connectors_only=connectors_only,
            )
            return await self._views(tx, caller.user_id, jobs)

    async def files(
        self, caller: Caller, job_id: str, *, limit: int, after: After | None, which: Which = Which.ALL
    ) -> tuple[Page[ImportFile], int]:
        """List a job's files in order, and say how many there are."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            job = await _find(tx, caller, job_id)
            rows = await tx.imports.files(job_id, limit=limit + 1, after=after, which=which)
        return Page.cut(rows, limit, _place), job.count_of(which)

    async def _views(self, tx: ImportsUseTx, user_id: str, jobs: Sequence[ImportJob]) -> list[JobView]:
        """Put beside each job the first pages of its files, and the media on them, in four queries for all jobs."""
        ids = [job.job_id for job in jobs]
        media, failed, skipped = [
            await tx.imports.heads(ids, limit=_PAGE + 1, which=which)
            for which in (Which.MEDIA, Which.FAILED, Which.SKIPPED)
        ]
        pages = {job_id: Page.cut(files, _PAGE, _place) for job_id, files in media.items()}
        wanted = [file.video_id for page in pages.values() for file in page.items if file.video_id]
        items = {item.video_id: item for item in await tx.media.many(user_id, wanted)}
        views = []
        for job in jobs:
            page = pages.get(job.job_id, _none())
            there = tuple(items[file.video_id] for file in page.items if file.video_id in items)
            left = [Page.cut(found.get(job.job_id, []), _PAGE, _place) for found in (failed, skipped)]
            views.append(JobView(job, page, left[0], left[1], there))
        return views


def _place(file: ImportFile) -> After:
    return (file.ordinal,)


def _done(file_id: str, job: ImportJob, item: MediaItem) -> ImportFile:
    return ImportFile(
        file_id,
        job.job_id,
        job.user_id,
        0,
        item.file_name,
        "completed",
        video_id=item.video_id,
        title=item.title,
        duration=item.duration,
        size=item.size,
    )


async def _find(tx: ImportsUseTx, caller: Caller, job_id: str) -> ImportJob:
    job = await tx.imports.get(caller.user_id, job_id)
    if job is None:
        raise NotFound.of("import_job", job_id)
    return job
