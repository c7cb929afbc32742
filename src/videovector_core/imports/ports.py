"""What import jobs ask of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from videovector_core.imports.model import ImportFile, ImportJob, JobStatus
from videovector_core.page import After


class ImportStore(Protocol):
    """Keeps import jobs and their files."""

    async def add(self, job: ImportJob, files: Sequence[ImportFile]) -> bool:
        """Keep a job with its files; false when the id is taken."""
        ...

    async def get(self, user_id: str, job_id: str) -> ImportJob | None: ...

    async def save(self, job: ImportJob) -> None:
        """Replace a job that is kept."""
        ...

    async def all(self, user_id: str, *, status: JobStatus | None, index_id: str | None, limit: int) -> list[ImportJob]:
        """Return the tenant's jobs, newest first."""
        ...

    async def files(
        self, job_id: str, *, limit: int, after: After | None, failed_only: bool = False
    ) -> list[ImportFile]:
        """Return a job's files in order; the key is (ordinal,)."""
        ...

    async def count(self, job_id: str, *, failed_only: bool = False) -> int:
        """Count a job's files."""
        ...


class ImportsTx(Protocol):
    """The slice of a transaction that import jobs touch."""

    @property
    def imports(self) -> ImportStore: ...
