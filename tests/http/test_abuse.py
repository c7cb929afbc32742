"""What one client may take up: streams, webhooks, lines of the log."""

from __future__ import annotations

import asyncio
import json

from tests.http.api import error, serving
from tests.http.test_canary import written
from tests.http.test_keyed_routes import HOOK
from videovector_core.webhooks.service import MAX_WEBHOOKS

__all__ = ["written"]
STREAM = "/processing/events/stream"


async def test_streams_of_one_account_are_counted():
    """An account that opens streams without end is told to wait; another one is not in its way."""
    async with serving() as api:
        opened = [asyncio.create_task(api.client.get(STREAM)) for _ in range(1000)]
        refused, open_ = await asyncio.wait(opened, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        while len(open_) > 100:
            more, open_ = await asyncio.wait(open_, timeout=30, return_when=asyncio.FIRST_COMPLETED)
            assert more
            refused |= more
        answers = [one.result() for one in refused]
        assert {(one.status_code, error(one)["code"]) for one in answers} == {(429, "stream_limit_exceeded")}
        assert all(int(one.headers["retry-after"]) >= 1 for one in answers)
        assert (await api.client.get("/indexes", headers=await api.as_user("other"))).status_code == 200
        api.context.stopping.set()
        assert {one.status_code for one in await asyncio.gather(*open_)} == {200}


async def test_webhooks_of_one_account_are_counted():
    """An account has only so many webhooks; the next one is a conflict that says so."""
    async with serving() as api:
        for _ in range(MAX_WEBHOOKS):
            assert (await api.client.post("/webhooks", json=HOOK)).status_code == 201
        answer = await api.client.post("/webhooks", json=HOOK)
        assert (answer.status_code, error(answer)["code"]) == (409, "conflict_webhook_limit")


async def test_no_client_writes_a_line_of_the_log(written):
    """Line breaks in titles, names, paths and headers make no line, and no line holds what they said."""
    forged = 'a\n{"event": "forged"}\r\nforged'
    async with serving() as api:
        await api.client.post("/indexes", json={"name": forged})
        await api.client.post("/videos", json={"title": forged, "video_uri": forged})
        await api.client.get("/indexes/forged%0d%0aforged")
        await api.client.get("/indexes", headers={"X-Request-ID": "forged forged"})
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    ours = [line for line in lines if line["logger"] != "httpx"]  # the client of the test is in the same process
    assert sum(line["event"] == "request" for line in ours) == 4
    assert "forged" not in json.dumps(ours)
