"""Import jobs: how media came in, and what became of each file."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from attrs import evolve, field, frozen

from videovector_core.errors import Conflict


class JobStatus(StrEnum):
    """Where an import job stands."""

    PENDING = "pending"
    SCANNING = "scanning"
    IMPORTING = "importing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_NEXT: Final = {
    JobStatus.PENDING: {JobStatus.SCANNING, JobStatus.IMPORTING, JobStatus.FAILED, JobStatus.CANCELLED},
    JobStatus.SCANNING: {JobStatus.IMPORTING, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED},
    JobStatus.IMPORTING: {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED},
}


def advance(now: JobStatus, to: JobStatus) -> JobStatus:
    """The only place an import job changes state."""
    if to not in _NEXT.get(now, set()):
        raise Conflict(f"A {now.value} import job cannot become {to.value}.", code="conflict_import_job_terminal")
    return to


def reopened(job: ImportJob) -> ImportJob:
    """Return a job whose files are tried again: the one way back from an end, and for attachments alone."""
    if job.source_kind != "attachments":
        raise Conflict("Only attachments are tried again.", code="conflict_import_job_terminal")
    return evolve(job, status=JobStatus.IMPORTING, completed_at=None, error_message=None)


@frozen
class ImportFile:
    """One source of a job and the media item it became. `ordinal` is its place among the sources, from 0."""

    file_id: str
    job_id: str
    user_id: str
    ordinal: int
    file_name: str
    status: str = "pending"
    video_id: str | None = None
    title: str | None = None
    duration: float | None = None
    size: int = 0
    error_code: str | None = None
    error: str | None = None
    skip_reason: str | None = None
    version: str | None = None
    """Of the object that was found."""
    source_id: str | None = None
    """What the sender of an attachment calls it."""
    url: bytes | None = field(default=None, repr=False)
    """Where an attachment is fetched from, sealed."""

    @property
    def shown_id(self) -> str:
        """The id that the sender knows."""
        return self.source_id or self.file_id

    @property
    def mark(self) -> str | None:
        """What tells the URL of an attachment from the one before, and does not tell the URL."""
        return hashlib.sha256(self.url).hexdigest()[:16] if self.url is not None else None


class Which(StrEnum):
    """Some of a job's files."""

    ALL = "all"
    FAILED = "failed"
    SKIPPED = "skipped"
    MEDIA = "media"
    """Those that became, or are to become, media."""


@frozen
class ImportJob:
    """A job that brings files in. Its counters are exact at every commit; at the end the last three make up the first."""

    job_id: str
    user_id: str
    status: JobStatus = field(converter=JobStatus)
    source_kind: str
    created_at: datetime
    target_index_id: str | None = None
    connector_id: str | None = None
    source_prefix: str = ""
    file_pattern: str = "*"
    recursive: bool = True
    phase: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error_message: str | None = None
    options: dict[str, Any] = field(factory=dict)
    total_files: int = 0
    imported: int = 0
    failed: int = 0
    skipped: int = 0
    bytes_transferred: int = 0
    current_file: str | None = None
    scanned: bool = True
    """Whether all files are known."""
    told_at: datetime | None = None
    """When the last event about progress was sent."""
    automation: bool = False

    @property
    def done(self) -> int:
        """How many files have come to an end."""
        return self.imported + self.failed + self.skipped

    def count_of(self, which: Which) -> int:
        """Say how many files there are of a kind."""
        counts = {Which.ALL: self.total_files, Which.FAILED: self.failed, Which.SKIPPED: self.skipped}
        return counts.get(which, self.total_files - self.skipped)

    def counted(
        self, *, total: int = 0, imported: int = 0, failed: int = 0, skipped: int = 0, size: int = 0
    ) -> ImportJob:
        """Return the job with so many more of each."""
        return evolve(
            self,
            total_files=self.total_files + total,
            imported=self.imported + imported,
            failed=self.failed + failed,
            skipped=self.skipped + skipped,
            bytes_transferred=self.bytes_transferred + size,
        )

    def settled(self, now: datetime) -> ImportJob:
        """Return the job at its end when every file has come to one."""
        if not self.scanned or self.done < self.total_files or self.terminal:
            return self
        if self.failed and self.failed == self.total_files:
            many = f"None of the {self.failed} files" if self.failed > 1 else "The file"
            return self.ended(JobStatus.FAILED, now, f"{many} could be imported; see failed_files for the reasons.")
        return self.ended(JobStatus.COMPLETED, now)

    def ended(self, status: JobStatus, now: datetime, error: str | None = None) -> ImportJob:
        """Return the job at its end."""
        to = advance(self.status, status)
        return evolve(self, status=to, completed_at=now, error_message=error, current_file=None, phase=None)

    @property
    def terminal(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status not in _NEXT
