"""What every route shares: the application, who calls, cursors and links."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from attrs import field, frozen

from videovector_core.access.leases import Limiter
from videovector_core.access.model import Caller, Credential
from videovector_core.access.secrets import Secret
from videovector_core.app import VideoVector
from videovector_core.errors import NotFound, Unauthenticated
from videovector_core.ports import Sealer
from videovector_http.sessions import Sessions
from videovector_http.signer import Signer

LINK_SECONDS: Final = 3600


class Claims(Protocol):
    """What a verified bearer token says."""

    @property
    def subject(self) -> str:
        """The id of the user."""
        ...

    @property
    def user_name(self) -> str | None:
        """The name of the user instead, where the subject is no id of ours."""
        ...


class Verifier(Protocol):
    """Verifies bearer tokens; raises `Unauthenticated`."""

    async def verify(self, token: str) -> Claims:
        """Return what the token says."""
        ...


@frozen
class Context:
    """Everything that routes are given."""

    vv: VideoVector
    signer: Signer
    sealer: Sealer
    verifier: Verifier | None = None
    public_url: str = "http://127.0.0.1:8000"
    limiter: Limiter | None = None
    metrics_token: Secret | None = None
    authorization_servers: tuple[str, ...] = ()
    """Issuers whose tokens open `/mcp`."""
    mcp_hosts: frozenset[str] = frozenset()
    """Values of `Host` that `/mcp` answers to; empty means all."""
    mcp_origins: frozenset[str] = frozenset()
    """Origins of pages that may use `/mcp` besides our own."""
    stopping: asyncio.Event = field(factory=asyncio.Event)
    """Set when the server was told to stop: streams that would never end by themselves end now."""

    def now(self) -> datetime:
        """Return the present moment."""
        return self.vv.ports.clock.now()

    def link(self, user_id: str, kind: str, owner: str, seconds: int = LINK_SECONDS) -> str:
        """Return an absolute URL that plays without a credential, for a while."""
        return self.link_until(user_id, kind, owner, seconds)[0]

    def link_until(self, user_id: str, kind: str, owner: str, seconds: int = LINK_SECONDS) -> tuple[str, datetime]:
        """Return such a URL and when it ends."""
        # whole windows, so that the same picture has the same URL for a while and browsers can keep it
        now = int(self.now().timestamp())
        until = now - now % seconds + 2 * seconds
        token = self.signer.seal([user_id, kind, owner, until], "link")
        ends = self.now() + timedelta(seconds=until - now)
        return f"{self.public_url}/api/v2/media/stream?token=pm2.{token}", ends

    def granted(self, token: str) -> tuple[str, str, str]:
        """Return user, kind and owner of a link; `NotFound` when it is not ours or has ended."""
        found = self.signer.open(token.removeprefix("pm2."), "link") if token.startswith("pm2.") else None
        if not isinstance(found, list) or found[3] < self.now().timestamp():
            raise NotFound("This link has ended or was changed; ask for a new one.", code="resource_link_not_found")
        return found[0], found[1], found[2]

    @property
    def sessions(self) -> Sessions:
        """Sessions of people at a browser."""
        return Sessions(self.vv.access, self.signer)

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """Say who calls: an API key wins over a bearer token, which may also hold an API key, and both over a cookie."""
        key = headers.get("x-api-key")
        if key is not None:
            return await self.vv.access.caller_with_key(key.strip())
        if "authorization" in headers:
            return await self.bearer(headers["authorization"])
        if "cookie" in headers:
            return await self.sessions.caller(headers, self.now())
        raise Unauthenticated("There is no valid credential on the request; send an API key in X-API-Key.")

    async def bearer(self, header: str) -> Caller:
        """Say who shows this `Authorization` header."""
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() == "bearer" and token.startswith("sk_"):
            return await self.vv.access.caller_with_key(token)
        if scheme.lower() == "bearer" and token and self.verifier is not None:
            claims = await self.verifier.verify(token)
            access, name = self.vv.access, claims.user_name
            user = await (access.known_user(claims.subject) if name is None else access.user_named(name))
            if user is not None:
                return Caller(user.user_id, credential=Credential.JWT if name is None else Credential.OAUTH)
        raise Unauthenticated("The bearer token is unknown, expired or not for this server; send a valid one.")
