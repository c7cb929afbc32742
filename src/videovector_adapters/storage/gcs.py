"""Buckets of Google Cloud Storage, over gcsfs: service accounts only, and no token but from Google."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from attrs import frozen
from yarl import URL

# before the import: it asks each bucket for a layout that only Google's own servers tell, and waits a minute for others
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")

import google.auth.exceptions
from gcsfs import GCSFileSystem
from gcsfs.core import initiate_upload, simple_upload
from gcsfs.retry import HttpError
from google.auth.crypt import RSASigner

from videovector_adapters.egress import Egress
from videovector_adapters.storage import doors
from videovector_core.connectors.keys import ObjectKey
from videovector_core.connectors.model import Connector, StoredObject
from videovector_core.errors import Invalid, ProcessingFailed

_TOKEN_URIS: Final = frozenset({"https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token"})
_FIELDS: Final = ("type", "project_id", "private_key_id", "private_key", "client_email", "client_id", "token_uri")
_TOLD: Final = "name,size,updated,generation,contentType"


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise what the client raises as errors of the house."""
    try:
        with doors.outages():
            yield
    except ProcessingFailed as error:
        # the client says 403 as a plain OSError, which looks like an outage
        if str(error.__cause__).startswith("Forbidden: "):
            raise doors.failure("permission_denied", error) from error
        raise
    except ValueError as error:
        # ... and as a ValueError what is invalid, such as a name that no bucket can have
        if str(error).startswith("Bad Request: "):
            raise doors.failure("storage_refused", error) from error
        raise
    except HttpError as error:
        raise _answered(int(error.code or 500), error) from error
    except google.auth.exceptions.TransportError as error:
        raise doors.failure("storage_error", error) from error
    except google.auth.exceptions.GoogleAuthError as error:
        raise doors.failure("credentials_refused", error) from error
    except aiohttp.ClientError as error:
        raise doors.failure("storage_error", error) from error


def _answered(status: int, error: Exception | None = None) -> ProcessingFailed:
    code = {401: "credentials_refused", 403: "permission_denied", 404: "object_missing", 412: "object_changed"}
    if status in code:
        return doors.failure(code[status], error)
    transient = status >= 500 or status in {408, 429}
    return doors.failure("storage_error" if transient else "storage_refused", error)


@frozen
class GcsBucket:
    """`Bucket` over one filesystem of gcsfs; `call` asks the service for one thing."""

    fs: GCSFileSystem
    call: Callable[..., Awaitable[Any]]
    session: aiohttp.ClientSession
    endpoint: str
    name: str

    async def pages(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[Sequence[StoredObject]]:
        more: dict[str, Any] = {} if recursive else {"delimiter": "/"}
        wanted = {"prefix": prefix, "maxResults": 1000, "fields": f"nextPageToken,items({_TOLD})"}
        while True:
            await self._ready()
            try:
                with translated():
                    found = await self.call("GET", "b/{}/o", self.name, json_out=True, **wanted, **more)
            except ProcessingFailed as error:
                if error.code != "object_missing":
                    raise
                raise doors.failure("bucket_missing", error) from error
            yield [_told(one) for one in found.get("items", ())]
            if not found.get("nextPageToken"):
                return
            more["pageToken"] = found["nextPageToken"]

    async def stat(self, key: str) -> StoredObject:
        await self._ready()
        with translated():
            return _told(await self.call("GET", "b/{}/o/{}", self.name, key, json_out=True, fields=_TOLD))

    async def read(self, found: StoredObject) -> AsyncIterator[bytes]:
        async for chunk in doors.whole(self._chunks(found), found.size):
            yield chunk

    async def _chunks(self, found: StoredObject) -> AsyncIterator[bytes]:
        await self._ready()
        place = f"{self.endpoint}/download/storage/v1/b/{_quoted(self.name)}/o/{_quoted(found.key)}"
        url = f"{place}?alt=media&generation={_quoted(found.version)}"
        limit = aiohttp.ClientTimeout(sock_connect=doors.CONNECT_SECONDS, sock_read=doors.READ_SECONDS)
        with translated():
            token: dict[str, str] = {}
            self.fs.credentials.apply(token)
            sent = self.session.get(_literal(url), headers=token, timeout=limit, allow_redirects=False)
            async with sent as answer:
                if answer.status != 200:
                    # a generation that is gone was overwritten, or removed: looking again will tell
                    raise doors.failure("object_changed") if answer.status == 404 else _answered(answer.status)
                async for chunk in answer.content.iter_any():
                    yield chunk

    async def put(self, key: ObjectKey, chunks: AsyncIterable[bytes], *, content_type: str | None = None) -> int:
        await self._ready()
        kind = content_type or "application/octet-stream"
        with translated():
            parts = doors.parts(aiter(chunks))
            first = await anext(parts)
            if len(first) < doors.CHUNK:
                await simple_upload(self.fs, self.name, key.text, first, content_type=kind)
                return len(first)
            location = await initiate_upload(self.fs, self.name, key.text, content_type=kind)
            try:
                return await self._in_parts(location, first, parts)
            except BaseException:
                with contextlib.suppress(Exception):  # an upload that is not ended is invisible, and goes after a week
                    await self.call("DELETE", location)
                raise

    async def _in_parts(self, location: str, first: bytes, parts: AsyncIterator[bytes]) -> int:
        """Send parts as they come; only the last one tells the length of the whole."""
        at, part = 0, first
        while True:
            following = await anext(parts, None)
            end = at + len(part)
            told = f"bytes {at}-{end - 1}/{'*' if following else end}"
            await self._ready()
            await self.call("PUT", location, headers={"Content-Range": told}, data=io.BytesIO(part))
            at = end
            if not following:
                return at
            part = following

    async def delete(self, key: ObjectKey) -> None:
        await self._ready()
        with translated(), contextlib.suppress(FileNotFoundError):
            await self.call("DELETE", "b/{}/o/{}", self.name, key.text)

    async def _ready(self) -> None:
        """Renew the token on a thread: the client would do it in the event loop."""
        with translated():
            await asyncio.to_thread(self.fs.credentials.maybe_refresh)


def _told(found: Mapping[str, Any]) -> StoredObject:
    modified = datetime.fromisoformat(found["updated"])
    return StoredObject(found["name"], int(found["size"]), modified, str(found["generation"]), found.get("contentType"))


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _literal(url: str) -> URL:
    """Return a URL that is sent as it is written: a key with `%2F` in it must not be decoded."""
    return URL(url, encoded=True)


def check(connector: Connector, credentials: Mapping[str, Any], given: doors.Doors) -> None:
    """Refuse what could never be reached; no network."""
    doors.BUCKET(connector.bucket)
    doors.PROJECT(connector.gcp_project_id)
    _account(credentials, given)


def _account(credentials: Mapping[str, Any], given: doors.Doors) -> dict[str, Any]:
    """Return the fields of a service account's key that are used; other kinds could name files and servers to ask."""
    if credentials.get("type") != "service_account":
        raise Invalid(
            "The credentials file is no key of a service account; make one in the Google Cloud console.",
            code="validation_connector_credentials",
        )
    doors.present(credentials, "client_email", "private_key", "token_uri")
    token_uri = str(credentials["token_uri"])
    if token_uri not in _TOKEN_URIS and not _allowed(token_uri, given):
        raise Invalid("token_uri is not Google's; use the file as it was made.", code="validation_url_not_allowed")
    _signer(credentials)
    return {name: credentials[name] for name in _FIELDS if name in credentials}


def _signer(credentials: Mapping[str, Any]) -> None:
    try:
        RSASigner.from_string(str(credentials["private_key"]))  # type: ignore[no-untyped-call]  # no stubs
    except ValueError as error:
        raise Invalid(
            "private_key is no RSA key; use the file as it was made.", code="validation_connector_credentials"
        ) from error


def _allowed(url: str, given: doors.Doors) -> bool:
    """Say whether the operator opened an address that is written out, for servers that stand in for Google's."""
    with contextlib.suppress(Invalid):
        egress = Egress(given.allow)
        literal = egress.check(url).literal
        return literal is not None and egress.reach.lists(literal)
    return False


@contextlib.asynccontextmanager
async def opened(connector: Connector, credentials: Mapping[str, Any], given: doors.Doors) -> AsyncIterator[GcsBucket]:
    """Open a bucket with a session of its own."""
    check(connector, credentials, given)
    endpoint = (given.gcs_endpoint_url or "https://storage.googleapis.com").rstrip("/")
    with translated():
        fs = GCSFileSystem(
            project=doors.PROJECT(connector.gcp_project_id),
            token=_account(credentials, given),
            endpoint_url=endpoint,
            asynchronous=True,
            loop=asyncio.get_running_loop(),
            skip_instance_cache=True,
            use_listings_cache=False,
        )
        session = await fs._set_session()  # noqa: SLF001 - the asynchronous half of fsspec
    try:
        yield GcsBucket(fs, fs._call, session, endpoint, doors.BUCKET(connector.bucket))  # noqa: SLF001 - as above
    finally:
        await session.close()
