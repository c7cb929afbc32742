"""What every route shares: limits of bodies, one envelope, rate limits, sessions, scopes and tokens."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from tests.http.api import KEY, serving
from videovector_core.access.leases import Limiter
from videovector_core.access.model import Caller, Scope
from videovector_core.access.ratelimit import Limits, RateLimits
from videovector_core.access.secrets import Secret
from videovector_core.access.service import Access
from videovector_core.testing.buckets import MemoryBuckets
from videovector_http.bodies import MAX_JSON
from videovector_http.gate import ANY, JWT, OWN, PUBLIC, Rule


@pytest.fixture
async def api():
    async with serving() as one:
        yield one


def error(answer: Any) -> Any:
    """Return the error of an answer, having checked that it is in the envelope."""
    body = answer.json()
    assert set(body) == {"error", "request_id"}
    assert {"code", "message", "details", "request_id", "timestamp"} <= set(body["error"])
    assert answer.headers["x-request-id"] == body["request_id"] == body["error"]["request_id"]
    return body["error"]


# Bodies ---------------------------------------------------------------------------------------------------------


async def test_a_body_over_the_limit_is_refused_unread(api):
    """An announced length over the limit is refused before a byte is read; an unannounced one soon after the limit."""
    whole = json.dumps({"name": "x" * MAX_JSON}).encode()
    announced = await api.client.post("/indexes", content=whole, headers={"Content-Type": "application/json"})
    assert (announced.status_code, error(announced)["code"]) == (413, "request_too_large")
    read = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 32_768
            yield b" " * 32_768

    streamed = await api.client.post("/indexes", content=chunks(), headers={"Content-Type": "application/json"})
    assert (streamed.status_code, error(streamed)["code"]) == (413, "request_too_large")
    assert read <= MAX_JSON + 64 * 1024


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[" * 100_000, 422, "validation_depth"),
        (b'{"name":' * 5_000 + b"1" + b"}" * 5_000, 422, "validation_depth"),
        (b'{"name": "a\\u0000b"}', 422, "validation_control_character"),
        (b'{"name": "\xff"}', 400, "request_malformed"),
        (b'{"name": "\\ud800"}', 400, "request_malformed"),
        (b'{"name": "a"', 400, "request_malformed"),
        (b"", 422, "validation_error"),
        (b"null", 422, "validation_error"),
        (b"[]", 422, "validation_error"),
        (b'{"name": 7}', 422, "validation_error"),
    ],
)
async def test_bad_bodies_are_the_callers_mistake(api, body, status, code, headers):
    """Whatever is sent instead of a body, with a key or without, is refused in the envelope and never a 5xx."""
    sent = {"Content-Type": "application/json", **headers}
    answer = await api.client.post("/indexes", content=body, headers=sent)
    assert (answer.status_code, error(answer)["code"]) == (status, code)


async def test_deep_text_is_no_depth(api):
    """Brackets inside a text do not count as nesting."""
    assert (await api.client.post("/indexes", json={"name": '[{"' * 60})).status_code == 201


async def test_absent_blank_and_empty_bodies_are_alike(api):
    """A POST without options takes no body, a blank one and `{}`, under one idempotency key, whatever its type."""
    bodies: list[dict[str, Any]] = [
        {},
        {"content": b"", "headers": {"Content-Type": "application/json"}},
        {"content": b" {} ", "headers": {"Content-Type": "text/plain"}},
    ]
    index = (await api.client.post("/indexes", json={"name": "a"})).json()["index_id"]
    answers = []
    for one in bodies:
        headers = {"Idempotency-Key": "same", **one.pop("headers", {})}
        answers.append(await api.client.post("/rate-limit/refresh", headers=headers, **one))
    assert [one.status_code for one in answers] == [200, 200, 200]
    keyed = [
        await api.client.post("/prompt-runs/run_no/cancel", content=content, headers={"Idempotency-Key": "c"})
        for content in (b"", b"{}", b"  ")
    ]
    assert {one.status_code for one in keyed} == {404}
    assert index


async def test_another_content_type_is_415(api):
    """JSON routes take JSON."""
    answer = await api.client.post("/indexes", content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert (answer.status_code, error(answer)["code"]) == (415, "unsupported_media_type")


async def test_control_characters_in_paths_and_queries(api):
    """No id holds control characters, and no query does."""
    assert (await api.client.get("/indexes/a%00b")).status_code == 404
    assert (await api.client.get("/indexes/a%0d%0aX-Evil:1")).status_code == 404
    answer = await api.client.get("/indexes?include_defaults=%00")
    assert (answer.status_code, error(answer)["code"]) == (422, "validation_control_character")


async def test_query_booleans(api):
    """Booleans of a query are true and false; other words are refused."""
    for word, status in (("true", 200), ("false", 200), ("maybe", 422)):
        assert (await api.client.get(f"/indexes?include_defaults={word}")).status_code == status


async def test_long_headers_and_ids(api):
    """64 KiB of headers are too much; a path of any length is answered."""
    assert (await api.client.get("/indexes", headers={"X-Long": "x" * 70_000})).status_code == 431
    assert (await api.client.get(f"/indexes/{'x' * 5_000}")).status_code == 404


async def test_a_wrong_method_names_the_right_ones(api):
    """405 says which methods there are."""
    answer = await api.client.delete("/indexes")
    assert (answer.status_code, error(answer)["code"]) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= {one.strip() for one in answer.headers["allow"].split(",")}


async def test_a_request_id_cannot_inject_a_header(api):
    """Only a plain id is taken over from the client; anything else gets an id of ours."""
    good = await api.client.get("/indexes", headers={"X-Request-ID": "req-1.a_b"})
    assert good.headers["x-request-id"] == "req-1.a_b"
    for bad in ("a b", "x" * 65, "é".encode("latin-1").decode("latin-1"), "<script>"):
        answer = await api.client.get("/indexes", headers={"X-Request-ID": bad.encode("latin-1")})
        assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("key", ["", "  ", "x" * 256, "a\tb", "x" * 10_000])
async def test_malformed_idempotency_keys(api, key):
    """A key that is blank, too long or holds control characters is 422, and nothing is done."""
    answer = await api.client.post("/indexes", json={"name": "a"}, headers={"Idempotency-Key": key})
    assert (answer.status_code, error(answer)["code"]) == (422, "idempotency_key_invalid")
    assert (await api.client.get("/indexes")).json() == []


async def test_a_key_of_another_account_or_path_is_another_key(api):
    """The same idempotency key means something of its own for each account and each path."""
    headers = {"Idempotency-Key": "shared"}
    mine = await api.client.post("/indexes", json={"name": "mine"}, headers=headers)
    theirs = await api.client.post("/indexes", json={"name": "mine"}, headers={**headers, **await api.as_user("other")})
    assert mine.status_code == theirs.status_code == 201
    assert mine.json()["index_id"] != theirs.json()["index_id"]
    assert "idempotency-replayed" not in theirs.headers
    elsewhere = await api.client.post(
        "/prompts/test-schema", json={"json_schema": {}, "sample_data": {}}, headers=headers
    )
    assert elsewhere.status_code == 200


# Rate limits ----------------------------------------------------------------------------------------------------


def limited(**limits: int) -> dict[str, Any]:
    """Return a context whose limits are these, per minute."""
    rates = RateLimits({name: Limits(count, 10_000) for name, count in limits.items()})
    return {"limiter": Limiter(MemoryBuckets(), rates)}


async def test_requests_over_the_limit_are_429():
    """Each category counts by itself; 429 says when to come back, and X-Forwarded-For changes nothing."""
    async with serving(about=limited(read=3, write=1)) as api:
        answers = [
            await api.client.get("/indexes", headers={"X-Forwarded-For": f"10.0.0.{n}", "Forwarded": f"for={n}"})
            for n in range(5)
        ]
        assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
        assert [one.headers["x-ratelimit-remaining"] for one in answers[:3]] == ["2", "1", "0"]
        assert answers[0].headers["x-ratelimit-limit"] == "3"
        refused = error(answers[3])
        assert refused["code"] == "rate_limit_exceeded"
        assert 1 <= int(answers[3].headers["retry-after"]) == refused["retry_after"] <= 61
        assert (await api.client.post("/indexes", json={"name": "a"})).status_code == 201
        assert (await api.client.post("/indexes", json={"name": "a"})).status_code == 429
        other = await api.as_user("other")
        assert (await api.client.get("/indexes", headers=other)).status_code == 200


async def test_the_status_shows_what_is_left():
    """The status counts by category and window, and asking for it is a read like any other."""
    async with serving(about=limited(read=10, search=5)) as api:
        await api.client.get("/indexes")
        found = (await api.client.get("/rate-limit/status")).json()
        assert set(found["categories"]) == {"read", "search"}
        read = found["categories"]["read"]
        assert (read["minute_used"], read["minute_limit"], read["minute_remaining"]) == (2, 10, 8)
        assert found["user_id"] == api.user_id
        assert isinstance(read["reset_at"], int)
        again = (await api.client.post("/rate-limit/refresh")).json()
        assert again["categories"]["read"]["minute_used"] == 3


async def test_without_limits_nothing_is_listed(api):
    """A server with limits off has no categories to show."""
    assert (await api.client.get("/rate-limit/status")).json()["categories"] == {}


# Who and how far ------------------------------------------------------------------------------------------------


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


# Health and numbers ---------------------------------------------------------------------------------------------


async def test_health(api):
    """Health says how the parts are; liveness asks nothing; neither needs a credential."""
    del api.client.headers["X-API-Key"]
    ready = await api.client.get("http://testserver/health")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert set(ready.json()["checks"]) == {"database", "vectors"}
    assert (await api.client.get("http://testserver/health/live")).json()["status"] == "ok"


async def test_numbers_name_routes_not_requests(api):
    """The numbers count by route, hold nothing that a client wrote, and need an admin credential."""
    await api.client.get("/indexes/idx_canary")
    await api.client.get("/nowhere/canary")
    text = (await api.client.get("http://testserver/metrics")).text
    assert 'route="/api/v2/indexes/{index_id}",status="404"' in text
    assert "canary" not in text
    weak = await api.as_user("owner", "write")
    assert (await api.client.get("http://testserver/metrics", headers=weak)).status_code == 403


async def test_numbers_with_a_token_of_the_operator():
    """With VIDEOVECTOR_METRICS_TOKEN only that bearer reads the numbers."""
    async with serving(about={"metrics_token": Secret("scrape")}) as api:
        assert (await api.client.get("http://testserver/metrics")).status_code == 401
        headers = {"Authorization": "Bearer scrape"}
        assert (await api.client.get("http://testserver/metrics", headers=headers)).status_code == 200


async def test_an_unexpected_error_tells_nothing(api, monkeypatch, caplog):
    """A defect answers 500 in the envelope without a word of the inside; the log has it, with the request's id."""

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("inner secret")

    monkeypatch.setattr(type(api.vv.indexes), "all", broken)
    answer = await api.client.get("/indexes")
    assert (answer.status_code, error(answer)["code"]) == (500, "internal_error")
    assert "inner secret" not in answer.text
    assert "unexpected error" in caplog.text


async def test_concurrent_requests_keep_their_own_ids(api):
    """Fifty requests at once each get the id that they brought."""
    answers = await asyncio.gather(
        *(api.client.get("/indexes", headers={"X-Request-ID": f"id-{n}"}) for n in range(50))
    )
    assert [one.headers["x-request-id"] for one in answers] == [f"id-{n}" for n in range(50)]


def test_the_key_of_these_tests_is_no_secret():
    """The signing key of the tests is a constant, so failures repeat."""
    assert KEY == b"k" * 32
