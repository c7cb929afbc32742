"""Secrets planted wherever one may be given are found nowhere that is written or shown."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from tests.http.api import serving
from tests.http.logged import logged
from tests.http.test_traces import Keeping
from tests.http.world import CONNECTOR
from videovector_adapters.settings import Settings
from videovector_core.access.secrets import Secret
from videovector_core.events.model import EventFilter

CANARY = "sk_live_" + "c4a1" * 12
GCS = {"name": "g", "bucket": "films", "gcp_project_id": "p"}
KEY_FILE = json.dumps({"type": "service_account", "private_key": CANARY, "client_email": "a@b.example"})


@pytest.fixture
def written(monkeypatch):
    """Everything that is logged, as JSON lines at the lowest level."""
    yield from logged(monkeypatch, "debug")


async def test_credentials_are_logged_nowhere(written):
    """Keys, bearers, cookies and links leave no trace in logs, refusals, numbers, events or spans."""
    async with serving() as api:
        api.app.tracer = tracer = Keeping()
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
    assert len(tracer.spans) == len(answers)
    assert CANARY not in repr(tracer.spans)
    for answer in answers:
        assert CANARY not in answer.text
        assert CANARY not in str(answer.headers)


async def test_what_is_entrusted_is_shown_nowhere(written):
    """Credentials of connectors and of callers, sent well and badly, are in no answer, log line, event, number or repr."""
    azure = {"storage_account": "acc", "container": "con", "tenant_id": "t", "client_id": "c", "client_secret": CANARY}
    async with serving() as api:
        client = api.client
        made = [
            await client.post("/connectors/s3", json={**CONNECTOR, "aws_secret_access_key": CANARY}),
            await client.post("/connectors/azure", json={"name": "a", **azure}),
            await client.post("/connectors/gcs", data=GCS, files={"credentials_file": ("k.json", KEY_FILE)}),
        ]
        assert [one.status_code for one in made] == [201, 201, 201]
        answers = [*made]
        for one in made:
            path = f"/connectors/{one.json()['connector_id']}"
            answers += [await client.get(path), await client.post(f"{path}/test"), await client.post(f"{path}/browse")]
            answers += [await client.patch(path, json={"bucket": CANARY, "client_secret": 7})]
        answers += [
            await client.get("/connectors"),
            await client.post("/connectors/azure", json={**azure, "name": ""}),
            await client.post("/connectors/s3", json={**CONNECTOR, "aws_secret_access_key": [CANARY]}),
            await client.get("http://testserver/metrics"),
        ]
        async with api.vv.ports.begin() as tx:
            events = repr(await tx.events.after(api.user_id, 0, wanted=EventFilter(), limit=1000))
        dumped = repr(api.vv.ports)
    assert CANARY not in written.getvalue()
    assert CANARY not in events
    assert CANARY not in dumped
    for answer in answers:
        assert CANARY not in answer.text, answer.request.url


def test_settings_show_no_secret(monkeypatch):
    """Whatever a setting holds that is secret, its repr, its text and its JSON do not show it."""
    taking = ("OPENAI_API_KEY", "SECRET_KEY", "QDRANT_API_KEY", "METRICS_TOKEN")
    for name in taking:
        monkeypatch.setenv(f"VIDEOVECTOR_{name}", CANARY)
    monkeypatch.setenv("VIDEOVECTOR_DATABASE_URL", f"postgresql://u:{CANARY}@h/d")
    monkeypatch.setenv("VIDEOVECTOR_BROKER_URL", f"amqp://u:{CANARY}@h")
    settings = Settings.load()
    assert settings.openai_api_key is not None
    assert CANARY not in repr(settings) + str(settings) + settings.model_dump_json()


async def test_lines_carry_the_request_and_the_tenant(written):
    """Each request is one line of JSON with its id, route, status and account."""
    async with serving() as api:
        await api.client.get("/indexes", headers={"X-Request-ID": "mine"})
    line = next(line for line in written.getvalue().splitlines() if '"route": "/api/v2/indexes"' in line)
    assert '"request_id": "mine"' in line
    assert '"status": 200' in line
    assert api.user_id in line
