"""What every storage stands on: the operator's say, checked names, and one place where foreign errors are translated."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from videovector_core.errors import Invalid, ProcessingFailed, VideoVectorError

CHUNK: Final = 1024 * 1024
PART: Final = 16 * 1024 * 1024
"""Bytes that are held at once while an object is written."""
MAX_PART: Final = 64 * 1024 * 1024
CONNECT_SECONDS: Final = 10
READ_SECONDS: Final = 60


@frozen
class Doors:
    """What the operator decided about storages. Endpoints given here are the operator's own and always reached."""

    allow: tuple[Any, ...] = ()
    """Networks that endpoints of users may lie in besides public ones."""
    local_roots: tuple[Path, ...] = ()
    s3_endpoint_url: str | None = None
    gcs_endpoint_url: str | None = None
    azure_endpoint_url: str | None = None
    azure_authority_url: str | None = None


@frozen
class Named:
    """A shape that coordinates must have, so that no name of a place can lead to another host or path."""

    what: str
    pattern: str

    def __call__(self, value: str | None) -> str:
        if value is None or not re.fullmatch(self.pattern, value):
            raise Invalid(f"This is no {self.what}; check its spelling.", code="validation_connector_place")
        return value


BUCKET: Final = Named("name of a bucket", r"[a-zA-Z0-9](?!.*\.\.)[a-zA-Z0-9._-]{1,220}[a-zA-Z0-9]")
REGION: Final = Named("region", r"[a-z0-9-]{2,40}")
ACCOUNT: Final = Named("storage account", r"[a-z0-9]{3,24}")
CONTAINER: Final = Named("container", r"\$root|\$web|[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]")
PROJECT: Final = Named("project id", r"[a-z0-9.:-]{1,100}")
TENANT: Final = Named("tenant id", r"[A-Za-z0-9.-]{1,255}")


def present(credentials: Mapping[str, Any], *names: str) -> list[str]:
    """Return credentials by name; none may be empty, since an empty one would let a client look for the machine's own."""
    found = [credentials.get(name) for name in names]
    if not all(isinstance(one, str) and one.strip() for one in found):
        raise Invalid(f"Give {' and '.join(names)}.", code="validation_connector_credentials")
    return [str(one) for one in found]


def failure(code: str, cause: Exception | None = None) -> ProcessingFailed:
    """Say how a storage failed, in words that repeat nothing of what it said."""
    message, transient = _FAILURES[code]
    found = ProcessingFailed(message, code=code, transient=transient)
    found.__cause__ = cause
    return found


_FAILURES: Final = {
    "credentials_refused": ("The storage refuses the credentials; give valid ones.", False),
    "permission_denied": ("The credentials do not reach this far; grant the permission.", False),
    "bucket_missing": ("There is no such bucket or container; check its name.", False),
    "object_missing": ("The object is not there any more.", False),
    "object_changed": ("The object changed while it was read; it is tried again.", True),
    "storage_error": ("The storage failed; try again later.", True),
    "storage_refused": ("The storage refuses the request; check the connector.", False),
    "blocked_address": ("The address behind the endpoint may not be reached; use a public one.", False),
    "timeout": ("The storage was too slow; try again later.", True),
}


@contextlib.contextmanager
def outages() -> Iterator[None]:
    """Translate what every client of a storage raises when the network fails; errors of the house pass."""
    try:
        yield
    except VideoVectorError:
        raise
    except TimeoutError as error:
        raise failure("timeout", error) from error
    except FileNotFoundError as error:
        raise failure("object_missing", error) from error
    except PermissionError as error:
        raise failure("permission_denied", error) from error
    except OSError as error:
        raise failure("storage_error", error) from error


async def parts(chunks: AsyncIterator[bytes], size: int = PART) -> AsyncIterator[bytes]:
    """Gather chunks into parts of at least `size` bytes, the last one smaller and possibly empty.

    Parts grow slowly, so that an object of any length has fewer than 10,000 of them.
    """
    gathered, made = bytearray(), 0
    async for chunk in chunks:
        gathered += chunk
        while len(gathered) >= size:
            part = bytes(gathered[:size])
            del gathered[:size]
            yield part
            made += 1
            size = min(MAX_PART, size + CHUNK) if made % 100 == 0 else size
    yield bytes(gathered)


async def whole(chunks: AsyncIterator[bytes], expected: int) -> AsyncIterator[bytes]:
    """Pass chunks on, and raise when their bytes are not as many as the storage announced."""
    came = 0
    async for chunk in chunks:
        came += len(chunk)
        if came > expected:
            break
        yield chunk
    if came != expected:
        raise failure("storage_error")
