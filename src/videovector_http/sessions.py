"""Sessions of people at a browser: a signed cookie that ends soon, and a header that only our own pages can send.

The cookie says whose it is and what opened it. A session that an API key opened reaches as far as the key and ends with
it; one that a bearer token opened reaches as far as such a token. Every request with the cookie also needs
`X-CSRF-Token`, which the log-in answered and no other site can read; the cookie itself is out of reach of scripts.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Final

from attrs import frozen

from videovector_core.access.model import Caller, Credential
from videovector_core.access.service import Access
from videovector_core.errors import Forbidden, Unauthenticated
from videovector_http.signer import Signer

COOKIE: Final = "videovector_session"
SECONDS: Final = 8 * 3600


@frozen
class Sessions:
    """Opens sessions and says who is behind one."""

    access: Access
    signer: Signer

    def open(self, caller: Caller, now: datetime) -> tuple[str, str]:
        """Return the cookie of a new session, and the token that goes with it."""
        ends = int(now.timestamp()) + SECONDS
        cookie = self.signer.seal([caller.user_id, caller.key_id, ends, caller.credential.value], "session")
        return cookie, self.csrf(cookie)

    def csrf(self, cookie: str) -> str:
        """Return the token that goes with a cookie."""
        return hmac.new(self.signer.key, b"csrf\0" + cookie.encode(), hashlib.sha256).hexdigest()

    async def caller(self, headers: Mapping[str, str], now: datetime) -> Caller:
        """Say who is behind a cookie.

        Raises:
            Unauthenticated: there is no session, it ended, or what opened it does not work any more.
            Forbidden: the header is missing, so the request may be another site's.
        """
        cookie = _cookie(headers.get("cookie", ""))
        found = self.signer.open(cookie, "session")
        if not isinstance(found, list) or len(found) != 4 or found[2] <= now.timestamp():
            raise Unauthenticated("The session has ended; log in again.")
        if not hmac.compare_digest(headers.get("x-csrf-token", "").encode(), self.csrf(cookie).encode()):
            raise Forbidden(
                "A session also needs the header X-CSRF-Token from its log-in.", code="authorization_csrf_token"
            )
        user_id, key_id, _, credential = found
        if key_id is not None:
            return await self.access.caller_with_key_id(user_id, key_id)
        if await self.access.known_user(user_id) is None:
            raise Unauthenticated("The session has ended; log in again.")
        return Caller(user_id, credential=Credential(credential))


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""
