"""The operations of our own HTTP surface, called in this process or over the network: the one truth behind the tools."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from videovector_core.errors import Invalid

if TYPE_CHECKING:
    import httpx2

TIMEOUT: Final = 90.0
UNAVAILABLE: Final = "capability_not_available"
_ID: Final = re.compile(r"[A-Za-z0-9_.~-]{1,200}")
_NO_ROUTE: Final = frozenset({"resource_route_not_found", "method_not_allowed"})
_RECOVERABLE_NOT: Final = frozenset({401, 403, 501})


class Failed(Exception):
    """An operation answered with an error."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.details, self.request_id = dict(details or {}), request_id

    @property
    def recoverable(self) -> bool:
        """Whether other arguments or a later call may help."""
        return self.status not in _RECOVERABLE_NOT


@frozen
class Api:
    """Calls operations with one credential."""

    client: httpx2.AsyncClient

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
        form: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return what an operation answers.

        Raises:
            Failed: it answered with an error, there is no such operation here, or nobody answered.
        """
        import httpx2  # noqa: PLC0415 - the tools can be listed without the extra that brings it

        headers = {"Idempotency-Key": key} if key is not None else {}
        given: dict[str, Any] = {"json": body} if body else {}
        if files is not None:
            given = {"data": form, "files": files}
        try:
            answer = await self.client.request(method, path, params=_query(query or {}), headers=headers, **given)
        except httpx2.HTTPError as error:
            raise Failed(503, "network_error", f"The server cannot be reached: {type(error).__name__}.") from error
        return _read(answer)


def filled(path: str, arguments: Mapping[str, Any]) -> str:
    """Put ids into a path.

    Raises:
        Invalid: something is no id; a slash in it, for one, would lead to another operation.
    """
    ids = {name: str(value) for name, value in arguments.items() if f"{{{name}}}" in path}
    for name, value in ids.items():
        if not _ID.fullmatch(value) or value in {".", ".."}:
            raise Invalid(f"{name} is no id; list what you have and use one of those ids.", code="validation_id")
    return path.format(**ids)


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: json.dumps(value) if isinstance(value, bool) else value
        for name, value in query.items()
        if value is not None
    }


def _read(answer: httpx2.Response) -> Any:
    try:
        found = answer.json()
    except ValueError:
        raise Failed(502, "invalid_json_response", "The server answered with something that is no JSON.") from None
    if answer.is_success:
        return found
    error = found.get("error") if isinstance(found, dict) else None
    told: dict[str, Any] = error if isinstance(error, dict) else {}
    code = str(told.get("code") or f"http_{answer.status_code}")
    if code in _NO_ROUTE:
        raise Failed(
            501,
            UNAVAILABLE,
            "This server does not do this yet; a newer version may.",
            request_id=told.get("request_id"),
        )
    raise Failed(
        answer.status_code,
        code,
        str(told.get("message") or "The request failed."),
        details=told.get("details"),
        request_id=told.get("request_id"),
    )
