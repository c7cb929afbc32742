"""Secrets planted wherever one may be given are found nowhere that is written or shown."""

from __future__ import annotations

import io
import logging

import pytest
import structlog

from tests.http.api import serving
from videovector_core.access.secrets import Secret
from videovector_core.events.model import EventFilter
from videovector_http import logs

CANARY = "sk_live_" + "c4a1" * 12


@pytest.fixture
def written(monkeypatch):
    """Everything that is logged, as JSON lines at the lowest level."""
    stream, root = io.StringIO(), logging.getLogger()
    kept, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure("debug", "json")
    yield stream
    root.handlers[:], root.level = kept, level
    structlog.reset_defaults()


async def test_credentials_are_logged_nowhere(written):
    """Keys, bearers, cookies and links leave no trace in logs, refusals, numbers or events."""
    async with serving() as api:
        answers = [
            await api.client.get("/indexes", headers={"X-API-Key": CANARY}),
            await api.client.get("/indexes", headers={"X-API-Key": "", "Authorization": f"Bearer {CANARY}"}),
            await api.client.get(f"/indexes/{CANARY}?token={CANARY}", headers={"X-API-Key": CANARY}),
            await api.client.post("/auth/login", json={"credential": CANARY}),
            await api.client.get("/media/stream", params={"token": CANARY}),
            await api.client.get("http://testserver/metrics"),
        ]
        logging.getLogger("a.library").error("failed with %s and Bearer %s", CANARY, "eyJhbGciOi.eyJzdWIi.c2ln")
        structlog.get_logger("ours").error("failed", api_key=CANARY, nested={"password": CANARY}, held=Secret(CANARY))
        logging.getLogger("ours").error("broke", exc_info=RuntimeError(CANARY))
        async with api.vv.ports.begin() as tx:
            events = repr(await tx.events.after(api.user_id, 0, wanted=EventFilter(), limit=1000))
    text = written.getvalue()
    assert "request" in text
    assert "broke" in text
    assert CANARY not in text
    assert "eyJzdWIi" not in text
    assert CANARY not in events
    for answer in answers:
        assert CANARY not in answer.text
        assert CANARY not in str(answer.headers)


async def test_lines_carry_the_request_and_the_tenant(written):
    """Each request is one line of JSON with its id, route, status and account."""
    async with serving() as api:
        await api.client.get("/indexes", headers={"X-Request-ID": "mine"})
    line = next(line for line in written.getvalue().splitlines() if '"route": "/api/v2/indexes"' in line)
    assert '"request_id": "mine"' in line
    assert '"status": 200' in line
    assert api.user_id in line
