"""Containers of Azure Blob Storage, over the client that adlfs stands on: service principals only.

adlfs itself takes what it is not given from the environment, a connection string first, and keeps every filesystem until
the process ends; a job here gets a client of its own, with one explicit credential, and gives it back.
"""

from __future__ import annotations

import contextlib
import io
import logging
import uuid
from base64 import b64encode
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen
from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity.aio import ClientSecretCredential
from azure.storage.blob import BlobBlock, ContentSettings
from azure.storage.blob.aio import BlobServiceClient, ContainerClient, ExponentialRetry

from videovector_adapters.storage import doors
from videovector_core.connectors.keys import ObjectKey
from videovector_core.connectors.model import Connector, StoredObject
from videovector_core.errors import ProcessingFailed

_AUTHORITY: Final = "https://login.microsoftonline.com"
_SCOPE: Final = "https://storage.azure.com/.default"

logging.getLogger("azure").setLevel(logging.ERROR)  # it tells of every request, headers and all


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise what the client raises as errors of the house."""
    try:
        with doors.outages():
            yield
    except ClientAuthenticationError as error:
        denied = (
            getattr(error, "status_code", None) == 403 or getattr(error, "error_code", "") == "AuthorizationFailure"
        )
        raise doors.failure("permission_denied" if denied else "credentials_refused", error) from error
    except ResourceNotFoundError as error:
        gone = str(getattr(error, "error_code", "")).endswith("ContainerNotFound")
        raise doors.failure("bucket_missing" if gone else "object_missing", error) from error
    except ResourceModifiedError as error:
        raise doors.failure("object_changed", error) from error
    except (ServiceRequestError, ServiceResponseError) as error:
        raise doors.failure("storage_error", error) from error
    except HttpResponseError as error:
        raise _answered(error) from error
    except AzureError as error:
        raise doors.failure("storage_error", error) from error


def _answered(error: HttpResponseError) -> ProcessingFailed:
    status = int(error.status_code or 500)
    if status == 412:
        return doors.failure("object_changed", error)
    if status == 403:
        return doors.failure("permission_denied", error)
    transient = status >= 500 or status in {408, 429}
    return doors.failure("storage_error" if transient else "storage_refused", error)


@frozen
class AzureContainer:
    """`Bucket` over one container."""

    client: ContainerClient

    async def pages(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[Sequence[StoredObject]]:
        found = (
            self.client.list_blobs(name_starts_with=prefix or None, results_per_page=1000)
            if recursive
            else self.client.walk_blobs(name_starts_with=prefix or None, delimiter="/", results_per_page=1000)
        )
        pages = found.by_page()
        while True:
            with translated():
                page = await anext(pages, None)
                if page is None:
                    return
                rows = [one async for one in page]
            yield [_told(one) for one in rows if getattr(one, "etag", None)]

    async def stat(self, key: str) -> StoredObject:
        with translated():
            return _told(await self.client.get_blob_client(key).get_blob_properties())

    async def read(self, found: StoredObject) -> AsyncIterator[bytes]:
        async for chunk in doors.whole(self._chunks(found), found.size):
            yield chunk

    async def _chunks(self, found: StoredObject) -> AsyncIterator[bytes]:
        with translated():
            stream = await self.client.download_blob(
                found.key, etag=f'"{found.version}"', match_condition=MatchConditions.IfNotModified
            )
            chunks = aiter(stream.chunks())
        while True:
            with translated():
                chunk: bytes | None = await anext(chunks, None)
            if chunk is None:
                return
            yield chunk

    async def put(self, key: ObjectKey, chunks: AsyncIterable[bytes], *, content_type: str | None = None) -> int:
        """Stage blocks, which nobody sees, and commit their list."""
        blob = self.client.get_blob_client(key.text)
        kind = ContentSettings(content_type=content_type or "application/octet-stream")
        blocks: list[BlobBlock] = []
        size = 0
        with translated():
            async for part in doors.parts(aiter(chunks)):
                if part:
                    name = b64encode(uuid.uuid4().bytes).decode()
                    await blob.stage_block(name, io.BytesIO(part), length=len(part))
                    blocks.append(BlobBlock(name))
                    size += len(part)
            await blob.commit_block_list(blocks, content_settings=kind)
        return size

    async def delete(self, key: ObjectKey) -> None:
        with translated(), contextlib.suppress(ResourceNotFoundError):
            await self.client.delete_blob(key.text)


def _told(found: Any) -> StoredObject:
    kind = found.content_settings.content_type if found.content_settings else None
    version = found.etag.strip('"')  # lists write it without quotes
    return StoredObject(found.name, int(found.size), found.last_modified, version, kind)


def check(connector: Connector, credentials: Mapping[str, Any], given: doors.Doors) -> None:
    """Refuse what could never be reached; no network."""
    del given
    doors.ACCOUNT(connector.storage_account)
    doors.CONTAINER(connector.container)
    tenant_id, *_ = doors.present(credentials, "tenant_id", "client_id", "client_secret")
    doors.TENANT(tenant_id)


@contextlib.asynccontextmanager
async def opened(
    connector: Connector, credentials: Mapping[str, Any], given: doors.Doors
) -> AsyncIterator[AzureContainer]:
    """Open a container with a session of its own."""
    check(connector, credentials, given)
    account = doors.ACCOUNT(connector.storage_account)
    endpoint = given.azure_endpoint_url
    url = f"{endpoint.rstrip('/')}/{account}" if endpoint else f"https://{account}.blob.core.windows.net"
    tenant_id, client_id, secret = doors.present(credentials, "tenant_id", "client_id", "client_secret")
    authority = given.azure_authority_url or _AUTHORITY
    async with (
        ClientSecretCredential(
            tenant_id, client_id, secret, authority=authority, disable_instance_discovery=True
        ) as credential,
        BlobServiceClient(
            url,
            credential=credential,
            connection_timeout=doors.CONNECT_SECONDS,
            read_timeout=doors.READ_SECONDS,
            retry_policy=ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=2, random_jitter_range=1),
            max_single_get_size=doors.CHUNK,
            max_chunk_get_size=4 * doors.CHUNK,
        ) as service,
    ):
        with translated():
            await credential.get_token(_SCOPE)  # refused here at once, and tried again later by nobody
        yield AzureContainer(service.get_container_client(doors.CONTAINER(connector.container)))
