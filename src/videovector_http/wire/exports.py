"""Exports: one file of an index or of a run, to download or delivered to a connector."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    ConnectorId,
    DestinationType,
    ExportId,
    ExportQueueStatus,
    ExportStatus,
    ExportType,
    ResultScope,
    RunId,
    SubPath,
    Time,
)

ExportFormat: TypeAlias = Literal["json", "jsonl", "csv", "parquet"]


class ExportParams(Shape):
    """What was asked for; a closed set of keys, each left out where it was not given."""

    prompt_run_ids: list[RunId] | UnsetType = UNSET
    destination_connector_id: ConnectorId | UnsetType = UNSET
    destination_base_path: str | UnsetType = UNSET
    destination_subpath: str | UnsetType = UNSET


class Export(Shape):
    """An export and where it lies; exactly these 23 keys."""

    export_id: ExportId
    export_type: ExportType
    target_id: Annotated[str, Meta(description="Id of the index or of the run.")]
    created_at: Time | None = None
    status: ExportStatus
    queue_status: ExportQueueStatus | None = None
    attempts: int = 0
    max_attempts: int = 1
    available_at: Time | None = None
    started_at: Time | None = None
    completed_at: Time | None = None
    updated_at: Time | None = None
    download_url: (
        Annotated[
            str,
            Meta(
                description="Path that needs a credential; only of a finished download.",
                examples=["/api/v2/exports/exp_654/download"],
            ),
        ]
        | None
    ) = None
    file_size_bytes: int | None = None
    error_message: str | None = None
    last_error: str | None = None
    destination_type: DestinationType
    destination_connector_id: ConnectorId | None = None
    destination_base_path: str | None = None
    destination_subpath: str | None = None
    destination_uri: str | None = None
    gcs_uri: str | None = None
    export_params: ExportParams | None = None


class ExportCreateResult(Shape):
    """An export that was accepted."""

    export_id: ExportId
    status: ExportStatus


class ExportDownloadUrlResult(Shape):
    """A URL that needs no credential; exactly these five keys."""

    export_id: ExportId
    status: ExportStatus
    destination_type: DestinationType
    destination_connector_id: ConnectorId | None = None
    download_url: Annotated[str, Meta(description="Absolute https URL, or null when there is none.")] | None = None


class CreateExport(Body):
    """Where to, how much, and written in what; `prompt_run_ids` belongs to exports of an index only."""

    prompt_run_ids: Annotated[list[RunId], Meta(max_length=1000)] | None = None
    destination_connector_id: ConnectorId | None = None
    destination_subpath: SubPath | None = None
    result_scope: ResultScope = "all"
    format: ExportFormat = "json"
