"""Exports: what is asked for, how far it is, and where the file lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from attrs import asdict, evolve, field, frozen

from videovector_core.errors import Conflict

MAX_ATTEMPTS: Final = 5
"""Times that a worker takes an export in hand; what it finished of it is not done again."""


class ExportType(StrEnum):
    """What is exported."""

    INDEX = "index"
    PROMPT_RUN = "prompt_run"


class ExportStatus(StrEnum):
    """Where an export stands."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class QueueStatus(StrEnum):
    """Where its work stands; `failed` could not be done, `dead_letter` was tried too often."""

    QUEUED = "queued"
    LEASED = "leased"
    RUNNING = "running"
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    DEAD_LETTER = "dead_letter"


class Format(StrEnum):
    """What the file is written in."""

    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


MEDIA_TYPES: Final = {
    Format.JSON: "application/json",
    Format.JSONL: "application/x-ndjson",
    Format.CSV: "text/csv; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
}


class ResultScope(StrEnum):
    """How much of the results: all segments, or only those in which something was found."""

    ALL = "all"
    MATCHES = "matches"


_NEXT: Final = {
    ExportStatus.PENDING: {ExportStatus.PROCESSING, ExportStatus.FAILED},
    ExportStatus.PROCESSING: {ExportStatus.COMPLETED, ExportStatus.FAILED},
}


def advance(now: ExportStatus, to: ExportStatus) -> ExportStatus:
    """The only place an export changes state; staying is no change."""
    if to is not now and to not in _NEXT.get(now, set()):
        raise Conflict(f"A {now.value} export cannot become {to.value}.", code="conflict_export_terminal")
    return to


@frozen
class Place:
    """Where building goes on: what is behind it is in parts that are kept.

    `run` counts the runs of the export, `ordinal` is the media item's in its run and `segment` the segment's in its
    item; -1 is before the first. The other numbers say how many of each were written, for a comma stands between two.
    """

    run: int = 0
    opened: bool = False
    """Whether the run at `run` has begun and not ended."""
    ordinal: int = -1
    video_id: str | None = None
    """The media item that has begun and not ended."""
    segment: int = -1
    runs: int = 0
    media: int = 0
    segments: int = 0
    begun: bool = False
    ended: bool = False

    def plain(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def _place(value: Place | Mapping[str, Any] | None) -> Place:
    return value if isinstance(value, Place) else Place(**(value or {}))


def _all(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


@frozen
class Export:
    """An export. `run_ids` are the runs in it, fixed when building begins; `chosen_runs` those that were asked for."""

    export_id: str
    user_id: str
    export_type: ExportType = field(converter=ExportType)
    target_id: str
    created_at: datetime
    format: Format = field(default=Format.JSON, converter=Format)
    result_scope: ResultScope = field(default=ResultScope.ALL, converter=ResultScope)
    chosen_runs: tuple[str, ...] | None = field(default=None, converter=_all)
    destination_connector_id: str | None = None
    destination_base_path: str | None = None
    destination_subpath: str | None = None
    automated: bool = False
    status: ExportStatus = field(default=ExportStatus.PENDING, converter=ExportStatus)
    queue_status: QueueStatus = field(default=QueueStatus.QUEUED, converter=QueueStatus)
    attempts: int = 0
    max_attempts: int = MAX_ATTEMPTS
    available_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    updated_at: datetime | None = None
    file_size_bytes: int | None = None
    error_message: str | None = None
    last_error: str | None = None
    uri: str | None = None
    sha256: str | None = None
    run_ids: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    place: Place = field(factory=Place, converter=_place)
    parts: int = 0

    @property
    def destination_type(self) -> str:
        """`download` or `connector`, never both."""
        return "download" if self.destination_connector_id is None else "connector"

    @property
    def name(self) -> str:
        """The name of the file."""
        return f"{self.export_id}.{self.format.value}"

    @property
    def folder(self) -> str:
        """The folder below the base path that a delivered file lies in."""
        return f"{self.export_type.value}-{self.target_id}"

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status in {ExportStatus.COMPLETED, ExportStatus.FAILED}

    @property
    def gcs_uri(self) -> str | None:
        """The durable URI of the file once there is one."""
        return self.uri

    @property
    def destination_uri(self) -> str | None:
        """The URI of a delivered file."""
        return self.uri if self.destination_connector_id is not None else None

    @property
    def download_url(self) -> str | None:
        """The path of the file for whoever has a credential; `None` while there is none to download."""
        return f"/api/v2/exports/{quote(self.export_id, safe='')}/download" if self.downloadable else None

    @property
    def downloadable(self) -> bool:
        """Whether its file lies here."""
        return self.status is ExportStatus.COMPLETED and self.sha256 is not None

    @property
    def export_params(self) -> dict[str, Any] | None:
        """What was asked for beyond the target; `None` for nothing."""
        asked = {
            "prompt_run_ids": list(self.chosen_runs) if self.chosen_runs is not None else None,
            "destination_connector_id": self.destination_connector_id,
            "destination_base_path": self.destination_base_path,
            "destination_subpath": self.destination_subpath,
        }
        return {name: value for name, value in asked.items() if value is not None} or None

    def begun(self, attempt: int, now: datetime) -> Export:
        """Return the export in the hands of a worker."""
        return evolve(
            self,
            status=advance(self.status, ExportStatus.PROCESSING),
            queue_status=QueueStatus.RUNNING,
            attempts=max(attempt, self.attempts),
            started_at=self.started_at or now,
            updated_at=now,
        )

    def completed(self, now: datetime, *, uri: str, size: int, sha256: str | None) -> Export:
        """Return the export with its file in place; `sha256` names it where it lies here."""
        return evolve(
            self,
            status=advance(self.status, ExportStatus.COMPLETED),
            queue_status=QueueStatus.SUCCEEDED,
            completed_at=now,
            updated_at=now,
            uri=uri,
            file_size_bytes=size,
            sha256=sha256,
            parts=0,
        )

    def failed(self, reason: str, now: datetime, *, tried_out: bool) -> Export:
        """Return the export as it was given up."""
        return evolve(
            self,
            status=advance(self.status, ExportStatus.FAILED),
            queue_status=QueueStatus.DEAD_LETTER if tried_out else QueueStatus.FAILED,
            completed_at=now,
            updated_at=now,
            error_message=reason,
            last_error=reason,
            parts=0,
        )

    def expired(self, now: datetime) -> Export:
        """Return the export after its file was removed."""
        return evolve(self, sha256=None, updated_at=now)


@frozen
class Part:
    """A finished part of a file that is being built; `size` is that of its content, without the stamp before it."""

    export_id: str
    ordinal: int
    sha256: str
    size: int

    @property
    def stamp(self) -> bytes:
        """What the stored bytes begin with: no two exports share a part, so one can be removed with its export."""
        return f"{self.export_id}/{self.ordinal}\n".encode()
