"""Storage connectors. Secrets come in and never go out."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    ConnectorId,
    ConnectorProvider,
    ConnectorScope,
    ConnectorStatus,
    GlobPattern,
    ImportMode,
    JsonObject,
    PathPrefix,
    ShortName,
    SubPath,
    Time,
)

Coordinate: TypeAlias = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Secret: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]+$", description="Never given back.")
]
Scopes: TypeAlias = Annotated[list[ConnectorScope], Meta(min_length=1, max_length=2, examples=[["import", "export"]])]
Url: TypeAlias = Annotated[str, Meta(min_length=1, max_length=2048, pattern=r"^https?://[^\x00-\x20\x7f]+$")]
Immutable: TypeAlias = Annotated[Any, Meta(description="Cannot be changed; make another connector.")]


class Connector(Shape):
    """A place in a storage that imports read and exports write."""

    connector_id: ConnectorId
    name: str
    provider: ConnectorProvider
    status: ConnectorStatus
    scopes: list[ConnectorScope] = field(default_factory=lambda: ["import"])
    import_mode: ImportMode = "all"
    export_base_path: str | None = None
    bucket: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    storage_account: str | None = None
    container: str | None = None
    gcp_project_id: str | None = None
    root: Annotated[str, Meta(description="Directory of a `local` connector.")] | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    last_tested_at: Time | None = None
    last_test_result: str | None = None
    last_test_error: str | None = None


class CloudFile(Shape):
    """A file behind a connector."""

    path: Annotated[str, Meta(description="Full object key.")]
    name: str
    size_bytes: int
    last_modified: Time
    content_type: str | None = None
    extension: str


class TestConnectionResult(Shape):
    """Whether the storage can be reached; a failure is an answer, not an error."""

    success: bool
    error_message: str | None = None


class _NewConnector(Body):
    name: ShortName
    scopes: Scopes = field(default_factory=lambda: ["import"])
    import_mode: ImportMode = "all"
    export_base_path: SubPath | None = None


class GcsConnectorFields(_NewConnector):
    """The text parts of a GCS connector; `credentials_file` (JSON, at most 64 KiB) travels beside them."""

    bucket: Coordinate
    gcp_project_id: Coordinate


class CreateS3Connector(_NewConnector):
    """An S3 bucket, or one that speaks S3 at `endpoint_url`."""

    bucket: Coordinate
    region: Coordinate
    aws_access_key_id: Secret
    aws_secret_access_key: Secret
    endpoint_url: Url | None = None


class CreateAzureConnector(_NewConnector):
    """A container of Azure Blob Storage."""

    storage_account: Coordinate
    container: Coordinate
    tenant_id: Coordinate
    client_id: Coordinate
    client_secret: Secret


class CreateLocalConnector(_NewConnector):
    """A directory of the server that its operator has opened."""

    root: Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]


class UpdateConnector(Body):
    """The fields to change; what is absent stays. Credentials are replaced as a set."""

    name: ShortName | UnsetType = UNSET
    scopes: Scopes | UnsetType = UNSET
    import_mode: ImportMode | UnsetType = UNSET
    export_base_path: SubPath | UnsetType | None = UNSET
    status: Literal["active", "disabled"] | UnsetType = UNSET
    aws_access_key_id: Secret | UnsetType = UNSET
    aws_secret_access_key: Secret | UnsetType = UNSET
    tenant_id: Coordinate | UnsetType = UNSET
    client_id: Coordinate | UnsetType = UNSET
    client_secret: Secret | UnsetType = UNSET
    credentials: Annotated[JsonObject, Meta(description="GCS service account.")] | UnsetType = UNSET
    bucket: Immutable = UNSET
    region: Immutable = UNSET
    endpoint_url: Immutable = UNSET
    gcp_project_id: Immutable = UNSET
    storage_account: Immutable = UNSET
    container: Immutable = UNSET
    root: Immutable = UNSET


class BrowseConnector(Body):
    """Which files to list."""

    prefix: PathPrefix = ""
    pattern: GlobPattern = "*"
    recursive: bool = True
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000
