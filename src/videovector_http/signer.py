"""Cursors, links and sessions as text that only this server could have written."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, Final

import msgspec
from attrs import frozen

from videovector_core.errors import Invalid
from videovector_core.page import After

_MAC: Final = 16


@frozen
class Signer:
    """Signs them with a key of its own; `bound` ties a signature to its purpose and request."""

    key: bytes

    def seal(self, value: Any, *bound: Any) -> str:
        """Write a value as text that only this server could have written."""
        body = msgspec.json.encode(value)
        return f"{_text(body)}.{_text(self._mac(body, bound))}"

    def open(self, text: str, *bound: Any) -> Any | None:
        """Read a value back; `None` when it was written for something else or by somebody else."""
        body, _, mac = text.partition(".")
        try:
            plain = _bytes(body)
            genuine = hmac.compare_digest(self._mac(plain, bound), _bytes(mac))
            return msgspec.json.decode(plain) if genuine else None
        except ValueError:
            return None

    def cursor(self, after: After | None, *bound: Any) -> str | None:
        """Seal a place in a list; `None` at its end."""
        return None if after is None else self.seal(list(after), "cursor", *bound)

    def place(self, cursor: str | None, *bound: Any) -> After | None:
        """Open a place in a list.

        Raises:
            Invalid: code `invalid_cursor`, when it is not from the same list and request.
        """
        if cursor is None:
            return None
        found = self.open(cursor, "cursor", *bound)
        if not isinstance(found, list):
            raise Invalid(
                "The cursor belongs to another request or was changed; start from the first page.",
                code="invalid_cursor",
            )
        return tuple(found)

    def _mac(self, body: bytes, bound: tuple[Any, ...]) -> bytes:
        about = msgspec.json.encode(bound, enc_hook=str)
        return hmac.new(self.key, about + b"\0" + body, hashlib.sha256).digest()[:_MAC]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
