"""The key set of a token issuer is fetched through the door."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from attrs import define
from joserfc import jwt
from joserfc.jwk import RSAKey

from videovector_adapters.egress import Egress
from videovector_adapters.settings import Settings
from videovector_adapters.tokens import OidcVerifier
from videovector_adapters.wiring import SystemClock, bearers
from videovector_core.errors import Invalid, Unavailable
from videovector_core.ports import Clock

Listen = Callable[..., AbstractAsyncContextManager[Any]]
KEY = RSAKey.generate_key(2048)


@define
class Noon:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, 12, tzinfo=UTC)


def token(issuer: str, clock: Clock | None = None) -> str:
    exp = int((clock or Noon()).now().timestamp()) + 60
    return jwt.encode(
        {"alg": "RS256", "kid": "k"}, {"iss": issuer, "aud": "vv", "sub": "u", "exp": exp}, KEY, algorithms=["RS256"]
    )


def issuer_script(jwks_uri: Callable[[], str], heads: Callable[[], list[bytes]]) -> Any:
    async def serve(_reader: Any, writer: Any) -> None:
        document: dict[str, Any] = {"keys": [{**KEY.as_dict(private=False), "kid": "k"}]}
        if b"/.well-known/" in heads()[-1]:
            document = {"issuer": jwks_uri().rsplit("/", 1)[0], "jwks_uri": jwks_uri()}
        body = json.dumps(document).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    return serve


async def test_keys_come_through_the_door(site: Listen) -> None:
    """Where the operator allows the issuer's network, discovery and keys are fetched and tokens verified."""
    found: list[Any] = []
    script = issuer_script(lambda: f"http://127.0.0.1:{found[0].port}/keys", lambda: found[0].heads)
    async with site(script) as server:
        found.append(server)
        issuer = f"http://127.0.0.1:{server.port}"
        verifier = OidcVerifier(issuer, "vv", Egress([ip_network("127.0.0.0/8")]), Noon())
        assert (await verifier.verify(token(issuer))).subject == "u"
        assert server.connections == 2


async def test_the_issuer_of_the_settings_is_trusted(site: Listen) -> None:
    """A server that is told of an issuer and an audience takes its tokens, for accounts that are named after subjects."""
    found: list[Any] = []
    script = issuer_script(lambda: f"http://127.0.0.1:{found[0].port}/keys", lambda: found[0].heads)
    async with site(script) as server:
        found.append(server)
        issuer = f"http://127.0.0.1:{server.port}"
        told = {"secret_key": "k" * 43 + "=", "egress_allow": "127.0.0.0/8", "oidc_issuer": issuer}
        claims = await bearers(Settings.load(**told, oidc_audience="vv")).verify(token(issuer, SystemClock()))
        assert (claims.subject, claims.user_name) == ("u", "oidc:u")
    with pytest.raises(Invalid, match="VIDEOVECTOR_OIDC_AUDIENCE"):
        bearers(Settings.load(**told))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "[::1]", "0", "[::ffff:127.0.0.1]", "private.example"]
)
async def test_a_private_key_set_is_not_fetched(canary: Any, site: Listen, host: str) -> None:
    """A discovery document that points to a private address leads nowhere, nor does an issuer at one."""

    async def private(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    found: list[Any] = []

    async def serve(_reader: Any, writer: Any) -> None:
        body = json.dumps(
            {"issuer": f"http://127.0.0.9:{found[0].port}", "jwks_uri": f"http://{host}:{canary.port}/keys"}
        ).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async with site(serve, "127.0.0.9") as server:
        found.append(server)
        egress = Egress([ip_network("127.0.0.9/32")], resolver=private)
        for issuer in (f"http://127.0.0.9:{server.port}", f"https://{host}:{canary.port}"):
            with pytest.raises(Unavailable):
                await OidcVerifier(issuer, "vv", egress, Noon()).verify(token(issuer))
        assert server.connections == 1
