"""Tokens of a trusted issuer, and the confusions that are tried with them: real keys, and claims that hold or do not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from tests.access.issuer import (
    AUDIENCE,
    DISCOVERY,
    EC,
    EC384,
    GOOD,
    ISSUER,
    KEYS,
    NOW,
    OKP,
    OKP448,
    RSA,
    RSA2,
    Hands,
    door,
    public,
    refused,
    token,
    unsigned,
    verifier,
)
from videovector_adapters.secrets import derive
from videovector_adapters.tokens import Bearers, Tokens
from videovector_core.errors import Invalid, Unauthenticated


@pytest.mark.parametrize(("key", "alg", "kid"), [(RSA, "RS256", "rsa"), (EC, "ES256", "ec"), (OKP, "EdDSA", "okp")])
async def test_tokens_of_the_issuer_are_verified(key: Any, alg: str, kid: str) -> None:
    """A token signed by one of the issuer's keys says who it speaks for."""
    claims = await verifier().verify(token(key, alg, kid))
    assert (claims.subject, claims.issuer, claims.email, claims.email_verified) == ("u-1", ISSUER, "a@id.example", True)
    assert (await verifier().verify(token(key, alg, None))).subject == "u-1"


async def test_only_configured_algorithms_count() -> None:
    """An algorithm that the key could do and the configuration does not name is refused."""
    only = verifier(algorithms=("ES256",))
    await refused(token(), only)
    assert (await only.verify(token(EC, "ES256", "ec"))).subject == "u-1"
    for alg in ("PS256", "RS384", "RS512"):
        await refused(token(RSA, alg, "rsa"))
        await refused(token(RSA, alg, None))
    await refused(token(EC384, "ES384", "ec"))
    await refused(token(OKP448, "EdDSA", "okp"))
    for algorithms in ((), ("HS256",), ("RS256", "none"), ("RS256", "HS256")):
        with pytest.raises(Invalid, match="VIDEOVECTOR_OIDC"):
            verifier(algorithms=algorithms)
    with pytest.raises(Invalid, match="AUDIENCE"):
        verifier(audience="")


def spellings(key: Any) -> list[bytes]:
    """Spell a public key in every way that has been taken for a shared secret."""
    native, formats = key.public_key, serialization.PublicFormat
    texts = [
        native.public_bytes(encoding, form)
        for encoding, form in (
            (serialization.Encoding.PEM, formats.SubjectPublicKeyInfo),
            (serialization.Encoding.PEM, formats.PKCS1),
            (serialization.Encoding.DER, formats.SubjectPublicKeyInfo),
            (serialization.Encoding.DER, formats.PKCS1),
        )
    ]
    texts += [json.dumps(public(key, "rsa")).encode(), key.as_dict(private=False)["n"].encode()]
    return [
        variant for text in texts for variant in (text, text.strip(), b"\n" + text, b" " + text, b"\xef\xbb\xbf" + text)
    ]


async def test_an_hmac_under_the_public_key_is_refused() -> None:
    """HS256 with the RSA public key in any spelling, plain or prefixed, and with an empty key, is refused."""
    by = verifier()
    for alg, name in (
        ("HS256", "sha256"),
        ("HS384", "sha384"),
        ("HS512", "sha512"),
        ("RS256", "sha256"),
        ("EdDSA", "sha512"),
    ):
        for kid in ("rsa", "okp", None):
            text = unsigned({"alg": alg, "typ": "JWT", **({"kid": kid} if kid else {})}, GOOD)
            for secret in [*spellings(RSA), b""]:
                mac = (
                    base64.urlsafe_b64encode(hmac.digest(secret, text.encode(), getattr(hashlib, name)))
                    .rstrip(b"=")
                    .decode()
                )
                await refused(f"{text}.{mac}", by)


async def test_unsigned_tokens_are_refused() -> None:
    """`alg` none in any spelling, with or without something in the place of the signature, is refused."""
    for alg in ("none", "None", "nOnE", "NONE", "", None):
        text = unsigned({"alg": alg, "kid": "rsa"}, GOOD)
        for signature in ("", ".", ".AA", "." + token().rsplit(".", 1)[1]):
            await refused(text + signature)


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": public(RSA2, None)}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/cert"}, {"x5c": ["MII"]},
        {"kid": "../../../dev/null"}, {"kid": "rsa' OR '1'='1"}, {"kid": "https://evil.example/keys"}, {"kid": "x" * 4000},
        {"crit": ["x"], "x": 1}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"typ": "logout+jwt"}, {"typ": "secevent+jwt"}, {"zip": "DEF"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", [RSA, RSA2], ids=["true key", "own key"])
async def test_tokens_do_not_choose_their_key(header: dict[str, Any], key: Any) -> None:
    """Embedded keys, links to keys, odd key ids and unknown extensions are refused, and no link is followed."""
    documents = door()
    await refused(unsigned_then_signed(header, key), verifier(documents))
    assert set(documents.fetched) <= {DISCOVERY, KEYS}


def unsigned_then_signed(header: dict[str, Any], key: Any) -> str:
    text = unsigned({"alg": "RS256", "kid": "rsa", **header}, GOOD)
    algorithm = JWSRegistry.algorithms["RS256"]
    return f"{text}.{base64.urlsafe_b64encode(algorithm.sign(text.encode(), key)).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"}, {"iss": ISSUER + "/"}, {"iss": [ISSUER]}, {"aud": "other"}, {"aud": ["other"]}, {"aud": None},
        {"exp": NOW - 31}, {"exp": None}, {"exp": str(NOW + 600)}, {"exp": float("nan")}, {"nbf": NOW + 31}, {"iat": NOW + 31}, {"sub": None}, {"sub": 7},
    ],
)  # fmt: skip
async def test_claims_that_do_not_hold_are_refused(change: dict[str, Any]) -> None:
    """A truly signed token of another issuer, for another audience, outside its time or without an end is refused."""
    await refused(token(claims={**GOOD, **change}))


async def test_clocks_may_differ_a_little() -> None:
    """Half a minute of difference between the clocks is forgiven."""
    assert (
        await verifier().verify(token(claims={**GOOD, "exp": NOW - 29, "nbf": NOW + 30, "iat": NOW + 30}))
    ).subject == "u-1"


async def test_bearers_serve_both() -> None:
    """Our own tokens and the trusted issuer's are told apart by key id; neither passes for the other."""
    own = Tokens(key=b"k" * 32, issuer="https://vv.example", audience=AUDIENCE, clock=Hands())
    both = Bearers(own, verifier())
    assert (await both.verify(own.issue("user_1"))).subject == "user_1"
    assert (await both.verify(own.issue("user_1"))).user_name is None
    assert (await both.verify(token())).subject == "u-1"
    assert (await both.verify(token())).user_name == "oidc:u-1"
    mine = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(derive(b"k" * 32, "tokens/ed25519")))
    for text in (
        token(mine, "EdDSA", mine.thumbprint()),
        token(RSA, "RS256", mine.thumbprint()),
        token(mine, "EdDSA", "okp"),
    ):
        with pytest.raises(Unauthenticated):
            await both.verify(text)
