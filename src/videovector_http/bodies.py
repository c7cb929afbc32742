"""Bodies of requests: how much is read, what they may hold, and how deep JSON may nest."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any, Final

from litestar.exceptions import HTTPException
from litestar.types import Receive

from videovector_core.errors import Invalid, Malformed, TooLarge

MAX_JSON: Final = 1024 * 1024
MAX_IMAGE_JSON: Final = 15 * 1024 * 1024
"""For routes that take a picture as base64: `request_max_body_size=MAX_IMAGE_JSON`."""
MAX_DEPTH: Final = 100
STALL_SECONDS: Final = 60.0

_TEXT: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def within(receive: Receive, headers: dict[str, str], most: int) -> Receive:
    """Return a `receive` that stops reading as soon as the body is over `most` bytes.

    Raises:
        TooLarge: at once when the length that was announced is over the limit, otherwise at the chunk that goes over.
    """
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:18]) > most:
        raise _too_large(most)
    size = 0

    async def counted() -> Any:
        nonlocal size
        message: Any = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise _too_large(most)
        return message

    return counted


def timely(receive: Receive) -> Receive:
    """Return a `receive` that waits for each piece of the body, and not longer than `STALL_SECONDS`.

    Raises:
        Malformed: code `request_timeout`, when no piece came.
    """
    complete = False

    async def awaited() -> Any:
        nonlocal complete
        if complete:  # what follows the body is the end of the connection, which may take its time
            return await receive()
        try:
            async with asyncio.timeout(STALL_SECONDS):
                message: Any = await receive()
        except TimeoutError as error:
            raise Malformed(
                "The body came to a stop before it was complete; send it again.", code="request_timeout"
            ) from error
        complete = not message.get("more_body")
        return message

    return awaited


async def whole(receive: Receive) -> bytes:
    """Read a body to its end."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Malformed("The connection broke off before the body was complete; send it again.")
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


def again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body that was read, and then what follows it."""
    given = False

    async def repeated() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return repeated


def checked(body: bytes, headers: dict[str, str]) -> bytes:
    """Return a JSON body; an absent one, a blank one and `{}` are the same.

    Raises:
        HTTPException: 415, when there is a body and it is declared as something else.
        Malformed: it is no UTF-8.
        Invalid: it nests too deep, or holds a NUL.
    """
    body = body.strip()
    if body in {b"", b"{}"}:
        return b"{}"
    declared = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if declared != "application/json" and not declared.endswith("+json"):
        raise HTTPException(status_code=415)
    if not body.isascii():
        _check_utf8(body)
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and max(_depths(body)) > MAX_DEPTH:
        raise Invalid(f"The body nests deeper than {MAX_DEPTH} levels; send a flatter one.", code="validation_depth")
    if b"\\u0000" in body and _NUL.search(body):
        raise Invalid("Texts must not hold the character NUL; remove it.", code="validation_control_character")
    return body


def _check_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is no UTF-8 at byte {error.start}; send JSON in UTF-8.") from error


def _depths(body: bytes) -> Iterator[int]:
    depth = 0
    yield depth
    for bracket in _BRACKET.finditer(_TEXT.sub(b"", body)):
        depth += 1 if bracket[0] in b"{[" else -1
        yield depth


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body is over {most:,} bytes; send less.", details={"max_bytes": most})
