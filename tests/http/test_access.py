"""Who may do what: scopes, keys that end, forged tokens and sessions."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from tests.http.api import error, serving
from videovector_adapters.tokens import Bearers, Claims
from videovector_core.access.model import Caller, Scope
from videovector_core.access.service import Access
from videovector_http.gate import ANY, JWT, OWN, PUBLIC, Rule


@pytest.fixture
async def api():
    async with serving() as one:
        yield one


def routes(api: Any) -> list[tuple[str, str, Rule]]:
    """Return every method and path of the running application with its rule."""
    found = []
    for route in api.app.app.routes:
        for method, (handler, _) in getattr(route, "route_handler_map", {}).items():
            if method != "OPTIONS":
                found.append((method, route.path_format, Rule.of(handler)))
    return found


HELD = {
    "search": {Scope.SEARCH},
    "read": {Scope.SEARCH, Scope.READ},
    "write": {Scope.SEARCH, Scope.READ, Scope.WRITE},
    "admin": {Scope.SEARCH, Scope.READ, Scope.WRITE, Scope.ADMIN},
}


@pytest.mark.parametrize("scope", list(HELD))
async def test_scope_walk(api, scope):
    """On every route a key without the scope gets 403, whatever the id or the body; one with it gets past that."""
    headers = await api.as_user("walker", scope)
    api.context.stopping.set()  # so that streams end
    for method, path, rule in routes(api):
        if rule.scope == PUBLIC:
            continue
        url = "http://testserver" + path.replace("{", "").replace("}", "")
        answer = await api.client.request(method, url, headers=headers, content=b"")
        allowed = rule.scope in {ANY, OWN} or rule.scope in HELD[scope]
        assert (answer.status_code != 403) == allowed, (method, path, answer.text)
        if not allowed:
            code = "authorization_jwt_required" if rule.scope == JWT else "authorization_insufficient_scope"
            assert error(answer)["code"] == code
            assert any(word in answer.text for word in ("scope", "permission", "forbidden"))


async def test_every_route_asks_for_a_credential(api):
    """Without a credential, and with a wrong one, every route that is not public is 401, before anything else."""
    del api.client.headers["X-API-Key"]
    for method, path, rule in routes(api):
        if rule.scope == PUBLIC:
            continue
        url = "http://testserver" + path.replace("{", "").replace("}", "")
        for headers in ({}, {"X-API-Key": "sk_live_" + "0" * 48}, {"Authorization": "Basic YTpi"}, {"Cookie": "a=b"}):
            answer = await api.client.request(method, url, headers=headers)
            assert (answer.status_code, error(answer)["code"][:14]) == (401, "authentication"), (method, path)


async def test_a_key_cannot_make_a_stronger_key(api):
    """Keys are no way to keys, and a credential makes none that reaches further than itself."""
    headers = await api.as_user("owner", "admin")
    for path in ("/api-keys", "/api-keys/key_1/rotate", "/api-keys/key_1/revoke"):
        answer = await api.client.post(path, json={"name": "a", "scopes": ["admin"]}, headers=headers)
        assert (answer.status_code, error(answer)["code"]) == (403, "authorization_jwt_required")
    weak = Caller(api.user_id, frozenset({Scope.READ}))
    with pytest.raises(Exception, match="cannot reach further"):
        await api.vv.access.create_key(weak, name="k", scopes=["write"])


@pytest.mark.parametrize("end", ["revoke", "rotate", "delete", "expire"])
async def test_an_ended_key_stops(api, end):
    """A revoked, rotated, deleted or expired key is refused at once by this process; it was remembered just before."""
    del api.client.headers["X-API-Key"]
    body = {"name": "k", "scopes": ["read"], "expires_in_days": 1}
    key = (await api.client.post("/api-keys", json=body, headers=api.bearer())).json()
    shown = {"X-API-Key": key["key"]}
    for _ in range(3):
        assert (await api.client.get("/auth/validate", headers=shown)).status_code == 204
    if end == "expire":
        api.vv.ports.clock.time.advance(86_401)
    elif end == "delete":
        assert (await api.client.delete(f"/api-keys/{key['key_id']}", headers=api.bearer())).status_code == 200
    else:
        answer = await api.client.post(f"/api-keys/{key['key_id']}/{end}", headers=api.bearer())
        assert answer.status_code == 200
    refused = await api.client.get("/auth/validate", headers=shown)
    assert (refused.status_code, error(refused)["code"]) == (401, "authentication_invalid_api_key")


async def test_another_process_forgets_a_revoked_key_within_a_second(api):
    """What another process remembers of a key is half a second old at most."""
    elsewhere = Access(api.vv.begin, api.vv.ports.clock, api.vv.ports.ids, api.vv.ports.pepper)
    key, secret = await api.vv.access.create_key(Caller(api.user_id), name="k")
    await elsewhere.caller_with_key(secret.reveal())
    await api.vv.access.revoke_key(Caller(api.user_id), key.key_id)
    api.vv.ports.clock.time.advance(1.0)
    with pytest.raises(Exception, match="revoked"):
        await elsewhere.caller_with_key(secret.reveal())


def forged(api: Any) -> dict[str, str]:
    """Return tokens that look right and are not."""
    now = int(api.vv.ports.clock.now().timestamp())
    good = {"iss": "videovector", "aud": "videovector", "sub": api.user_id, "iat": now, "nbf": now, "exp": now + 600}
    real = api.tokens.issue(api.user_id)
    header, body, signature = real.split(".")
    kid = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
    signing = api.tokens._signing
    public = signing.as_dict(private=False)
    own = OKPKey.generate_key("Ed25519")

    def made(head: dict[str, Any], claims: dict[str, Any], key: Any, algorithm: str) -> str:
        return jwt.encode({"alg": algorithm, **head}, claims, key, algorithms=[algorithm])

    def plain(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    x = base64.urlsafe_b64decode(public["x"] + "==")
    tokens = {
        "none": f"{plain({'alg': 'none', 'kid': kid})}.{body}.",
        "None": f"{plain({'alg': 'None', 'kid': kid})}.{body}.{signature}",
        "hs256 with the public key": made({"kid": kid}, good, OctKey.import_key(x), "HS256"),
        "hs256 with the public JWK": made({"kid": kid}, good, OctKey.import_key(json.dumps(public)), "HS256"),
        "embedded jwk": made({"jwk": own.as_dict(private=False)}, good, own, "Ed25519"),
        "jku": made({"kid": kid, "jku": "http://127.0.0.1/keys"}, good, own, "Ed25519"),
        "x5u": made({"kid": kid, "x5u": "http://127.0.0.1/cert"}, good, own, "Ed25519"),
        "kid traversal": made({"kid": "../../dev/null"}, good, OctKey.import_key("a" * 32), "HS256"),
        "kid sql": made({"kid": "' OR 1=1 --"}, good, own, "Ed25519"),
        "another key": made({"kid": kid}, good, own, "Ed25519"),
        "unknown crit": f"{plain({'alg': 'EdDSA', 'kid': kid, 'crit': ['b64'], 'b64': False})}.{body}.{signature}",
        "json without signatures": json.dumps({"payload": body, "signatures": []}),
        "no signature": f"{header}.{body}.",
        "other body": f"{header}.{plain({**good, 'sub': 'user_other'})}.{signature}",
        "a megabyte": "e" * 1_000_000,
        "blank": "",
        "four parts": f"{real}.x",
    }
    wrong = {
        "aud": {**good, "aud": "other"},
        "iss": {**good, "iss": "other"},
        "no exp": {name: value for name, value in good.items() if name != "exp"},
        "expired": {**good, "exp": now - 3600},
        "not yet": {**good, "nbf": now + 3600},
        "unknown user": {**good, "sub": "user_nobody"},
    }
    for name, claims in wrong.items():
        tokens[name] = made({"kid": kid}, claims, signing, "EdDSA" if "EdDSA" in real else "Ed25519")
    return tokens


async def test_forged_tokens(api):
    """The confusion set: each forged token is refused with 401 (or 431 for its length), and a good one works."""
    del api.client.headers["X-API-Key"]
    assert (await api.client.get("/api-keys", headers=api.bearer())).status_code == 200
    for name, token in forged(api).items():
        answer = await api.client.get("/api-keys", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in ({401, 431} if name == "a megabyte" else {401}), (name, answer.text)
        error(answer)


@define
class Elsewhere:
    """An issuer that is trusted and says whatever a test wants."""

    subject: str

    async def verify(self, _: str) -> Claims:
        return Claims(self.subject, "https://id.example", datetime.now(UTC))


async def test_another_issuer_speaks_for_accounts_named_after_its_subjects(api):
    """Its token opens the account that was made for its subject; no subject opens any other, be it the id of one."""
    del api.client.headers["X-API-Key"]
    made = await api.vv.access.ensure_user("oidc:24")
    theirs = {"Authorization": "Bearer eyJhbGciOiJFZERTQSIsImtpZCI6Im8ifQ.e30.c2ln"}
    for subject, status in (("24", 200), ("oidc:24", 401), ("owner", 401), (api.user_id, 401), (made.user_id, 401)):
        object.__setattr__(api.context, "verifier", Bearers(api.tokens, Elsewhere(subject)))  # type: ignore[arg-type]  # a stand-in
        assert (await api.client.get("/indexes", headers=theirs)).status_code == status, subject
    object.__setattr__(api.context, "verifier", Bearers(api.tokens, Elsewhere("24")))  # type: ignore[arg-type]  # as above
    index = (await api.client.post("/indexes", json={"name": "a"}, headers=theirs)).json()
    assert index["user_id"] == made.user_id
    assert (await api.client.get("/indexes", headers=api.bearer())).json() == []
    opened = await api.client.post("/auth/login", json={"credential": theirs["Authorization"].removeprefix("Bearer ")})
    session = {"X-CSRF-Token": opened.json()["csrf_token"]}
    for headers in (theirs, session):
        assert (await api.client.get("/indexes", headers=headers)).json() == [index]
        for path in ("/api-keys", "/mcp/config", "/rate-limit/status"):
            assert (await api.client.get(path, headers=headers)).status_code == 403, path


async def test_an_ended_key_is_not_rotated(api):
    """A key that was revoked stays so: it gives no new one."""
    del api.client.headers["X-API-Key"]
    made = (await api.client.post("/api-keys", json={"name": "k"}, headers=api.bearer())).json()
    for end, status in (("revoke", 200), ("rotate", 409)):
        answer = await api.client.post(f"/api-keys/{made['key_id']}/{end}", headers=api.bearer())
        assert answer.status_code == status
    assert error(answer)["code"] == "conflict_api_key_ended"


async def test_an_api_key_wins_over_a_bearer(api):
    """When both are sent the key decides, so a bearer does not lift a weak key."""
    headers = {**await api.as_user("owner", "search"), **api.bearer()}
    assert (await api.client.get("/api-keys", headers=headers)).status_code == 403
    assert (await api.client.get("/prompts", headers=headers)).status_code == 403


async def test_a_key_may_come_as_a_bearer(api):
    """A bearer that starts with sk_ is an API key."""
    key = api.client.headers.pop("X-API-Key")
    assert (await api.client.get("/indexes", headers={"Authorization": f"Bearer {key}"})).status_code == 200


# Sessions -------------------------------------------------------------------------------------------------------


async def test_a_session_needs_its_header(api):
    """The cookie alone opens nothing; with the token of its log-in it reaches as far as the key that opened it."""
    key = (await api.as_user("owner", "read"))["X-API-Key"]
    del api.client.headers["X-API-Key"]
    opened = await api.client.post("/auth/login", json={"credential": key})
    assert opened.status_code == 200
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie.replace("Strict", "strict")
    assert key not in cookie
    bare = await api.client.get("/indexes")
    assert (bare.status_code, error(bare)["code"]) == (403, "authorization_csrf_token")
    wrong = await api.client.get("/indexes", headers={"X-CSRF-Token": "0" * 64})
    assert wrong.status_code == 403
    token = {"X-CSRF-Token": opened.json()["csrf_token"]}
    assert (await api.client.get("/indexes", headers=token)).status_code == 200
    assert (await api.client.post("/indexes", json={"name": "a"}, headers=token)).status_code == 403
    assert (await api.client.get("/api-keys", headers=token)).status_code == 403
    api.vv.ports.clock.time.advance(9 * 3600)
    assert (await api.client.get("/indexes", headers=token)).status_code == 401


async def test_a_session_ends_with_its_key(api):
    """Revoking the key that opened a session ends it."""
    key, secret = await api.vv.access.create_key(Caller(api.user_id), name="k")
    del api.client.headers["X-API-Key"]
    opened = (await api.client.post("/auth/login", json={"credential": secret.reveal()})).json()
    token = {"X-CSRF-Token": opened["csrf_token"]}
    assert (await api.client.get("/indexes", headers=token)).status_code == 200
    await api.vv.access.revoke_key(Caller(api.user_id), key.key_id)
    assert (await api.client.get("/indexes", headers=token)).status_code == 401


async def test_a_bearer_opens_a_session_of_a_signed_in_user(api):
    """A session from a bearer token may manage keys; logging out forgets the cookie."""
    del api.client.headers["X-API-Key"]
    token = api.tokens.issue(api.user_id, lifetime=timedelta(minutes=5))
    opened = (await api.client.post("/auth/login", json={"credential": token})).json()
    headers = {"X-CSRF-Token": opened["csrf_token"]}
    assert (await api.client.get("/api-keys", headers=headers)).status_code == 200
    await api.client.post("/auth/logout")
    assert (await api.client.get("/api-keys", headers=headers)).status_code == 401
    assert (await api.client.post("/auth/login", json={"credential": "sk_live_no"})).status_code == 401
