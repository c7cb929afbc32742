"""Bearer tokens: our own, signed with Ed25519, and those of a trusted issuer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from attrs import evolve, field, frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import OKPKey

from videovector_adapters.secrets import derive
from videovector_adapters.tokens_jose import Claims, Key, OneAlgorithm, named, refuse, verified
from videovector_adapters.tokens_oidc import OidcVerifier
from videovector_core.ports import Clock

__all__ = ["Bearers", "Claims", "OidcVerifier", "Tokens"]

_ALGORITHM: Final = "EdDSA"


@frozen(repr=False)
class Tokens:
    """Issues and verifies our own tokens.

    The signing key is derived from the settings' key, so every process of one installation has the same. Tokens that
    were signed under a `previous` settings' key stay valid until they expire; drop that key to end them at once.
    """

    key: bytes
    issuer: str
    audience: str
    clock: Clock
    previous: Sequence[bytes] = ()
    lifetime: timedelta = timedelta(hours=12)
    _signing: OKPKey = field(init=False)
    _ring: dict[str, OKPKey] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Derive the keys once."""
        keys = [_signing_key(key) for key in (self.key, *self.previous)]
        object.__setattr__(self, "_signing", keys[0])
        object.__setattr__(self, "_ring", {key.thumbprint(): key for key in keys})

    def issue(self, user_id: str, *, lifetime: timedelta | None = None) -> str:
        """Sign a token that speaks for `user_id` from now until `lifetime` (12 hours) from now."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": user_id,
            "iat": now,
            "nbf": now,
            "exp": now + int((lifetime or self.lifetime).total_seconds()),
            "jti": os.urandom(16).hex(),
        }
        header = {"alg": _ALGORITHM, "kid": self._signing.thumbprint(), "typ": "JWT"}
        return jwt.encode(header, claims, self._signing, registry=OneAlgorithm(algorithms=[_ALGORITHM]))

    def owns(self, token: str) -> bool:
        """Say whether the token names one of our keys; refuses what is no token at all."""
        return named(token).key_id in self._ring

    def verify(self, token: str) -> Claims:
        """Return what the token says.

        Raises:
            Unauthenticated: code `authentication_invalid_token`, for whatever is wrong.
        """
        wanted = named(token)
        key: Key | None = self._ring.get(wanted.key_id or "")
        if key is None or wanted.algorithm != _ALGORITHM:
            refuse()
        return verified(token, key, _ALGORITHM, issuer=self.issuer, audience=self.audience, now=self.clock.now())


@frozen
class Bearers:
    """Verifies a bearer token with our own keys when it names one of them, and with the trusted issuer's otherwise."""

    own: Tokens
    trusted: OidcVerifier | None = None

    async def verify(self, token: str) -> Claims:
        """Return what the token says; raises as `Tokens.verify` and `OidcVerifier.verify`.

        A subject of the trusted issuer is never an id of ours: it stands for the account that is named after it.
        """
        if self.trusted is None or self.own.owns(token):
            return self.own.verify(token)
        claims = await self.trusted.verify(token)
        return evolve(claims, user_name=f"oidc:{claims.subject}")


def _signing_key(key: bytes) -> OKPKey:
    seed = derive(key, "tokens/ed25519")
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))
