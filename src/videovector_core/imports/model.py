"""Import jobs: how media came in, and what became of each file."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from attrs import field, frozen

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


@frozen
class ImportJob:
    """A job that brings files in."""

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

    @property
    def terminal(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status not in _NEXT
