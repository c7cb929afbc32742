"""What every JSON Web Token must be before anybody looks for its key, and what it must say once its signature holds.

Only the compact form of RFC 7515 with one signature is read (RFC 8725 says why each of these rules exists). The
algorithm and the key come from our side; the token only names them, and a name that does not fit is a refusal.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from attrs import field, frozen
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from videovector_core.errors import Unauthenticated

Key = RSAKey | ECKey | OKPKey

MAX_TOKEN: Final = 16 * 1024  # characters; what published clients send at most
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
# Extensions that we do not know, other encodings of the payload, and keys that the token brings along.
_REFUSED_PARAMETERS: Final = frozenset({"crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c"})
_BROKEN: Final = (JoseError, ValueError, TypeError, KeyError, RecursionError, OverflowError)


@frozen
class Named:
    """What the header of a token names: an algorithm and perhaps a key. Nothing of it is proven."""

    algorithm: str
    key_id: str | None


@frozen
class Claims:
    """What a token says, after its signature, issuer, audience and times were checked."""

    subject: str
    issuer: str
    expires_at: datetime
    issued_at: datetime | None = None
    token_id: str | None = None
    email: str | None = None
    email_verified: bool = False
    others: Mapping[str, Any] = field(factory=dict, repr=False)
    user_name: str | None = None
    """The name of the account, where another issuer speaks of a user by its own id."""


class OneAlgorithm(JWSRegistry):
    """Admits one algorithm that we named; the library's own list of recommendations has no part in it."""

    max_header_length = 4096

    def get_alg(self, name: str) -> Any:
        if name not in (self.allowed or ()):
            raise ValueError("another algorithm")
        return self.algorithms[name]


def refuse(cause: BaseException | None = None, message: str = "The token is not valid; get a new one.") -> NoReturn:
    """Refuse a token, in the same words whatever is wrong with it."""
    raise Unauthenticated(message, code="authentication_invalid_token") from cause


def named(token: str) -> Named:
    """Read what the header names, or refuse a token of the wrong size, form, type or with parameters of the wrong sort."""
    match = _COMPACT.fullmatch(token) if len(token) <= MAX_TOKEN else None
    if match is None:
        refuse()
    try:
        header = json.loads(urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4)))
    except _BROKEN as error:
        refuse(error)
    if not isinstance(header, dict) or not _REFUSED_PARAMETERS.isdisjoint(header):
        refuse()
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ", "jwt")
    if not (isinstance(algorithm, str) and isinstance(key_id, str | None) and isinstance(kind, str)):
        refuse()
    if kind.lower() not in _TYPES:
        refuse()
    return Named(algorithm, key_id)


def verified(
    token: str, key: Key, algorithm: str, *, issuer: str, audience: str, now: datetime, leeway: int = 0
) -> Claims:
    """Verify the signature with our `key` and `algorithm`, then the claims; `leeway` is in seconds.

    Raises:
        Unauthenticated: code `authentication_invalid_token`, for whatever is wrong.
    """
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=leeway,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        sub={"essential": True},
        exp={"essential": True},
    )
    try:
        said = jwt.decode(token, key, registry=OneAlgorithm(algorithms=[algorithm], strict_check_header=False)).claims
        registry.validate(said)
        return _claims(said)
    except ExpiredTokenError as error:
        refuse(error, "The token has expired; get a new one.")
    except _BROKEN as error:
        refuse(error)


def _claims(said: dict[str, Any]) -> Claims:
    email = said.get("email")
    return Claims(
        subject=said["sub"],
        issuer=said["iss"],
        expires_at=_moment(said["exp"]),
        issued_at=_moment(said["iat"]) if "iat" in said else None,
        token_id=said.get("jti"),
        email=email if isinstance(email, str) else None,
        email_verified=said.get("email_verified") is True,
        others=said,
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
