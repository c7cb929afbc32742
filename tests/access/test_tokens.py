"""Our own tokens, and every confusion that has been tried on tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from videovector_adapters.secrets import derive
from videovector_adapters.tokens import Bearers, Tokens
from videovector_core.errors import Unauthenticated

KEY, OTHER = b"k" * 32, b"o" * 32
START = datetime(2026, 1, 1, tzinfo=UTC)


@define
class Hands:
    """A clock that is turned by hand."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment


def tokens(key: bytes = KEY, **changes: Any) -> Tokens:
    return Tokens(
        **{"key": key, "issuer": "https://vv.example", "audience": "videovector", "clock": Hands(), **changes}
    )


def b64(data: Any) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    return header, claims


def signed(header: Any, claims: Any, key: bytes = KEY) -> str:
    """Sign anything with the true signing key."""
    text = f"{b64(header)}.{b64(claims)}"
    private = ed25519.Ed25519PrivateKey.from_private_bytes(derive(key, "tokens/ed25519"))
    return f"{text}.{b64(private.sign(text.encode()))}"


def refused(token: str, verifier: Tokens | None = None) -> None:
    with pytest.raises(Unauthenticated) as caught:
        (verifier or tokens()).verify(token)
    assert caught.value.code == "authentication_invalid_token"


GOOD_HEADER, GOOD = parts(tokens().issue("user_1"))


def test_an_issued_token_is_verified() -> None:
    """A token says who it speaks for, who issued it, for whom, and until when; each has an id of its own."""
    mine = tokens()
    claims = mine.verify(mine.issue("user_1"))
    assert (claims.subject, claims.issuer) == ("user_1", "https://vv.example")
    assert (claims.issued_at, claims.expires_at) == (START, START + timedelta(hours=12))
    assert claims.token_id != mine.verify(mine.issue("user_1")).token_id
    assert GOOD_HEADER["alg"] == "EdDSA"
    assert GOOD.keys() == {"iss", "aud", "sub", "iat", "nbf", "exp", "jti"}
    assert tokens().verify(signed(GOOD_HEADER, GOOD)).subject == "user_1"


def test_a_token_ends() -> None:
    """A token is good up to the second of its end and not after, nor before it was issued."""
    clock = Hands()
    mine = tokens(clock=clock)
    token = mine.issue("user_1", lifetime=timedelta(minutes=5))
    clock.moment = START + timedelta(seconds=299)
    assert mine.verify(token).subject == "user_1"
    for moment in (START + timedelta(seconds=300), START + timedelta(days=9), START - timedelta(seconds=1)):
        clock.moment = moment
        refused(token, mine)


def test_keys_rotate() -> None:
    """After a change of the settings' key old tokens are good as long as the old key is kept, and new ones use the new key."""
    old, both = tokens(), tokens(OTHER, previous=[KEY])
    assert both.verify(old.issue("user_1")).subject == "user_1"
    refused(both.issue("user_1"), old)
    refused(old.issue("user_1"), tokens(OTHER))


def test_processes_of_one_installation_agree() -> None:
    """Two that have the same key verify each other's tokens."""
    assert tokens().verify(tokens().issue("user_1")).subject == "user_1"


def test_keys_do_not_show() -> None:
    """Neither the settings' key nor the signing key is in a repr."""
    assert "kkkk" not in repr(tokens())
    assert "kkkk" not in repr(Bearers(tokens()))


@pytest.mark.parametrize(
    "alg",
    [
        "none",
        "None",
        "NONE",
        "",
        "HS256",
        "HS512",
        "RS256",
        "ES256",
        "Ed448",
        "Ed25519",
        "dir",
        "EDDSA",
        "EdDSA ",
        None,
        1,
        ["EdDSA"],
    ],
)
def test_the_algorithm_is_ours_to_choose(alg: object) -> None:
    """Any other algorithm is refused, with a true signature, an HMAC under the public key, and none at all."""
    header = {**GOOD_HEADER, "alg": alg}
    refused(signed(header, GOOD))
    text = f"{b64(header)}.{b64(GOOD)}"
    public = ed25519.Ed25519PrivateKey.from_private_bytes(derive(KEY, "tokens/ed25519")).public_key().public_bytes_raw()
    for secret in (public, b64(public).encode(), b"", KEY):
        refused(f"{text}.{b64(hmac.digest(secret, text.encode(), hashlib.sha256))}")
    refused(f"{text}.")
    refused(text)


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"zip": "DEF"}, {"enc": "A256GCM"},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/c"},
        {"x5c": ["MII"]}, {"typ": "logout+jwt"}, {"typ": "JWE"}, {"typ": 1}, {"kid": 1}, {"kid": None}, {"kid": ["a"]},
        {"kid": ""}, {"kid": "../../../../dev/null"}, {"kid": "' OR 1=1 --"}, {"kid": "x" * 5000}, {"kid": "\0"}, {"kid": "k|curl"},
    ],
)  # fmt: skip
def test_parameters_that_would_choose_the_key_are_refused(extra: dict[str, Any]) -> None:
    """Embedded and remote keys, unknown critical extensions, other types and unknown key ids are refused, truly signed or not."""
    refused(signed({**GOOD_HEADER, **extra}, GOOD))
    refused(signed({**GOOD_HEADER, **extra}, GOOD, OTHER))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"}, {"iss": ["https://vv.example"]}, {"iss": None}, {"iss": "https://vv.example/"},
        {"aud": "other"}, {"aud": ["other"]}, {"aud": []}, {"aud": {"videovector": 1}}, {"aud": None}, {"aud": "videovector2"},
        {"sub": None}, {"sub": ""}, {"sub": 1}, {"sub": ["user_1"]},
        {"exp": None}, {"exp": "9999999999"}, {"exp": True}, {"exp": 0}, {"exp": -1}, {"exp": float("nan")}, {"exp": float("inf")},
        {"exp": 10**400}, {"exp": [GOOD["exp"]]}, {"nbf": GOOD["nbf"] + 60}, {"nbf": "0"}, {"nbf": float("nan")},
        {"iat": GOOD["iat"] + 60}, {"iat": "0"}, {"jti": 1},
    ],
)  # fmt: skip
def test_claims_that_do_not_hold_are_refused(change: dict[str, Any]) -> None:
    """A truly signed token for somebody else, from somebody else, from the future or without an end is refused."""
    refused(signed(GOOD_HEADER, {**GOOD, **change}))


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "exp"])
def test_claims_that_are_missing_are_refused(missing: str) -> None:
    """A truly signed token that leaves out what we check is refused."""
    refused(signed(GOOD_HEADER, {name: value for name, value in GOOD.items() if name != missing}))


@pytest.mark.parametrize(
    "payload", [b"[]", b"1", b'"x"', b"null", b"{", b"", b"\xff\xfe", b"[" * 6000, b'{"a":' * 1500, b"\x1f\x8b"]
)
def test_payloads_that_are_no_claims_are_refused(payload: bytes) -> None:
    """A truly signed payload that is no JSON object is refused, however deep; so is such a header."""
    refused(signed(GOOD_HEADER, payload))
    refused(signed(payload, GOOD))


def test_other_serialisations_are_refused() -> None:
    """The JSON forms of a signed object, with and without signatures, and the five parts of an encrypted one are refused."""
    header, payload, signature = tokens().issue("user_1").split(".")
    flat = {"payload": payload, "protected": header, "signature": signature}
    forms = [
        flat,
        {"payload": payload, "signatures": []},
        {"payload": payload, "signatures": [flat]},
        {"payload": payload},
    ]
    for form in forms:
        refused(json.dumps(form))
        refused(b64(form))
    refused(f"{header}.{payload}.{signature}.{signature}.{signature}")
    refused(f"{header}..{signature}")


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda t: t + "=",
        lambda t: " " + t,
        lambda t: t + "\n",
        lambda t: t.replace("-", "+"),
        lambda t: t + "é",
        lambda t: f"Bearer {t}",
    ],
)
def test_other_alphabets_are_refused(change: Callable[[str], str]) -> None:
    """Padding, white space, other alphabets and prefixes are refused."""
    token = next(t for t in iter(lambda: tokens().issue("user_1"), None) if "-" in t)
    refused(change(token))


def test_huge_tokens_are_refused() -> None:
    """A truly signed token is good up to 16 KiB and refused beyond, be it a megabyte."""
    assert tokens().verify(signed(GOOD_HEADER, {**GOOD, "pad": "x" * 11_000})).subject == "user_1"
    for size in (13_000, 1_000_000):
        refused(signed(GOOD_HEADER, {**GOOD, "pad": "x" * size}))


@given(st.data())
def test_no_changed_character_goes_unnoticed(data: DataObject) -> None:
    """Changing any character of header, claims or signature is noticed."""
    token = tokens().issue("user_1")
    place = data.draw(st.integers(0, len(token) - 2))  # the last character has bits that carry nothing
    letter = data.draw(st.sampled_from("ABCabc019-_."))
    if token[place] != letter:
        refused(token[:place] + letter + token[place + 1 :])


@given(st.text(max_size=200) | st.lists(st.text('ABCabc019-_={}"', max_size=40), max_size=6).map(".".join))
def test_garbage_is_refused(text: str) -> None:
    """Whatever comes, the answer is a refusal and no other error."""
    refused(text)


def test_ten_thousand_unknown_key_ids_cost_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of tokens with unknown key ids ends at a look-up in a table: no signature is verified for one of them."""
    checked = list[str]()
    monkeypatch.setattr("videovector_adapters.tokens.verified", lambda token, *_, **__: checked.append(token))
    for number in range(10_000):
        header = b64({**GOOD_HEADER, "kid": f"k{number}"})
        with pytest.raises(Unauthenticated):
            tokens_once.verify(f"{header}.{BODY}")
    tokens_once.verify(known := f"{b64(GOOD_HEADER)}.{BODY}")
    assert checked == [known]


tokens_once = tokens()
BODY = tokens_once.issue("user_1").split(".", 1)[1]


async def test_bearers_choose_by_key_id() -> None:
    """Without a trusted issuer everything that is not ours is refused."""
    assert (await Bearers(tokens()).verify(tokens().issue("user_1"))).subject == "user_1"
    with pytest.raises(Unauthenticated):
        await Bearers(tokens()).verify(tokens(OTHER).issue("user_1"))
