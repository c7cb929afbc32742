"""What every route shares: limits of bodies, headers, idempotency keys, one envelope, health and numbers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.http.api import error, serving
from tests.http.world import populated
from videovector_core.access.secrets import Secret
from videovector_core.errors import Refused
from videovector_http import bodies
from videovector_http.bodies import MAX_JSON
from videovector_http.errors import status_of


@pytest.fixture
async def api():
    async with serving() as one:
        yield one


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


async def test_a_body_that_stalls_is_not_waited_for(api, monkeypatch):
    """A body that comes to a stop is refused, and nothing is made of the beginning."""
    monkeypatch.setattr(bodies, "STALL_SECONDS", 0.05)
    stalled = asyncio.Event()

    async def drip() -> AsyncIterator[bytes]:
        yield b'{"name": '
        await stalled.wait()

    answer = await api.client.post("/indexes", content=drip(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, error(answer)["code"]) == (400, "request_timeout")
    assert (await api.client.get("/indexes")).json() == []


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


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("page_size", 5, 200),
        ("page_size", 5.0, 200),
        ("page_size", 5.5, 422),
        ("page_size", "5", 422),
        ("page_size", True, 422),
        ("explain", False, 200),
        ("explain", 0, 422),
        ("explain", "false", 422),
        ("run_ids", "run_1", 422),
        ("run_ids", None, 200),
    ],
)
async def test_types_of_json_are_taken_at_their_word(api, field, value, status):
    """No text stands for a number and no number for a truth value; a number without a fraction is an integer."""
    condition = {"field": "a", "operator": "equals", "type": "number", "value": 1.0}
    path = "/search/filter/playground" if field == "page_size" else "/playground/search"
    body = {"conditions": [condition]} if field == "page_size" else {"query": "a"}
    answer = await api.client.post(path, json={**body, field: value})
    assert answer.status_code == status, answer.text
    if status == 422:
        assert error(answer)["details"]["errors"][0]["loc"] == field


async def test_deep_text_is_no_depth(api):
    """Brackets inside a text do not count as nesting."""
    assert (await api.client.post("/indexes", json={"name": '[{"' * 60})).status_code == 201


async def test_absent_blank_and_empty_bodies_are_alike(api):
    """A POST without options takes no body, a blank one and `{}`, under one idempotency key, whatever its type."""
    run = (await populated(api)).run
    ways: list[tuple[bytes | None, dict[str, str]]] = [
        (None, {}),
        (b"", {"Content-Type": "application/json"}),
        (b"  ", {}),
        (b" {} ", {"Content-Type": "text/plain"}),
    ]
    answers = []
    for content, declared in ways:
        assert (await api.client.post("/rate-limit/refresh", content=content, headers=declared)).status_code == 200
        headers = {"Idempotency-Key": "same", **declared}
        answers.append(await api.client.post(f"/exports/prompt-run/{run}", content=content, headers=headers))
    assert [one.status_code for one in answers] == [202] * len(ways)
    assert len({one.content for one in answers}) == 1
    assert ["idempotency-replayed" in one.headers for one in answers] == [False, True, True, True]


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


@pytest.mark.parametrize("key", ["", "  ", "x" * 256, "a\tb", "a\r\nX-Evil: 1", "a\0b", "x" * 10_000])
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


def test_a_refusal_without_a_row_is_the_callers_to_mend() -> None:
    """A refusal whose class has no status of its own is 400, not a defect of the server."""
    assert status_of(Refused("No.")) == 400
