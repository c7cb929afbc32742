"""One envelope and one table: what an error of the domain is on the wire."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException

from videovector_core import errors
from videovector_core.errors import VideoVectorError
from videovector_http.ranges import RangeNotSatisfiable
from videovector_http.wire.convert import rfc3339

log = logging.getLogger(__name__)

STATUS: Final[Mapping[type[VideoVectorError], int]] = {
    errors.Refused: 400,
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.TooLarge: 413,
    RangeNotSatisfiable: 416,
    errors.Invalid: 422,
    errors.Limited: 429,
    errors.Unavailable: 503,
    errors.ProcessingFailed: 502,
    VideoVectorError: 500,
}

BY_STATUS: Final = {
    400: ("request_malformed", "The request cannot be read; check its syntax."),
    401: ("authentication_invalid_api_key", "Send a valid API key in X-API-Key or a bearer token."),
    403: ("authorization_insufficient_scope", "The credential does not reach this far; use one with more scope."),
    404: ("resource_route_not_found", "There is no such route; see the API reference."),
    405: ("method_not_allowed", "This route does not take this method; see the API reference."),
    409: ("conflict", "The state of the resource stands against this; look at it again."),
    410: ("resource_gone", "This was retired and will not come back; see the message."),
    413: ("request_too_large", "The request is over the size limit; send less."),
    415: ("unsupported_media_type", "The content type is not taken here; see the API reference."),
    416: ("range_not_satisfiable", "The range lies outside the file; ask for less."),
    422: ("validation_error", "The request breaks a rule; see details."),
    429: ("rate_limit_exceeded", "Too many requests; wait for Retry-After seconds."),
    431: ("request_headers_too_large", "The headers are over 64 KiB; send less."),
    500: ("internal_error", "Something went wrong on our side; try again, and report the request id."),
    502: ("internal", "An outside system failed; try again."),
    503: ("service_unavailable", "The server cannot answer now; try again soon."),
}


def status_of(error: VideoVectorError) -> int:
    """Return the HTTP status of an error: its own class decides, or else the nearest one above it."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def envelope(
    code: str,
    message: str,
    *,
    request_id: str,
    details: Mapping[str, Any] | None = None,
    retry_after: int | None = None,
) -> bytes:
    """Write the body of an answer that is not 2xx."""
    error: dict[str, Any] = {
        "code": code,
        "message": message,
        "details": dict(details) if details else {},
        "request_id": request_id,
        "timestamp": rfc3339(datetime.now(UTC)),
    }
    if retry_after is not None:
        error["retry_after"] = retry_after
    return msgspec.json.encode({"error": error, "request_id": request_id})


def answer(error: Exception, request_id: str) -> tuple[int, bytes, dict[str, str]]:
    """Turn any error into status, body and headers. What nobody foresaw says nothing of the inside."""
    if isinstance(error, VideoVectorError):
        return _known(error, request_id)
    if isinstance(error, ValidationException):
        return _invalid(error, request_id)
    if isinstance(error, HTTPException) and error.status_code < 500:
        code, message = BY_STATUS.get(error.status_code, ("http_error", str(error.detail)))
        headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
        return error.status_code, envelope(code, message, request_id=request_id), headers
    log.error("unexpected error", exc_info=error)
    code, message = BY_STATUS[500]
    return 500, envelope(code, message, request_id=request_id), {}


def _known(error: VideoVectorError, request_id: str) -> tuple[int, bytes, dict[str, str]]:
    wait = getattr(error, "retry_after", None) if isinstance(error, errors.Limited | errors.Unavailable) else None
    wait = wait if wait is not None else error.details.get("retry_after")
    body = envelope(error.code, error.message, request_id=request_id, details=error.details, retry_after=wait)
    headers = {"Retry-After": str(wait)} if wait is not None else {}
    if isinstance(error, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"  # RFC 9110, 15.5.17
    return status_of(error), body, headers


def _invalid(error: ValidationException, request_id: str) -> tuple[int, bytes, dict[str, str]]:
    """Tell which parts of a request break a rule; what its JSON breaks, the reader of JSON tells."""
    extra = error.extra if isinstance(error.extra, list) else []
    problems = [
        {"loc": str(one.get("key") or one.get("source") or "body"), "message": str(one.get("message")), "type": "value"}
        for one in extra
        if isinstance(one, dict)
    ]
    return _known(broken(problems, str(error.detail)), request_id)


def broken(problems: list[dict[str, str]], otherwise: str = "") -> errors.Invalid:
    """Say what is wrong with a request, by place; `otherwise` stands where no place is known."""
    first = "; ".join(f"{one['loc']}: {one['message']}" for one in problems[:3]) or otherwise
    return errors.Invalid(f"The request breaks a rule: {first}.", details={"errors": problems})


def handler(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer an error that a route raised."""
    status, body, headers = answer(error, request.scope.get("state", {}).get("request_id", ""))
    return Response(body, status_code=status, media_type=MediaType.JSON, headers=headers)
