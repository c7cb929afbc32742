"""Buckets that speak S3, over s3fs: explicit credentials only, every address checked when it is dialled."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

from aiobotocore.session import AioSession  # type: ignore[import-untyped]  # no stubs
from aiohttp import ClientError as AioError
from aiohttp.abc import AbstractResolver, ResolveResult
from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError  # type: ignore[import-untyped]  # no stubs
from botocore.loaders import Loader  # type: ignore[import-untyped]  # as above
from botocore.utils import parse_timestamp  # type: ignore[import-untyped]  # as above
from s3fs import S3FileSystem

from videovector_adapters.egress import Egress
from videovector_adapters.storage import doors
from videovector_core.connectors.keys import ObjectKey
from videovector_core.connectors.model import Connector, StoredObject
from videovector_core.errors import ProcessingFailed

_CREDENTIALS: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AuthFailure", "401"}
)
_CODES: Final = {
    "AccessDenied": "permission_denied",
    "403": "permission_denied",
    "NoSuchBucket": "bucket_missing",
    "NoSuchKey": "object_missing",
    "404": "object_missing",
    "PreconditionFailed": "object_changed",
    "412": "object_changed",
}
_DESCRIPTIONS: Final = Loader()
_BUSY: Final = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "InternalError"})


class Checked(AbstractResolver):
    """Names looked up by the egress door: what it refuses is not dialled."""

    def __init__(self, egress: Egress, scheme: str) -> None:
        self.egress, self.scheme = egress, scheme

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host, all of them checked."""
        found = await self.egress.addresses(f"{self.scheme}://{host}:{port}/")
        families = {4: socket.AF_INET, 6: socket.AF_INET6}
        wanted = [one for one in found if family in {families[one.version], socket.AF_UNSPEC}]
        return [
            ResolveResult(
                hostname=host,
                host=str(one),
                port=port,
                family=families[one.version],
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for one in wanted
        ]

    async def close(self) -> None:
        """Nothing is held."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise what the client raises as errors of the house."""
    try:
        with doors.outages():
            yield
    except ProcessingFailed as error:
        # s3fs wraps answers of the storage into OSError; what it was stands behind it
        cause = error.__cause__
        answered = cause.__cause__ if cause is not None else None
        if isinstance(answered, ClientError):
            raise _answered(answered) from answered
        raise
    except ClientError as error:
        raise _answered(error) from error
    except HTTPClientError as error:
        raise _unanswered(error) from error
    except (BotoCoreError, AioError) as error:
        raise doors.failure("storage_error", error) from error


def _answered(error: ClientError) -> ProcessingFailed:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    if code in _CREDENTIALS:
        return doors.failure("credentials_refused", error)
    if code in _CODES:
        return doors.failure(_CODES[code], error)
    transient = code in _BUSY or status >= 500 or status in {408, 429}
    return doors.failure("storage_error" if transient else "storage_refused", error)


def _unanswered(error: Exception) -> ProcessingFailed:
    """Find out whether the egress door stood behind a failed connection."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, ProcessingFailed):
            return behind
        behind = behind.__cause__ or getattr(behind, "kwargs", {}).get("error") or behind.__context__
    return doors.failure("storage_error", error)


@frozen
class S3Bucket:
    """`Bucket` over one filesystem of s3fs; `call` asks the service for one thing."""

    call: Callable[..., Awaitable[Any]]
    name: str

    async def pages(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[Sequence[StoredObject]]:
        more: dict[str, str] = {} if recursive else {"Delimiter": "/"}
        while True:
            with translated():
                found = await self.call("list_objects_v2", Bucket=self.name, Prefix=prefix, **more)
            yield [self._told(one) for one in found.get("Contents", ())]
            if not found.get("IsTruncated"):
                return
            more["ContinuationToken"] = found["NextContinuationToken"]

    async def stat(self, key: str) -> StoredObject:
        with translated():
            found = await self.call("head_object", Bucket=self.name, Key=key)
        told = {"Key": key, "Size": found["ContentLength"], **found}
        return self._told(told, found.get("ContentType"))

    async def read(self, found: StoredObject) -> AsyncIterator[bytes]:
        with translated():
            answer = await self.call("get_object", Bucket=self.name, Key=found.key, IfMatch=found.version)
        async with answer["Body"] as body:
            if answer["ETag"] != found.version:  # servers that speak S3 do not all know conditions
                raise doors.failure("object_changed")
            async for chunk in doors.whole(_chunks(body), found.size):
                yield chunk

    async def put(self, key: ObjectKey, chunks: AsyncIterable[bytes], *, content_type: str | None = None) -> int:
        about = {"Bucket": self.name, "Key": key.text}
        kind = {"ContentType": content_type or "application/octet-stream"}
        with translated():
            parts = doors.parts(aiter(chunks))
            first = await anext(parts)
            if len(first) < doors.PART:
                await self.call("put_object", Body=first, **about, **kind)
                return len(first)
            begun = await self.call("create_multipart_upload", **about, **kind)
            about["UploadId"] = begun["UploadId"]
            try:
                return await self._in_parts(about, first, parts)
            except BaseException:
                with contextlib.suppress(Exception):  # what is left of it is invisible, and goes by the bucket's rules
                    await self.call("abort_multipart_upload", **about)
                raise

    async def _in_parts(self, about: Mapping[str, Any], first: bytes, parts: AsyncIterator[bytes]) -> int:
        done: list[dict[str, Any]] = []
        size, part = 0, first
        while part:
            number = len(done) + 1
            kept = await self.call("upload_part", PartNumber=number, Body=part, **about)
            done.append({"PartNumber": number, "ETag": kept["ETag"]})
            size += len(part)
            part = await anext(parts, b"")
        await self.call("complete_multipart_upload", MultipartUpload={"Parts": done}, **about)
        return size

    async def delete(self, key: ObjectKey) -> None:
        with translated():
            await self.call("delete_object", Bucket=self.name, Key=key.text)

    def _told(self, found: Mapping[str, Any], content_type: str | None = None) -> StoredObject:
        return StoredObject(found["Key"], int(found["Size"]), found["LastModified"], found["ETag"], content_type)


async def _chunks(body: Any) -> AsyncIterator[bytes]:
    while True:
        with translated():
            chunk: bytes = await body.read(doors.CHUNK)
        if not chunk:
            return
        yield chunk


def check(connector: Connector, credentials: Mapping[str, Any], given: doors.Doors) -> None:
    """Refuse what could never be reached; no network."""
    doors.BUCKET(connector.bucket)
    doors.REGION(connector.region)
    doors.present(credentials, "aws_access_key_id", "aws_secret_access_key")
    if connector.endpoint_url is not None:
        Egress(given.allow).check(connector.endpoint_url)


def _session() -> AioSession:
    """Return a session that shares with others the description of the service alone: reading it takes a tenth of a second."""
    session = AioSession()
    session.register_component("data_loader", _DESCRIPTIONS)
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_moment)
    return session


def _moment(told: Any) -> datetime:
    """Read a moment as S3 writes it in lists; the client's own reader, for all other spellings, takes most of a list's time."""
    try:
        found = datetime.fromisoformat(told)
    except (TypeError, ValueError):
        return cast("datetime", parse_timestamp(told))
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


@contextlib.asynccontextmanager
async def opened(connector: Connector, credentials: Mapping[str, Any], given: doors.Doors) -> AsyncIterator[S3Bucket]:
    """Open a bucket with a session of its own."""
    check(connector, credentials, given)
    key, secret = doors.present(credentials, "aws_access_key_id", "aws_secret_access_key")
    endpoint = connector.endpoint_url or given.s3_endpoint_url
    config: dict[str, Any] = {
        "connect_timeout": doors.CONNECT_SECONDS,
        "read_timeout": doors.READ_SECONDS,
        "retries": {"max_attempts": 1},
        "max_pool_connections": 16,
        "proxies": {},
        "ignore_configured_endpoint_urls": True,
        # the bucket's name stays out of the host, so one address is looked up and checked
        "s3": {"addressing_style": "path"} if endpoint else {},
    }
    if given.s3_endpoint_url is None or connector.endpoint_url is not None:
        scheme = (endpoint or "https://").partition(":")[0]
        config["connector_args"] = {"resolver": Checked(Egress(given.allow), scheme), "use_dns_cache": False}
    fs = S3FileSystem(
        key=key,
        secret=secret,
        endpoint_url=endpoint,
        client_kwargs={"region_name": connector.region},
        config_kwargs=config,
        asynchronous=True,
        skip_instance_cache=True,
        use_listings_cache=False,
        session=_session(),
    )
    fs.retries = 2
    with translated():
        session = await fs.set_session()
    try:
        yield S3Bucket(fs._call_s3, doors.BUCKET(connector.bucket))  # noqa: SLF001 - the asynchronous half of fsspec
    finally:
        await session.close()
