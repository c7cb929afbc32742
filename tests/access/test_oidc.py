"""Tokens of a trusted issuer: real keys, a key set that is fetched sparingly, and the same confusions."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, field
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from videovector_adapters.secrets import derive
from videovector_adapters.tokens import Bearers, OidcVerifier, Tokens
from videovector_core.errors import Invalid, ProcessingFailed, Unauthenticated, Unavailable

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


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)
    )


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


async def test_a_key_of_another_issuer_is_refused() -> None:
    """A signature of a key that is not in the set is refused, under every key id."""
    for kid in ("rsa", "ec", "okp", "other", None):
        await refused(token(RSA2, "RS256", kid))


async def test_ten_thousand_unknown_key_ids_fetch_once_a_minute() -> None:
    """A flood of unknown key ids, at once or over an hour, fetches the key set at most once a minute."""
    documents, clock = door(), Hands()
    by = verifier(documents, clock=clock)
    signature = token().rsplit(".", 1)[1]
    flood = [f"{unsigned({'alg': 'RS256', 'kid': f'k{n}'}, GOOD)}.{signature}" for n in range(10_000)]
    results = await asyncio.gather(*(by.verify(text) for text in flood[:5000]), return_exceptions=True)
    assert {type(result) for result in results} == {Unauthenticated}
    assert documents.key_sets == 1
    for text in flood[5000:]:
        clock.turn(seconds=0.72)
        await refused(text, by)
    assert 55 <= documents.key_sets <= 61
    clock.moment = START
    assert (await by.verify(token())).subject == "u-1"


async def test_a_new_key_is_found() -> None:
    """A token under a key that the issuer has just added is accepted as soon as a minute allows another look."""
    documents, clock = door(), Hands()
    by = verifier(documents, clock=clock)
    await by.verify(token())
    documents.documents[KEYS] = {"keys": [public(RSA2, "new")]}
    fresh = token(RSA2, "RS256", "new")
    await refused(fresh, by)
    clock.turn(seconds=60)
    assert (await by.verify(fresh)).subject == "u-1"
    await refused(token(), by)


async def test_a_withdrawn_key_ends_within_the_hour() -> None:
    """A key that the issuer took back is forgotten when the set is an hour old."""
    documents, clock = door(), Hands()
    by = verifier(documents, clock=clock)
    long = token(claims={**GOOD, "exp": NOW + 10**6})
    await by.verify(long)
    documents.documents[KEYS] = {"keys": [public(RSA2, "new")]}
    clock.turn(minutes=59)
    assert (await by.verify(long)).subject == "u-1"
    clock.turn(minutes=2)
    await refused(long, by)


async def test_an_absent_issuer_is_not_the_callers_fault() -> None:
    """Without keys the answer is that the service is away, asked for once a minute; with old keys it goes on for a day."""
    documents, clock = door(), Hands()
    by = verifier(documents, clock=clock)
    documents.failure = ProcessingFailed("away", code="unreachable")
    for _ in range(50):
        with pytest.raises(Unavailable) as caught:
            await by.verify(token())
    assert (len(documents.fetched), caught.value.retry_after) == (1, 60)
    documents.failure = None
    clock.turn(seconds=60)
    long = token(claims={**GOOD, "exp": NOW + 10**6})
    await by.verify(long)
    documents.failure = ProcessingFailed("away", code="unreachable")
    clock.turn(hours=23)
    assert (await by.verify(long)).subject == "u-1"
    clock.turn(hours=2)
    with pytest.raises(Unavailable):
        await by.verify(long)


async def test_a_clock_that_is_set_back_does_not_stop_fetching() -> None:
    """After the clock was corrected backwards new keys are still found."""
    documents, clock = door(), Hands()
    by = verifier(documents, clock=clock)
    clock.turn(days=1)
    await refused(token(kid="unknown"), by)
    clock.moment = START
    documents.documents[KEYS] = {"keys": [public(RSA2, "new")]}
    assert (await by.verify(token(RSA2, "RS256", "new"))).subject == "u-1"


def _is(document: Any) -> Callable[[Documents], None]:
    def change(documents: Documents) -> None:
        documents.documents[DISCOVERY] = document

    return change


def _keys_are(document: Any) -> Callable[[Documents], None]:
    def change(documents: Documents) -> None:
        documents.documents[KEYS] = document

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        _is({"issuer": "https://evil.example", "jwks_uri": KEYS}), _is({"jwks_uri": KEYS}), _is({"issuer": ISSUER}), _is([]), _is(b"{"),
        _is({"issuer": ISSUER, "jwks_uri": ["x"]}), _is(b"[" * 60_000), _is(b" " * 70_000), _is(b"\xff"),
        _keys_are([]), _keys_are({}), _keys_are({"keys": {}}), _keys_are(b"<html>"), _keys_are(b" " * 300_000), _keys_are(b"[" * 200_000),
    ],
)  # fmt: skip
async def test_broken_documents_are_an_absent_issuer(spoil: Callable[[Documents], None]) -> None:
    """Discovery for another issuer, documents of the wrong shape or size: no keys, and nothing worse."""
    documents = door()
    spoil(documents)
    with pytest.raises(Unavailable):
        await verifier(documents).verify(token())


def weak() -> dict[str, Any]:
    """A key of 1024 bits, written by hand since the library warns about one."""
    modulus = base64.urlsafe_b64encode(((1 << 1023) + 1).to_bytes(128)).rstrip(b"=").decode()
    return {"kty": "RSA", "kid": "rsa", "n": modulus, "e": "AQAB"}


@pytest.mark.parametrize(
    "member",
    [
        public(RSA, "rsa", use="enc"), public(RSA, "rsa", key_ops=["encrypt"]), public(RSA, "rsa", alg="RS512"), public(RSA, "rsa", alg="HS256"),
        {"kty": "oct", "kid": "rsa", "k": "c2VjcmV0"}, weak(), {"kty": "RSA", "kid": "rsa", "n": "A" * 20_000, "e": "AQAB"}, public(EC384, "rsa"),
        {"kty": "RSA", "kid": "rsa"}, {"kty": "RSA", "kid": "rsa", "n": 7, "e": "AQAB"}, {"kty": "RSA", "kid": "rsa", "n": "\u0000" * 400, "e": ""},
        {"kty": "EC", "crv": "P-256", "kid": "rsa", "x": "AA", "y": "AA"}, {"kty": "OKP", "crv": "Ed25519", "kid": "rsa", "x": "AA"}, 7, None, [], {},
    ],
)  # fmt: skip
async def test_other_members_of_a_key_set_are_passed_over(member: Any) -> None:
    """Keys for other uses, shared secrets, weak, huge and broken ones are passed over; the others still serve."""
    by = verifier(door({"keys": [member, public(EC, "ec")]}))
    await refused(token(), by)
    assert (await by.verify(token(EC, "ES256", "ec"))).subject == "u-1"


async def test_an_ambiguous_key_is_no_key() -> None:
    """Two keys under one id, or two that fit a token that names none, decide nothing."""
    by = verifier(door({"keys": [public(RSA, "rsa"), public(RSA2, "rsa")]}))
    await refused(token(), by)
    await refused(token(kid=None), by)


async def test_a_key_set_shows_no_private_part() -> None:
    """A key set that carries private members by mistake is read for its public ones alone."""
    by = verifier(door({"keys": [{**RSA.as_dict(private=True), "kid": "rsa"}]}))
    assert (await by.verify(token())).subject == "u-1"
    assert str(RSA.as_dict(private=True)["d"]) not in repr(by._set) + repr(
        [k.as_dict() for _, _, k in by._usable().keys]
    )


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
