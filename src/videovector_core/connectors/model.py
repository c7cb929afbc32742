"""Connectors, what is found behind them, and the rules by which they change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

from attrs import evolve, field, frozen

from videovector_core.errors import Conflict, Invalid


class Provider(StrEnum):
    """Whose storage it is."""

    GCS = "gcs"
    S3 = "s3"
    AZURE = "azure"
    LOCAL = "local"


class ConnectorStatus(StrEnum):
    """Where a connector stands; only its owner disables."""

    ACTIVE = "active"
    TESTING = "testing"
    FAILED = "failed"
    DISABLED = "disabled"


class Use(StrEnum):
    """What a connector may be used for; on the wire these are its scopes."""

    IMPORT = "import"
    EXPORT = "export"


class ImportMode(StrEnum):
    """Whether an import takes everything it finds, or only object versions that the index does not have."""

    ALL = "all"
    NEW_ONLY = "new_only"


SCHEMES: Final = {Provider.GCS: "gs", Provider.S3: "s3", Provider.AZURE: "az", Provider.LOCAL: "local"}


def _uses(values: Iterable[str]) -> tuple[Use, ...]:
    return tuple(dict.fromkeys(Use(value) for value in values))


@frozen
class Connector:
    """A place in a storage. `credentials` are sealed JSON; `None` where the place asks for none."""

    connector_id: str
    user_id: str
    name: str
    provider: Provider = field(converter=Provider)
    created_at: datetime
    updated_at: datetime
    scopes: tuple[Use, ...] = field(default=(Use.IMPORT,), converter=_uses)
    import_mode: ImportMode = field(default=ImportMode.ALL, converter=ImportMode)
    export_base_path: str | None = None
    status: ConnectorStatus = field(default=ConnectorStatus.TESTING, converter=ConnectorStatus)
    bucket: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    storage_account: str | None = None
    container: str | None = None
    gcp_project_id: str | None = None
    root: str | None = None
    credentials: bytes | None = field(default=None, repr=False)
    last_tested_at: datetime | None = None
    last_test_result: str | None = None
    last_test_error: str | None = None

    @property
    def place(self) -> str:
        """What stands before the keys in a URI."""
        return self.bucket or self.container or self.connector_id

    def uri(self, key: str = "") -> str:
        """Return the durable URI of an object, such as `s3://bucket/key`."""
        return f"{SCHEMES[self.provider]}://{self.place}/{key}"

    @property
    def origin(self) -> str:
        """Name the storage itself: connectors to the same bucket have the same origin."""
        parts = (self.provider, self.endpoint_url, self.storage_account, self.root, self.place if not self.root else "")
        return "|".join(part or "" for part in parts)

    @property
    def usable(self) -> bool:
        """Whether imports may read from it."""
        return Use.IMPORT in self.scopes and self.status is not ConnectorStatus.DISABLED

    def require(self, use: Use) -> None:
        """Refuse a use that the connector is not for.

        Raises:
            Invalid: code `validation_connector_scope`.
            Conflict: it is disabled.
        """
        if use not in self.scopes:
            raise Invalid(
                f"The connector is not for {use.value}; add {use.value!r} to its scopes.",
                code="validation_connector_scope",
            )
        if self.status is ConnectorStatus.DISABLED:
            raise Conflict(
                "The connector is disabled; set its status to active first.", code="conflict_connector_disabled"
            )

    def tested(self, error: str | None, now: datetime) -> Connector:
        """Return the connector after a test; one that is disabled stays so."""
        status = ConnectorStatus.FAILED if error else ConnectorStatus.ACTIVE
        return evolve(
            self,
            status=self.status if self.status is ConnectorStatus.DISABLED else status,
            last_tested_at=now,
            last_test_result="failed" if error else "success",
            last_test_error=error,
        )


@frozen
class StoredObject:
    """An object as a storage tells of it. `version` changes whenever the content does; `size` is in bytes."""

    key: str
    size: int
    modified: datetime
    version: str
    content_type: str | None = None

    @property
    def name(self) -> str:
        """The last segment of the key."""
        return self.key.rstrip("/").rsplit("/", 1)[-1]

    @property
    def extension(self) -> str:
        """What follows the last dot of the name, in lower case; empty when there is none."""
        found = re.search(r"\.([^./\\]{1,16})$", self.name)
        return found[1].lower() if found else ""
