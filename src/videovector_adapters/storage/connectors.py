"""`Storage`: which adapter opens which provider; each is imported when it is first needed."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from attrs import field, frozen

from videovector_adapters.extras import requires
from videovector_adapters.storage.doors import Doors
from videovector_core.connectors.model import Connector, Provider
from videovector_core.connectors.ports import Bucket
from videovector_core.errors import Unavailable

_CLIENTS: Final = {Provider.S3: "s3fs", Provider.GCS: "gcsfs", Provider.AZURE: "azure.storage.blob"}


@frozen
class Storages:
    """`Storage` of all providers."""

    doors: Doors = field(factory=Doors)

    def check(self, connector: Connector, credentials: Mapping[str, Any]) -> None:
        _adapter(connector.provider).check(connector, credentials, self.doors)

    @contextlib.asynccontextmanager
    async def open(self, connector: Connector, credentials: Mapping[str, Any]) -> AsyncIterator[Bucket]:
        async with _adapter(connector.provider).opened(connector, credentials, self.doors) as bucket:
            yield bucket


def _adapter(provider: Provider) -> Any:
    try:
        if provider in _CLIENTS:
            requires(provider.value, _CLIENTS[provider])
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"This server cannot open {provider.value} connectors: {error}.",
            code="service_not_installed",
            retry_after=3600,
        ) from error
    return importlib.import_module(f"videovector_adapters.storage.{provider.value}")
