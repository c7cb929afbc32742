"""Import jobs in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import define, evolve

from videovector_adapters.memory.catalogue import newest, oldest
from videovector_adapters.memory.database import Table
from videovector_core.imports.model import ImportFile, ImportJob, JobStatus, Which
from videovector_core.page import After


@define
class MemoryImports:
    """`ImportStore` in memory."""

    jobs: Table[str, ImportJob]
    sources: Table[str, ImportFile]
    objects: Table[tuple[str, str], str]

    async def add(self, job: ImportJob, files: Sequence[ImportFile]) -> bool:
        if not self.jobs.add(job.job_id, job):
            return False
        await self.add_files(files)
        return True

    async def get(self, user_id: str, job_id: str, *, lock: bool = False) -> ImportJob | None:  # noqa: ARG002 - serial
        job = self.jobs.get(job_id)
        return job if job and job.user_id == user_id else None

    async def save(self, job: ImportJob) -> None:
        self.jobs.replace(job.job_id, job)

    async def all(
        self,
        user_id: str,
        *,
        status: JobStatus | None,
        index_id: str | None,
        limit: int,
        automation_only: bool = False,
        connectors_only: bool = False,
    ) -> list[ImportJob]:
        mine = self.jobs.where(
            lambda job: (
                job.user_id == user_id
                and (status is None or job.status is status)
                and (index_id is None or job.target_index_id == index_id)
                and (job.automation or not automation_only)
                and (job.connector_id is not None or not connectors_only)
            )
        )
        return newest(mine, lambda job: (job.created_at.isoformat(), job.job_id), after=None, limit=limit)

    async def note(self, job_id: str, current_file: str) -> None:
        job = self.jobs.get(job_id)
        if job is not None and not job.terminal:
            self.jobs.put(job_id, evolve(job, current_file=current_file))

    async def using(self, connector_id: str) -> list[str]:
        open_ = self.jobs.where(lambda job: job.connector_id == connector_id and not job.terminal)
        return sorted(job.job_id for job in open_)[:100]

    async def add_files(self, files: Sequence[ImportFile]) -> None:
        for file in files:
            self.sources.add(file.file_id, file)

    async def known(self, file_ids: Sequence[str]) -> set[str]:
        return {file_id for file_id in file_ids if self.sources.get(file_id) is not None}

    async def file(self, job_id: str, file_id: str) -> ImportFile | None:
        found = self.sources.get(file_id)
        return found if found is not None and found.job_id == job_id else None

    async def save_file(self, file: ImportFile) -> None:
        self.sources.replace(file.file_id, file)

    async def drop_pending(self, job_id: str) -> int:
        pending = list(self.sources.where(lambda file: file.job_id == job_id and file.status == "pending"))
        for file in pending:
            self.sources.put(file.file_id, evolve(file, status="cancelled"))
        return len(pending)

    async def files(
        self, job_id: str, *, limit: int, after: After | None, which: Which = Which.ALL
    ) -> list[ImportFile]:
        mine = self.sources.where(lambda file: file.job_id == job_id and _is(file, which))
        return oldest(mine, lambda file: (file.ordinal,), after=after, limit=limit)

    async def heads(
        self, job_ids: Sequence[str], *, limit: int, which: Which = Which.ALL
    ) -> dict[str, list[ImportFile]]:
        found = {one: await self.files(one, limit=limit, after=None, which=which) for one in job_ids}
        return {job_id: files for job_id, files in found.items() if files}

    async def had(self, index_id: str, objects: Sequence[str]) -> set[str]:
        return {one for one in objects if self.objects.get((index_id, one)) is not None}

    async def take(self, index_id: str, object_: str, *, user_id: str, video_id: str, now: datetime) -> bool:  # noqa: ARG002 - not asked for again
        return self.objects.add((index_id, object_), video_id)


def _is(file: ImportFile, which: Which) -> bool:
    if which is Which.MEDIA:
        return file.video_id is not None
    return which is Which.ALL or file.status == which.value
