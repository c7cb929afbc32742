"""The keys of a trusted issuer: when they are fetched, which are taken, and what happens without them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.access.issuer import (
    DISCOVERY,
    EC,
    EC384,
    GOOD,
    ISSUER,
    KEYS,
    NOW,
    RSA,
    RSA2,
    START,
    Documents,
    Hands,
    door,
    public,
    refused,
    token,
    unsigned,
    verifier,
)
from videovector_core.errors import ProcessingFailed, Unauthenticated, Unavailable


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
