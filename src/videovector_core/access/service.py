"""Users, API keys, and finding out who calls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, field, frozen

from videovector_core.access.keys import digest, looks_like_key, masked_prefix, mint
from videovector_core.access.model import ApiKey, Caller, Credential, Scope, User
from videovector_core.access.ports import AccessTx
from videovector_core.access.secrets import Secret
from videovector_core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from videovector_core.ports import Begin, Clock, Ids

REMEMBERED: Final = timedelta(seconds=0.5)
"""How long a key that worked is taken at its word: half of what a revoked key may go on working in other processes."""
MANY: Final = 10_000


@frozen
class Access:
    """The use cases of accounts and keys."""

    begin: Begin[AccessTx]
    clock: Clock
    ids: Ids
    pepper: Secret
    _known: dict[bytes, tuple[Caller, datetime]] = field(factory=dict, init=False, repr=False)

    async def ensure_user(self, name: str) -> User:
        """Return the user of that name, creating it when it is unknown."""
        if not 1 <= len(name.strip()) <= 100:
            raise Invalid("A user name has 1 to 100 characters.", code="validation_user_name")
        async with self.begin() as tx:
            known = await tx.access.user_named(name)
            if known is None:
                known = User(self.ids.new("user"), name, self.clock.now())
                await tx.access.add_user(known)
            return known

    async def known_user(self, user_id: str) -> User | None:
        """Return a user by id."""
        async with self.begin() as tx:
            return await tx.access.user(user_id)

    async def user_named(self, name: str) -> User | None:
        """Return a user by name."""
        async with self.begin() as tx:
            return await tx.access.user_named(name)

    async def create_key(
        self, caller: Caller, *, name: str, scopes: list[str] | None = None, expires_in_days: int | None = None
    ) -> tuple[ApiKey, Secret]:
        """Make a key and return it with its secret, which is shown this once."""
        if not 1 <= len(name.strip()) <= 100:
            raise Invalid("A key name has 1 to 100 characters; give another name.")
        if expires_in_days is not None and not 1 <= expires_in_days <= 365:
            raise Invalid("A key lasts 1 to 365 days; leave expires_in_days out for one that does not expire.")
        wanted = self._scopes(caller, scopes if scopes is not None else ["read"])
        now = self.clock.now()
        expires = now + timedelta(days=expires_in_days) if expires_in_days else None
        key, secret = self._minted(caller.user_id, name, wanted)
        key = evolve(key, expires_at=expires)
        async with self.begin() as tx:
            await tx.access.add_key(key)
        return key, secret

    async def keys(self, caller: Caller) -> list[ApiKey]:
        """Return the caller's keys, newest first."""
        async with self.begin() as tx:
            return await tx.access.keys(caller.user_id)

    async def key(self, caller: Caller, key_id: str) -> ApiKey:
        """Return one of the caller's keys."""
        async with self.begin() as tx:
            return await self._key(tx, caller, key_id)

    async def rotate_key(self, caller: Caller, key_id: str) -> tuple[ApiKey, Secret]:
        """Replace a key by a new one of the same name, scopes and expiry; the old one stops working at once."""
        async with self.begin() as tx:
            old = await self._key(tx, caller, key_id)
            if not old.active(self.clock.now()):
                raise Conflict(
                    "This key is revoked or expired and cannot be rotated; create a new one.",
                    code="conflict_api_key_ended",
                )
            key, secret = self._minted(caller.user_id, old.name, old.scopes)
            await tx.access.save_key(old.revoked(self.clock.now()))
            key = evolve(key, expires_at=old.expires_at)
            await tx.access.add_key(key)
        self._known.pop(old.digest, None)
        return key, secret

    async def revoke_key(self, caller: Caller, key_id: str) -> ApiKey:
        """Stop a key from working; it stays in the list."""
        async with self.begin() as tx:
            key = (await self._key(tx, caller, key_id)).revoked(self.clock.now())
            await tx.access.save_key(key)
        self._known.pop(key.digest, None)
        return key

    async def delete_key(self, caller: Caller, key_id: str) -> None:
        """Remove a key."""
        async with self.begin() as tx:
            key = await self._key(tx, caller, key_id)
            await tx.access.remove_key(caller.user_id, key_id)
        self._known.pop(key.digest, None)

    async def caller_with_key(self, raw: str) -> Caller:
        """Say who shows this API key; the answer does not tell unknown, revoked and expired keys apart."""
        if looks_like_key(raw):
            now, sealed = self.clock.now(), digest(raw, self.pepper.reveal().encode())
            caller, until = self._known.get(sealed, (None, now))
            if caller is not None and now < until:
                return caller
            async with self.begin() as tx:
                key = await tx.access.key_with_digest(sealed)
                if key is not None and key.active(now):
                    await tx.access.touch_key(key.key_id, now)
                    return self._remembered(key, now)
        raise Unauthenticated("The API key is missing, unknown, revoked or expired; send a valid one in X-API-Key.")

    async def caller_with_key_id(self, user_id: str, key_id: str) -> Caller:
        """Say who holds this key, for a session that it opened."""
        async with self.begin() as tx:
            key = await tx.access.key(user_id, key_id)
        if key is None or not key.active(self.clock.now()):
            raise Unauthenticated("The key of this session is revoked or expired; log in again.")
        return _holder(key)

    def _remembered(self, key: ApiKey, now: datetime) -> Caller:
        if len(self._known) >= MANY:
            self._known.clear()
        until = min(now + REMEMBERED, key.expires_at or now + REMEMBERED)
        caller, _ = self._known[key.digest] = (_holder(key), until)
        return caller

    def _minted(self, user_id: str, name: str, scopes: tuple[Scope, ...]) -> tuple[ApiKey, Secret]:
        raw = mint()
        sealed = digest(raw, self.pepper.reveal().encode())
        now = self.clock.now()
        return ApiKey(self.ids.new("api_key"), user_id, name, scopes, masked_prefix(raw), sealed, now), Secret(raw)

    @staticmethod
    def _scopes(caller: Caller, names: list[str]) -> tuple[Scope, ...]:
        known = {scope.value for scope in Scope}
        if not names or set(names) - known:
            raise Invalid(f"Scopes are a non-empty list of {', '.join(sorted(known))}.", code="validation_scopes")
        wanted = tuple(scope for scope in Scope if scope.value in names)
        if not all(caller.may(scope) for scope in wanted):
            raise Forbidden("A key cannot reach further than the credential that makes it; ask for fewer scopes.")
        return wanted

    @staticmethod
    async def _key(tx: AccessTx, caller: Caller, key_id: str) -> ApiKey:
        key = await tx.access.key(caller.user_id, key_id)
        if key is None:
            raise NotFound.of("api_key", key_id)
        return key


def _holder(key: ApiKey) -> Caller:
    return Caller(key.user_id, frozenset(key.scopes), Credential.API_KEY, key.key_id)
