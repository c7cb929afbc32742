"""Every route that takes an idempotency key: fifty at once have one effect, and a new route without a case fails."""

from __future__ import annotations

import asyncio
import json
import os
import re
from typing import Any

import pytest

from tests.clients.conformance.finding import PIXEL
from tests.http.api import Api, serving
from tests.http.test_foreign import CONDITION
from tests.http.world import CLIP, CONNECTOR, PROMPT, Ids, populated, told_to
from videovector_adapters.memory.webhooks import Answered
from videovector_http.document import rules_of

ROUNDS = int(os.environ.get("KEYED_ROUNDS_EVERY", "1"))
AT_ONCE = 50
RUN = {"prompt_id": "{prompt}", "target": {"type": "index", "index_id": "{index}"}}
HOOK = {"name": "w", "url": "https://receiver.example/", "events": ["media.created"]}
ORDER = {"connector_id": "{connector}", "source_prefix": "in/", "prompt_preset": {"prompt_id": "{prompt}"}}
EXPORT = {"destination_connector_id": "{connector}"}
FILE = ("a.mp4", CLIP, "video/mp4")

CASES: dict[str, dict[str, Any]] = {
    "POST /api-keys": {"json": {"name": "k"}},
    "POST /api-keys/{key_id}/revoke": {},
    "POST /api-keys/{key_id}/rotate": {},
    "POST /chat/sessions": {"json": {}},
    "POST /chat/sessions/{session_id}/turns": {"json": {"message": "country"}},
    "POST /chat/sessions/{session_id}/turns/stream": {"json": {"message": "country"}},
    "POST /chat/sessions/{session_id}/turns/{turn_id}/cancel": {},
    "POST /connectors/azure": {
        "json": {
            "name": "a",
            "storage_account": "acc",
            "container": "con",
            "tenant_id": "t",
            "client_id": "c",
            "client_secret": "s",
        }
    },
    "POST /connectors/gcs": {
        "data": {"name": "g", "bucket": "films", "gcp_project_id": "p"},
        "files": {"credentials_file": ("k.json", json.dumps({"type": "service_account"}), "application/json")},
    },
    "POST /connectors/local": {"json": {"name": "l", "root": "/films"}},
    "POST /connectors/s3": {"json": CONNECTOR},
    "PATCH /connectors/{connector_id}": {"json": {"name": "n"}},
    "POST /connectors/{connector_id}/test": {},
    "POST /evaluations": {
        "json": {"index_id": "{index}", "queries": [{"query": "a", "relevant": [{"video_id": "{video}"}]}]}
    },
    "POST /exports/index/{index_id}": {"json": {}},
    "POST /exports/prompt-run/{run_id}": {"json": {}},
    "POST /import-jobs": {"json": {"connector_id": "{connector}", "index_id": "{index}"}},
    "POST /import-jobs/{job_id}/cancel": {},
    "POST /import-jobs/{job_id}/retry": {"json": {"files": []}},
    "POST /indexes": {"json": {"name": "n"}},
    "PUT /indexes/{index_id}/automations/export": {"json": EXPORT},
    "POST /indexes/{index_id}/automations/export/pause": {},
    "POST /indexes/{index_id}/automations/export/resume": {},
    "PUT /indexes/{index_id}/automations/import": {"json": ORDER},
    "POST /indexes/{index_id}/automations/import/pause": {},
    "POST /indexes/{index_id}/automations/import/resume": {},
    "POST /indexes/{index_id}/search": {"json": {"query": "country"}},
    "POST /indexes/{index_id}/image-search": {"json": {"image_data": PIXEL}},
    "POST /indexes/{index_id}/multimodal-search": {"json": {"text_query": "country"}},
    "PUT /markers": {"json": {"target_type": "prompt", "target_id": "{prompt}", "note": "n"}},
    "POST /playground/search": {"json": {"query": "country"}},
    "POST /prompt-runs/execute": {"json": RUN},
    "POST /prompt-runs/{run_id}/cancel": {},
    "POST /prompt-runs/{run_id}/videos/{video_id}/segments/{segment_id}/retry": {},
    "POST /prompts": {"json": PROMPT},
    "POST /prompts/generate": {"json": {"instruction": "Who speaks?"}},
    "PUT /prompts/{prompt_id}": {"json": {"name": "Other"}},
    "POST /search/filter/playground": {"json": {"conditions": [CONDITION]}},
    "POST /search/filter/{index_id}": {"json": {"conditions": [CONDITION]}},
    "POST /search/multi-run": {"json": {"query": "country", "run_ids": ["{run}"]}},
    "POST /search/sql/{index_id}/generate": {"json": {"instruction": "all"}},
    "POST /videos": {"json": {"title": "a", "video_uri": "s3://films/c.mp4", "index_id": "{index}"}},
    "POST /videos/upload": {"files": {"file": FILE}, "data": {"title": "B"}},
    "POST /videos/{video_id}/process": {},
    "POST /webhooks": {"json": HOOK},
    "PATCH /webhooks/{webhook_id}": {"json": {"name": "n"}},
    "POST /webhooks/deliveries/{delivery_id}/retry": {},
    "POST /webhooks/{webhook_id}/rotate-secret": {},
    "POST /webhooks/{webhook_id}/test": {},
    "POST /workflow/attachments": {
        "json": {"files": [{"download_url": "https://a.example/b", "file_id": "1"}], "index_id": "{index}"}
    },
    "POST /workflow/define": {"json": {"instruction": "Who speaks?"}},
    "POST /workflow/process": {"json": {"prompt_id": "{prompt}", "index_id": "{index}"}},
    "POST /workflow/search": {"json": {"query": "country", "index_id": "{index}"}},
    "POST /workflow/upload": {"files": {"file": FILE}, "data": {"title": "B"}},
}
"""What is sent to every keyed route; `{index}` and the like stand for the caller's own ids."""

REFUSED = frozenset(
    {
        "POST /import-jobs/{job_id}/cancel",  # the upload has ended
        "POST /import-jobs/{job_id}/retry",  # and is none of attachments
        "POST /prompt-runs/{run_id}/cancel",  # the run has ended
        "POST /prompt-runs/{run_id}/videos/{video_id}/segments/{segment_id}/retry",  # and nothing failed in it
        "POST /search/sql/{index_id}/generate",  # there is no SQL in memory
    }
)
"""Routes that refuse what `CASES` sends: here all that can be seen is that all are refused alike."""

UNKEYED = {
    "/auth/login",
    "/auth/logout",
    "/auth/processing-activity",
    "/rate-limit/refresh",
    "/indexes/{index_id}/prompt",
    "/videos/batch",
    "/videos/batch/status",
    "/videos/batch/segments",
    "/videos/signed-url",
    "/prompts/test-schema",
    "/prompt-runs/estimate",
    "/exports/{export_id}/download-url",
    "/connectors/{connector_id}/browse",
    "/search/sql/{index_id}",
    "/search/sql/{index_id}/catalog",
    "/workflow/media-grants",
    "/mcp",
    "/mcp/playground",
}
"""Log-in, reads by POST, and fresh credentials: a replay would be wrong or is of no use."""


async def test_every_keyed_write_takes_a_key_and_has_a_case():
    """A new write is keyed and has a case here, or is named among those that take no key."""
    async with serving() as api:
        writes = {
            (method, path.removeprefix("/api/v2")): bool(rule.keyed)
            for (path, method), rule in rules_of(api.app.app).items()
            if method in {"POST", "PUT", "PATCH"}
        }
    assert {path for (_, path), keyed in writes.items() if not keyed} <= UNKEYED
    assert {f"{method} {path}" for (method, path), keyed in writes.items() if keyed} <= set(CASES)


def _filled(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, ids) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, ids) for one in value]
    if isinstance(value, str) and value.startswith("{"):
        return ids.get(value[1:-1], value)
    return value


@pytest.mark.parametrize("route", list(CASES))
async def test_fifty_at_once_are_answered_once(route):
    """Of fifty identical requests one is worked on; every other success is its replay, byte for byte."""
    async with serving() as api:
        ids = await populated(api)
        known = {name: getattr(ids, name) for name in Ids.__annotations__}
        await _prepared(api, route, known)
        method, path = route.split(" ")
        for name, one in known.items():
            path = path.replace(f"{{{name}_id}}", one)
        if path.startswith("/api-keys"):
            del api.client.headers["X-API-Key"]
            api.client.headers.update(api.bearer())
        given = _filled(CASES[route], known)
        for turn in range(ROUNDS):
            headers = {"Idempotency-Key": f"k{turn}"}
            answers = await asyncio.gather(
                *(api.client.request(method, path, headers=headers, **given) for _ in range(AT_ONCE))
            )
            good = [one for one in answers if one.status_code < 300]
            told = {(one.status_code, one.json()["error"]["code"]) for one in answers if one.status_code >= 300}
            told -= {(409, "idempotency_in_progress"), (429, "stream_limit_exceeded")}
            if not good:  # each of them may have tried; all are told the same
                assert turn or route in REFUSED, told  # what was done in the first round may be refused in the next
                assert len(told) == 1, told
                assert not any(code == "internal_error" for _, code in told)
                continue
            assert not told
            if route.endswith("/stream"):  # a stream that begins later tells what it missed as resumed
                assert len({_turn(one) for one in good}) == 1
                continue
            assert len({one.content for one in good}) == 1
            assert sum("idempotency-replayed" not in one.headers for one in good) == 1


def _turn(answer: Any) -> str:
    return str(re.findall(r'"turn_id":"([^"]+)"', answer.text)[0])


async def _prepared(api: Api, route: str, known: dict[str, str]) -> None:
    """Make what only some routes need."""
    if "/webhooks/" in route:
        known["webhook"] = (await api.client.post("/webhooks", json=HOOK)).json()["webhook_id"]
    if "/deliveries/" in route:
        poster: Any = api.vv.ports.poster
        poster.answer = lambda _: Answered(400)  # which is final, and only what failed can be sent again
        known["delivery"] = await told_to(api, known["webhook"])
    if "/automations/" in route:
        for kind, body in (("import", ORDER), ("export", EXPORT)):
            saved = await api.client.put(f"/indexes/{known['index']}/automations/{kind}", json=_filled(body, known))
            assert saved.status_code == 200, saved.text
