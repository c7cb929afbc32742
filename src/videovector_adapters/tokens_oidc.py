"""Tokens of a trusted OpenID Connect issuer: discovery and key set through the egress door, and sparingly."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from attrs import define, field, frozen
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from videovector_adapters.tokens_jose import Claims, Key, Named, named, refuse, verified
from videovector_core.errors import Invalid, ProcessingFailed, Unavailable
from videovector_core.ports import Clock

_FETCH_EVERY: Final = timedelta(seconds=60)
_FRESH: Final = timedelta(hours=1)
_USABLE: Final = timedelta(hours=24)
_MAX_DISCOVERY: Final = 64 * 1024
_MAX_KEY_SET: Final = 256 * 1024
_MAX_KEYS: Final = 100
_LEEWAY: Final = 30
# The one kind of key that each algorithm uses: type, curve, and the members that make its public half.
_KINDS: Final = {
    "RS256": ("RSA", None, ("n", "e")),
    "ES256": ("EC", "P-256", ("crv", "x", "y")),
    "EdDSA": ("OKP", "Ed25519", ("crv", "x")),
    "Ed25519": ("OKP", "Ed25519", ("crv", "x")),
}
_CLASSES: Final[dict[str, type[Key]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


class Answer(Protocol):
    """A document that was fetched whole."""

    @property
    def body(self) -> bytes:
        """The bytes."""
        ...


class Door(Protocol):
    """What is needed of the egress door."""

    async def get(self, url: str, *, max_bytes: int) -> Answer:
        """Fetch a small document; `ProcessingFailed` or `Invalid` when that cannot be done."""
        ...


@frozen
class _KeySet:
    """The issuer's keys as of `fetched_at`: (algorithm, key id, key)."""

    keys: Sequence[tuple[str, str | None, Key]]
    fetched_at: datetime

    def find(self, wanted: Named) -> Key | None:
        """Return the key that the token names; a token that names none gets the only one there is for its algorithm."""
        fitting = [(key_id, key) for algorithm, key_id, key in self.keys if algorithm == wanted.algorithm]
        if wanted.key_id is not None:
            fitting = [(key_id, key) for key_id, key in fitting if key_id == wanted.key_id]
        return fitting[0][1] if len(fitting) == 1 else None


@define
class OidcVerifier:
    """Verifies tokens of one issuer for one audience.

    Keys are fetched when they are first needed, when they are an hour old, and when a token names an unknown one, but
    never more than once a minute, however many tokens come. While the issuer is away its last keys serve for a day.
    """

    issuer: str
    audience: str
    door: Door
    clock: Clock
    algorithms: Sequence[str] = ("RS256", "ES256", "EdDSA")
    _set: _KeySet | None = field(default=None, init=False)
    _tried_at: datetime | None = field(default=None, init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        """Refuse a configuration with algorithms of shared secrets, or none at all, or without an audience."""
        if not self.algorithms or not set(self.algorithms) <= _KINDS.keys() or not self.audience or not self.issuer:
            raise Invalid(
                f"VIDEOVECTOR_OIDC_ISSUER needs VIDEOVECTOR_OIDC_AUDIENCE and algorithms among {', '.join(_KINDS)}.",
                code="settings_invalid",
            )

    async def verify(self, token: str) -> Claims:
        """Return what the token says.

        Raises:
            Unauthenticated: code `authentication_invalid_token`, for whatever is wrong with the token.
            Unavailable: the issuer's keys cannot be had at the moment.
        """
        wanted = named(token)
        if wanted.algorithm not in self.algorithms:
            refuse()
        key = await self._key(wanted)
        if key is None:
            refuse()
        return verified(
            token,
            key,
            wanted.algorithm,
            issuer=self.issuer,
            audience=self.audience,
            now=self.clock.now(),
            leeway=_LEEWAY,
        )

    async def _key(self, wanted: Named) -> Key | None:
        key = self._usable().find(wanted) if self._younger_than(_USABLE) else None
        if key is not None and (self._younger_than(_FRESH) or self._turn.locked()):
            return key
        async with self._turn:
            if self._may_fetch():
                await self._fetch()
        return self._usable().find(wanted)

    def _usable(self) -> _KeySet:
        if self._set is None or not self._younger_than(_USABLE):
            raise Unavailable(
                "The keys of the token issuer cannot be had; try again in a minute.", retry_after=_FETCH_EVERY.seconds
            )
        return self._set

    def _younger_than(self, age: timedelta) -> bool:
        return self._set is not None and self.clock.now() - self._set.fetched_at < age

    def _may_fetch(self) -> bool:
        """Judge by the last try, successful or not; a clock that was set back does not stop fetching."""
        return self._tried_at is None or not timedelta(0) <= self.clock.now() - self._tried_at < _FETCH_EVERY

    async def _fetch(self) -> None:
        self._tried_at = self.clock.now()
        try:
            found = await self._document(
                f"{self.issuer.rstrip('/')}/.well-known/openid-configuration", max_bytes=_MAX_DISCOVERY
            )
            if found.get("issuer") != self.issuer or not isinstance(found.get("jwks_uri"), str):
                return
            members = (await self._document(found["jwks_uri"], max_bytes=_MAX_KEY_SET)).get("keys")
        except (ProcessingFailed, Invalid):
            return  # the last keys go on serving, or `_usable` says that there are none
        if isinstance(members, list):
            self._set = _KeySet(_keys(members[:_MAX_KEYS], self.algorithms), self._tried_at)

    async def _document(self, url: str, *, max_bytes: int) -> dict[str, Any]:
        answer = await self.door.get(url, max_bytes=max_bytes)
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise Invalid("The issuer's document is not JSON.") from error
        return document if isinstance(document, dict) else {}


def _keys(members: Sequence[Any], algorithms: Sequence[str]) -> list[tuple[str, str | None, Key]]:
    """Pick the keys that can verify one of `algorithms`; whatever else a key set holds is passed over."""
    found = [(name, member) for member in members if isinstance(member, dict) for name in algorithms]
    imported = [(name, member.get("kid"), _imported(name, member)) for name, member in found if _fits(name, member)]
    return [(name, key_id, key) for name, key_id, key in imported if key is not None]


def _fits(algorithm: str, member: dict[str, Any]) -> bool:
    kty, curve, _ = _KINDS[algorithm]
    return (
        member.get("kty") == kty
        and (curve is None or member.get("crv") == curve)
        and member.get("use", "sig") == "sig"
        and "verify" in (member.get("key_ops") or ["verify"])
        and member.get("alg", algorithm) == algorithm
        and isinstance(member.get("kid"), str | None)
    )


def _imported(algorithm: str, member: dict[str, Any]) -> Key | None:
    """Build the key from its public members alone."""
    kty, _, names = _KINDS[algorithm]
    try:
        public = {name: member[name] for name in names}
        if kty == "RSA" and not 2048 <= _bits(public["n"]) <= 8192:
            return None
        return _CLASSES[kty].import_key({"kty": kty, **public})
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _bits(modulus: str) -> int:
    return int.from_bytes(urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))).bit_length()
