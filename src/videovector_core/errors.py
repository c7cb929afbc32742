"""Every error that a caller can meet, and who can mend it.

    VideoVectorError
    ├── Refused                  the caller can mend it
    │   ├── Malformed            the request cannot be read
    │   ├── Unauthenticated      no valid credential
    │   ├── Forbidden            the credential does not reach this far
    │   ├── NotFound             unknown, or somebody else's
    │   ├── Conflict             the state of the resource stands against it
    │   ├── Gone                 it was here and will not come back
    │   ├── TooLarge             over a limit that was checked before reading on
    │   ├── Invalid              understood, and wrong
    │   └── Limited              too often; `retry_after` seconds will help
    ├── Unavailable              an outside system is away; `retry_after` seconds may help
    └── ProcessingFailed         a piece of media or a model call failed; `transient` says whether another try may help

`code` is stable and documented in the wire contract; `message` ends with what to do next; `details` is JSON.
HTTP statuses are one table in `videovector_http.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class VideoVectorError(Exception):
    """The root: an error with a stable code, a sentence for people and details for programs."""

    default_code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, code: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details: dict[str, Any] = dict(details or {})


class Refused(VideoVectorError):
    """The request cannot be carried out as it stands."""

    default_code = "request_refused"


class Malformed(Refused):
    """The request cannot be read."""

    default_code = "request_malformed"


class Unauthenticated(Refused):
    """There is no valid credential on the request."""

    default_code = "authentication_invalid_api_key"


class Forbidden(Refused):
    """The credential is valid and does not reach this far."""

    default_code = "authorization_insufficient_scope"


class NotFound(Refused):
    """There is no such thing for this caller: unknown and foreign ids are answered alike."""

    default_code = "resource_not_found"

    @classmethod
    def of(cls, kind: str, given: str) -> NotFound:
        """Say that the caller has no `kind` with the id `given`."""
        return cls(
            f"There is no {kind.replace('_', ' ')} {given[:80]!r}; list what you have and use one of those ids.",
            code=f"resource_{kind}_not_found",
        )


class Conflict(Refused):
    """The present state of the resource stands against the request."""

    default_code = "conflict"


class Gone(Refused):
    """The resource was retired and will not come back."""

    default_code = "resource_gone"


class TooLarge(Refused):
    """The request is over a size limit."""

    default_code = "request_too_large"


class Invalid(Refused):
    """The request was understood and breaks a rule; `details.errors` lists `{loc, message, type}` where there are several."""

    default_code = "validation_error"


class Limited(Refused):
    """Too many requests; the same one will be accepted after `retry_after` seconds."""

    default_code = "rate_limit_exceeded"

    def __init__(
        self, message: str, *, retry_after: int = 1, code: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.retry_after = retry_after


class Unavailable(VideoVectorError):
    """An outside system is away; the same request may succeed after `retry_after` seconds."""

    default_code = "service_unavailable"

    def __init__(
        self, message: str, *, retry_after: int = 2, code: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.retry_after = retry_after


class ProcessingFailed(VideoVectorError):
    """Work on media, or a model call, failed.

    Codes of a run are its failure classes: `timeout`, `rate_limited`, `model_error`, `invalid_output`,
    `media_decode_error`, `storage_error`, `worker_lost`, `cancelled`, `run_cap_reached`, `internal`. Files of an import,
    exports and storages have some of their own (docs/reference/errors.md).
    """

    default_code = "internal"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        transient: bool = False,
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.transient = transient
        self.retry_after = retry_after
