"""What import jobs ask of a store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from videovector_core.imports.model import ImportFile, ImportJob, JobStatus, Which
from videovector_core.page import After


class Download(Protocol):
    """An answer that is being read; `chunks` can be iterated once."""

    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def chunks(self) -> AsyncIterator[bytes]: ...
    @property
    def size(self) -> int | None:
        """Bytes that were announced."""
        ...


class Fetcher(Protocol):
    """Fetches URLs that users gave, and only those that may be reached; follows no redirect."""

    def check(self, url: str) -> object:
        """Refuse a URL that could never be reached, without touching the network; `Invalid`."""
        ...

    def fetch(self, url: str, *, max_bytes: int) -> AbstractAsyncContextManager[Download]:
        """Open a download of at most so many bytes. `Invalid` or `ProcessingFailed` when it fails."""
        ...


class ImportStore(Protocol):
    """Keeps import jobs and their files."""

    async def add(self, job: ImportJob, files: Sequence[ImportFile]) -> bool:
        """Keep a job with its files; false when the id is taken."""
        ...

    async def get(self, user_id: str, job_id: str, *, lock: bool = False) -> ImportJob | None:
        """Return a job of the tenant; with `lock`, nobody else changes it before the transaction ends."""
        ...

    async def save(self, job: ImportJob) -> None:
        """Replace a job that is kept."""
        ...

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
        """Return the tenant's jobs, newest first; those of automations or of connectors alone where that is wanted."""
        ...

    async def note(self, job_id: str, current_file: str) -> None:
        """Note which file is being read, unless the job has ended."""
        ...

    async def using(self, connector_id: str) -> list[str]:
        """Return the ids of some jobs that use a connector and have not ended."""
        ...

    async def add_files(self, files: Sequence[ImportFile]) -> None:
        """Keep files of a job that is kept."""
        ...

    async def known(self, file_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that are kept."""
        ...

    async def file(self, job_id: str, file_id: str) -> ImportFile | None:
        """Return a file of a job, of whatever tenant."""
        ...

    async def save_file(self, file: ImportFile) -> None:
        """Replace a file that is kept."""
        ...

    async def drop_pending(self, job_id: str) -> int:
        """Mark files that have not come to an end as cancelled; say how many."""
        ...

    async def files(
        self, job_id: str, *, limit: int, after: After | None, which: Which = Which.ALL
    ) -> list[ImportFile]:
        """Return a job's files in order; the key is (ordinal,)."""
        ...

    async def heads(
        self, job_ids: Sequence[str], *, limit: int, which: Which = Which.ALL
    ) -> dict[str, list[ImportFile]]:
        """Return the first files of each of several jobs, in order; a job that has none is left out."""
        ...

    async def had(self, index_id: str, objects: Sequence[str]) -> set[str]:
        """Return those versions of objects that an index has had."""
        ...

    async def take(self, index_id: str, object_: str, *, user_id: str, video_id: str, now: datetime) -> bool:
        """Note that an index has a version of an object; false when it had it before."""
        ...


class ImportsTx(Protocol):
    """The slice of a transaction that import jobs touch."""

    @property
    def imports(self) -> ImportStore: ...
