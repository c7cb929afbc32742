"""An issuer of tokens that a test plays: its keys, its documents, and tokens good and bad."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, field
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from videovector_adapters.tokens import OidcVerifier
from videovector_core.errors import ProcessingFailed, Unauthenticated

ISSUER, AUDIENCE = "https://id.example/realm", "videovector"
DISCOVERY, KEYS = f"{ISSUER}/.well-known/openid-configuration", "https://id.example/keys"
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = int(START.timestamp())

GOOD = {
    "iss": ISSUER,
    "aud": [AUDIENCE, "other"],
    "sub": "u-1",
    "exp": NOW + 600,
    "iat": NOW,
    "email": "a@id.example",
    "email_verified": True,
}

RSA, RSA2 = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
EC, OKP = ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")
EC384, OKP448 = ECKey.generate_key("P-384"), OKPKey.generate_key("Ed448")


class AnyAlgorithm(JWSRegistry):
    """Signs with whatever the test asks for."""

    max_header_length = 100_000

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


@define
class Hands:
    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def turn(self, **amount: float) -> None:
        self.moment += timedelta(**amount)


@define
class Got:
    body: bytes


@define
class Documents:
    """Serves documents by URL, counts the fetches, and fails as told."""

    documents: dict[str, Any]
    fetched: list[str] = field(factory=list)
    failure: Exception | None = None

    async def get(self, url: str, *, max_bytes: int) -> Got:
        self.fetched.append(url)
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        document = self.documents[url]
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        if len(body) > max_bytes:
            raise ProcessingFailed("too much", code="response_too_large")
        return Got(body)

    @property
    def key_sets(self) -> int:
        return self.fetched.count(KEYS)


def public(key: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    named = {} if kid is None else {"kid": kid}
    return {**key.as_dict(private=False), **named, **more}


def key_set() -> dict[str, Any]:
    return {"keys": [public(RSA, "rsa", use="sig", alg="RS256"), public(EC, "ec", use="sig"), public(OKP, "okp")]}


def door(keys: Any = None) -> Documents:
    return Documents({DISCOVERY: {"issuer": ISSUER, "jwks_uri": KEYS}, KEYS: key_set() if keys is None else keys})


def verifier(documents: Documents | None = None, **changes: Any) -> OidcVerifier:
    return OidcVerifier(
        **{"issuer": ISSUER, "audience": AUDIENCE, "door": documents or door(), "clock": Hands(), **changes}
    )


def token(key: Any = RSA, alg: str = "RS256", kid: str | None = "rsa", claims: Any = None, **header: Any) -> str:
    named = {} if kid is None else {"kid": kid}
    registry = AnyAlgorithm(strict_check_header=False)
    return jwt.encode({"alg": alg, **named, **header}, dict(claims or GOOD), key, registry=registry)


async def refused(text: str, by: OidcVerifier | None = None) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await (by or verifier()).verify(text)
    assert caught.value.code == "authentication_invalid_token"


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)
    )
