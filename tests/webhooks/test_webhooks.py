"""Webhooks over HTTP: every route, and what receivers get."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.http.api import Api, serving
from videovector_adapters.memory.webhooks import Answered, MemoryPoster
from videovector_core.errors import ProcessingFailed
from videovector_core.events.model import WEBHOOK_EVENTS, NewEvent
from videovector_core.webhooks.signing import verify

URL = "https://receiver.example/hook"
HOOK = {"name": "n8n", "url": URL, "events": ["media.created", "prompt_run.completed"], "metadata": {"node": "a"}}


async def made(api: Api, **changes: Any) -> dict[str, Any]:
    """Make a webhook and return the answer."""
    answer = await api.client.post("/webhooks", json={**HOOK, **changes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def tell(api: Api, name: str = "media.created", count: int = 1, **about: Any) -> list[str]:
    """Append events and return their ids."""
    async with api.vv.begin() as tx:
        events = [NewEvent(name, {"n": n}, **about) for n in range(count)]
        return [event.event_id for event in await tx.events.append(api.user_id, events)]


async def deliveries(api: Api, webhook_id: str, count: int, *ended: str) -> list[dict[str, Any]]:
    """Wait until a webhook has so many deliveries of a status."""
    while True:
        found = (await api.client.get(f"/webhooks/{webhook_id}/deliveries?limit=100")).json()
        done = [one for one in found if one["status"] in (ended or ("delivered",))]
        if len(done) >= count:
            return done
        await asyncio.sleep(0.005)


def poster(api: Api) -> MemoryPoster:
    """Return the receivers."""
    assert isinstance(api.vv.ports.poster, MemoryPoster)
    return api.vv.ports.poster


async def test_a_webhook_shows_its_secret_once() -> None:
    """Creation answers with a secret; listing, reading and changing show none."""
    async with serving() as api:
        hook = await made(api)
        assert hook["secret"].startswith("whsec_")
        assert (hook["status"], hook["index_ids"], hook["metadata"]) == ("active", None, {"node": "a"})
        path = f"/webhooks/{hook['webhook_id']}"
        shown = [
            (await api.client.get("/webhooks")).json()[0],
            (await api.client.get(path)).json(),
            (await api.client.patch(path, json={"name": "new", "index_ids": []})).json(),
        ]
        assert all("secret" not in one and one["url"] == URL for one in shown)
        assert shown[-1]["name"] == "new"


async def test_a_delivery_is_signed_and_enveloped() -> None:
    """The body is the envelope in canonical form, and the headers are those of the contract."""
    async with serving() as api:
        hook = await made(api)
        (event_id,) = await tell(api, index_id="idx_1")
        (delivery,) = await deliveries(api, hook["webhook_id"], 1)
        (sent,) = poster(api).sent
    payload = json.loads(sent.body)
    assert sent.body == json.dumps(payload, sort_keys=True).encode()
    assert payload == delivery["payload"]
    assert (payload["id"], payload["event"], payload["data"]) == (event_id, "media.created", {"n": 0})
    assert (payload["api_version"], payload["metadata"]) == ("2024-01", {"node": "a"})
    expected = hmac.new(hook["secret"].encode(), sent.body, hashlib.sha256).hexdigest()
    assert sent.headers["X-Webhook-Signature"] == f"sha256={expected}"
    assert sent.headers["X-Webhook-ID"] == hook["webhook_id"]
    assert sent.headers["X-Delivery-ID"] == delivery["delivery_id"]
    assert sent.headers["X-Event-Type"] == "media.created"
    assert sent.headers["webhook-id"] == event_id
    assert sent.headers["X-Delivery-Attempt-ID"].startswith("attempt_")


async def test_only_wanted_events_arrive_and_those_of_no_index_always() -> None:
    """Names and indexes filter; an event that belongs to no index passes the filter of indexes."""
    async with serving() as api:
        index = (await api.client.post("/indexes", json={"name": "i"})).json()["index_id"]
        hook = await made(api, index_ids=[index])
        await tell(api, "prompt_run.failed", index_id=index)
        await tell(api, "media.created", index_id="idx_other")
        wanted = [*await tell(api, index_id=index), *await tell(api)]
        found = await deliveries(api, hook["webhook_id"], 2)
        assert sorted(one["payload"]["id"] for one in found) == sorted(wanted)
        assert len(poster(api).sent) == 2


async def test_events_before_a_webhook_are_not_its_business() -> None:
    """A webhook hears of what is committed after it was made."""
    async with serving() as api:
        await tell(api)
        hook = await made(api)
        (event_id,) = await tell(api)
        (delivery,) = await deliveries(api, hook["webhook_id"], 1)
        assert delivery["payload"]["id"] == event_id


async def test_an_index_of_somebody_else_is_unknown() -> None:
    """A filter that names a foreign index refuses the whole request."""
    async with serving() as api:
        other = await api.as_user("other")
        foreign = (await api.client.post("/indexes", json={"name": "i"}, headers=other)).json()["index_id"]
        answer = await api.client.post("/webhooks", json={**HOOK, "index_ids": [foreign]})
        assert answer.status_code == 404
        hook = await made(api)
        for method, path in (
            ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate-secret"), ("POST", "/test"),
            ("GET", "/deliveries"),
        ):  # fmt: skip
            url = f"/webhooks/{hook['webhook_id']}{path}"
            answer = await api.client.request(method, url, json={"name": "x"}, headers=other)
            assert answer.status_code == 404, (method, path)


@pytest.mark.parametrize(
    "wrong", [{"url": "http://x.example/"}, {"events": []}, {"events": ["test"]}, {"name": ""}, {"url": "nonsense"}]
)
async def test_a_wrong_webhook_is_refused(wrong: dict[str, Any]) -> None:
    """A receiver has a name, an https URL and events that exist."""
    async with serving() as api:
        answer = await api.client.post("/webhooks", json={**HOOK, **wrong})
        assert answer.status_code == 422, answer.text


async def test_the_events_are_public() -> None:
    """Anybody may ask what there is to subscribe to."""
    async with serving() as api:
        answer = await api.client.get("/webhooks/events", headers={"X-API-Key": ""})
        assert answer.json() == list(WEBHOOK_EVENTS)


async def test_creation_is_bound_to_the_live_row() -> None:
    """The same key returns the same webhook and secret; after deletion it makes it anew, with a fresh secret."""
    async with serving() as api:
        key = {"Idempotency-Key": "n8n-webhook-1"}
        first = await api.client.post("/webhooks", json=HOOK, headers=key)
        again = await api.client.post("/webhooks", json=dict(reversed(HOOK.items())), headers=key)
        assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (201, first.json(), "true")
        other = await api.client.post("/webhooks", json={**HOOK, "name": "x"}, headers=key)
        assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_request_mismatch")
        hook_id = first.json()["webhook_id"]
        assert (await api.client.delete(f"/webhooks/{hook_id}")).status_code == 200
        assert (await api.client.delete(f"/webhooks/{hook_id}")).status_code == 404
        fresh = (await api.client.post("/webhooks", json=HOOK, headers=key)).json()
        assert fresh["webhook_id"] == hook_id
        assert fresh["secret"] != first.json()["secret"]
        assert len((await api.client.get("/webhooks")).json()) == 1


async def test_rotation_keeps_both_secrets_for_a_day() -> None:
    """Until 24 hours are over, receivers with either secret accept; then only the new one signs."""
    async with serving() as api:
        hook = await made(api)
        path = f"/webhooks/{hook['webhook_id']}"
        fresh = (await api.client.post(f"{path}/rotate-secret")).json()["new_secret"]
        for passed, good in ((0, {hook["secret"], fresh}), (86_400, {fresh})):
            api.vv.ports.clock.time.advance(passed)  # type: ignore[attr-defined]  # the clock of the tables in memory
            await api.client.post(f"{path}/test")
            sent = poster(api).sent[-1]
            now = api.vv.ports.clock.now().timestamp()
            for secret in good:
                verify(secret, sent.headers, sent.body, now=now)
            expected = hmac.new(fresh.encode(), sent.body, hashlib.sha256).hexdigest()
            assert sent.headers["X-Webhook-Signature"] == f"sha256={expected}"
            assert ("X-Webhook-Signature-Previous" in sent.headers) == (len(good) == 2)


async def test_a_test_send_tells_what_the_receiver_did() -> None:
    """Its answer is always 200, nothing is kept, and the record of the webhook is not touched."""
    async with serving() as api:
        hook = await made(api)
        path = f"/webhooks/{hook['webhook_id']}"
        good = (await api.client.post(f"{path}/test", headers={"Idempotency-Key": "k"})).json()
        assert good == {"success": True, "status_code": 204, "error": None}
        again = await api.client.post(f"{path}/test", headers={"Idempotency-Key": "k"})
        assert (again.json(), len(poster(api).sent)) == (good, 1)
        (sent,) = poster(api).sent
        assert json.loads(sent.body)["event"] == sent.headers["X-Event-Type"] == "test"
        assert json.loads(sent.body)["id"].startswith("evt_test_")
        assert "X-Delivery-ID" not in sent.headers
        poster(api).answer = lambda _: Answered(500)
        assert (await api.client.post(f"{path}/test")).json()["status_code"] == 500
        poster(api).answer = lambda _: ProcessingFailed("Blocked.", code="blocked_address")
        assert (await api.client.post(f"{path}/test")).json() == {
            "success": False,
            "status_code": None,
            "error": "blocked_address: Blocked.",
        }
        assert (await api.client.get(path)).json()["failure_count"] == 0
        assert (await api.client.get(f"{path}/deliveries")).json() == []


async def test_a_failed_delivery_can_be_sent_again_by_hand() -> None:
    """The id and the body stay; a delivery that did not fail is refused."""
    async with serving() as api:
        hook = await made(api)
        poster(api).answer = lambda _: Answered(404, body=b"x" * 10_000)
        await tell(api)
        (failed,) = await deliveries(api, hook["webhook_id"], 1, "failed")
        assert (failed["response_status_code"], len(failed["response_body"]), failed["attempts"]) == (404, 4096, 1)
        poster(api).answer = lambda _: Answered()
        path = f"/webhooks/deliveries/{failed['delivery_id']}"
        assert (await api.client.post(f"{path}/retry")).json()["status"] == "pending"
        (done,) = await deliveries(api, hook["webhook_id"], 1)
        assert (done["delivery_id"], done["attempts"], done["next_retry_at"]) == (failed["delivery_id"], 2, None)
        first, second = poster(api).sent
        assert first.body == second.body
        assert first.headers["X-Delivery-Attempt-ID"] != second.headers["X-Delivery-Attempt-ID"]
        assert (await api.client.post(f"{path}/retry")).status_code == 409
        assert (await api.client.get(path)).json() == done


async def test_scopes_reach_as_far_as_the_contract_says() -> None:
    """Reading needs read, changing write, deleting admin."""
    async with serving() as api:
        hook = await made(api)
        path = f"/webhooks/{hook['webhook_id']}"
        search, read, write = [await api.as_user("owner", scope) for scope in ("search", "read", "write")]
        assert (await api.client.get(path, headers=search)).status_code == 403
        assert (await api.client.get(path, headers=read)).status_code == 200
        assert (await api.client.post(f"{path}/rotate-secret", headers=read)).status_code == 403
        assert (await api.client.patch(path, json={"name": "x"}, headers=write)).status_code == 200
        assert (await api.client.delete(path, headers=write)).status_code == 403
