"""Callers, scopes, users and API keys."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

from attrs import evolve, field, frozen

from videovector_core.errors import Forbidden


class Scope(StrEnum):
    """How far a credential reaches; each scope includes those before it."""

    SEARCH = "search"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """The place in `search < read < write < admin`."""
        return _RANKS[self]


_RANKS: Final = {scope: rank for rank, scope in enumerate(Scope)}


class Credential(StrEnum):
    """What the caller showed."""

    API_KEY = "api_key"
    JWT = "jwt"
    OAUTH = "oauth"
    INTERNAL = "internal"


@frozen
class Caller:
    """Whoever asks: a tenant, how far they may go, and by what credential."""

    user_id: str
    scopes: frozenset[Scope] = frozenset(Scope)
    credential: Credential = Credential.INTERNAL
    key_id: str | None = None

    def may(self, scope: Scope) -> bool:
        """Say whether any scope held includes `scope`."""
        return any(held.rank >= scope.rank for held in self.scopes)

    def require(self, scope: Scope) -> None:
        """Raise `Forbidden` unless the caller holds `scope` or one that includes it."""
        if not self.may(scope):
            held = ", ".join(sorted(self.scopes)) or "none"
            raise Forbidden(
                f"This needs the {scope.value} scope and the credential holds: {held}. Use a key with that scope.",
                details={"required_scope": scope.value},
            )


@frozen
class User:
    """An account: the tenant boundary. `name` is what an operator calls it and is unique."""

    user_id: str
    name: str
    created_at: datetime


def _scopes(names: Iterable[str]) -> tuple[Scope, ...]:
    return tuple(Scope(name) for name in names)


@frozen
class ApiKey:
    """An API key as it is stored: its keyed hash and what may be shown of it, never the key."""

    key_id: str
    user_id: str
    name: str
    scopes: tuple[Scope, ...] = field(converter=_scopes)
    key_prefix: str
    digest: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def active(self, now: datetime) -> bool:
        """Say whether the key opens anything at the moment `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def revoked(self, now: datetime) -> ApiKey:
        """Return the key as it stands after being revoked; revoking twice keeps the first moment."""
        return self if self.revoked_at else evolve(self, revoked_at=now)
