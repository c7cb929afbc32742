"""The tenant wall: on every route, in every place that takes an id, another account's id answers like one of nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from tests.clients.conformance.finding import PIXEL
from tests.http.api import Api, serving
from tests.http.world import PROMPT, Ids, populated, repaired, told_to
from videovector_core.prompts.defaults import DEFAULT_PROMPTS
from videovector_http.document import handlers

SYSTEM = DEFAULT_PROMPTS[0].prompt_id
CONDITION = {"field": "headline", "type": "string", "operator": "equals", "value": "x"}
HOOK = {"name": "n", "url": "https://receiver.example/hook", "events": ["media.created"]}

Case = Callable[[Ids, Ids], dict[str, Any]]


def run(**target: Any) -> dict[str, Any]:
    return {"json": {"prompt_id": SYSTEM, "target": target}}


def scoped(body: dict[str, Any]) -> list[Case]:
    """Return the cases of a search: a foreign path, and lists with one foreign element among own ones."""
    return [
        lambda theirs, own: {"json": body},
        lambda theirs, own: {"json": {**body, "run_ids": [own.run, theirs.run]}, "path": own},
        lambda theirs, own: {"json": {**body, "index_ids": [own.index, theirs.index]}, "path": own},
        lambda theirs, own: {"json": {**body, "video_ids": [own.video, theirs.video]}, "path": own},
    ]


RUNS: list[Case] = [
    lambda theirs, own: run(type="index", index_id=theirs.index),
    lambda theirs, own: run(type="videos", video_ids=[own.video, theirs.video]),
    lambda theirs, own: run(type="videos", index_id=theirs.index, video_ids=[own.video]),
    lambda theirs, own: {"json": {"prompt_id": theirs.prompt, "target": {"type": "index", "index_id": own.index}}},
]
TURNS: list[Case] = [
    lambda t, o: {"json": {"message": "country"}},
    lambda t, o: {"json": {"message": "country", "scope": {"index_ids": [o.index, t.index]}}, "path": o},
    lambda t, o: {"json": {"message": "country", "scope": {"prompt_run_ids": [o.run, t.run]}}, "path": o},
]
CASES: dict[str, list[Case]] = {
    "POST /videos": [
        lambda t, _: {"json": {"title": "a", "video_uri": "gs://b-b/c.mp4", "index_id": t.index}},
        lambda t, o: {
            "json": {
                "title": "a",
                "video_uri": "s3://films/c.mp4",
                "index_id": o.index,
                "source_connector_id": t.connector,
            }
        },
    ],
    "POST /videos/upload": [
        lambda t, _: {"files": {"file": ("a.mp4", b"x")}, "data": {"title": "a", "index_id": t.index}},
    ],
    "POST /videos/batch": [lambda t, o: {"json": {"video_ids": [o.video, t.video]}}],
    "POST /videos/batch/status": [lambda t, o: {"json": {"video_ids": [o.video, t.video]}}],
    "POST /videos/batch/segments": [
        lambda t, o: {"json": {"video_ids": [o.video, t.video]}},
        lambda t, o: {"json": {"targets": [{"video_id": o.video, "run_id": t.run}]}},
        lambda t, o: {"json": {"targets": [{"video_id": t.video, "run_id": t.run}]}},
    ],
    "POST /videos/signed-url": [lambda t, _: {"json": {"gcs_uri": t.uri}}],
    "POST /videos/{video_id}/process": [
        lambda t, o: {},
        lambda t, o: {"params": {"prompt_id": t.prompt}, "path": o},
    ],
    "GET /videos/{video_id}/segments": [
        lambda t, o: {},
        lambda t, o: {"params": {"run_id": t.run}, "path": o},
        lambda t, o: {"params": {"run_id": t.run}},
    ],
    "GET /import-jobs": [lambda t, _: {"params": {"index_id": t.index}}],
    "POST /import-jobs": [
        lambda t, o: {"json": {"connector_id": t.connector, "index_id": o.index}},
        lambda t, o: {"json": {"connector_id": o.connector, "index_id": t.index}},
    ],
    "POST /import-jobs/{job_id}/retry": [lambda t, o: {"json": {"files": []}}],
    "POST /workflow/attachments": [
        lambda t, o: {
            "json": {"files": [{"download_url": "https://a.example/b", "file_id": "1"}], "index_id": t.index}
        },
    ],
    "PATCH /connectors/{connector_id}": [lambda t, o: {"json": {"name": "n"}}],
    "POST /connectors/{connector_id}/browse": [lambda t, o: {"json": {}}],
    "PUT /prompts/{prompt_id}": [lambda t, _: {"json": {"name": "Other"}}],
    "POST /prompt-runs/execute": RUNS,
    "POST /prompt-runs/estimate": RUNS,
    "GET /prompt-runs/{run_id}/results": [
        lambda t, o: {"params": {"video_id": t.video}},
        lambda t, o: {"params": {"video_id": t.video}, "path": o},
        lambda t, o: {"params": {"video_id": o.video}},
    ],
    "GET /prompt-runs/{run_id}/compare/{other_run_id}": [
        lambda t, o: {"params": {"video_id": o.video}},
        lambda t, o: {"params": {"video_id": t.video}, "path": o},
    ],
    "GET /prompt-runs/{run_id}/results.parquet": [lambda t, o: {}, lambda t, o: {"params": {"video_id": t.video}}],
    "GET /prompt-runs/{run_id}/videos/{video_id}/segments/{segment_id}/retries/{retry_id}": [
        lambda t, o: {},
        lambda t, o: {"path": evolve(o, retry=t.retry)},
    ],
    "POST /indexes/{index_id}/search": scoped({"query": "country"}),
    "POST /indexes/{index_id}/image-search": scoped({"image_data": PIXEL}),
    "POST /indexes/{index_id}/multimodal-search": scoped({"text_query": "country", "image_data": PIXEL}),
    "POST /search/multi-run": [
        lambda t, o: {"json": {"query": "country", "run_ids": [o.run, t.run]}},
        lambda t, o: {"json": {"query": "country", "index_id": t.index}},
        lambda t, o: {"json": {"query": "country", "run_ids": [o.run], "index_id": t.index}},
    ],
    "POST /playground/search": [
        lambda t, o: {"json": {"query": "country", "run_ids": [t.run]}},
        lambda t, o: {"json": {"query": "country"}, "params": {"run_id": t.run}},
    ],
    "POST /search/filter/{index_id}": scoped({"conditions": [CONDITION]}),
    "POST /search/filter/playground": [
        lambda t, o: {"json": {"run_ids": [o.run, t.run], "conditions": [CONDITION]}},
        lambda t, o: {"json": {"video_ids": [o.video, t.video], "conditions": [CONDITION]}},
    ],
    "POST /evaluations": [
        lambda t, o: {"json": {"index_id": t.index, "queries": [{"query": "a", "relevant": [{"video_id": o.video}]}]}},
        lambda t, o: {"json": {"run_ids": [t.run], "queries": [{"query": "a", "relevant": [{"video_id": o.video}]}]}},
    ],
    "POST /search/sql/{index_id}/catalog": [
        lambda t, o: {"json": {}},
        lambda t, o: {"json": {"run_ids": [o.run, t.run]}, "path": o},
    ],
    "POST /search/sql/{index_id}": [
        lambda t, o: {"json": {"query": "SELECT 1"}},
        lambda t, o: {"json": {"query": "SELECT 1", "run_ids": [o.run, t.run]}, "path": o},
    ],
    "POST /search/sql/{index_id}/generate": [
        lambda t, o: {"json": {"instruction": "all"}},
        lambda t, o: {"json": {"instruction": "all", "run_ids": [o.run, t.run]}, "path": o},
    ],
    "POST /chat/sessions/{session_id}/turns": TURNS,
    "POST /chat/sessions/{session_id}/turns/stream": TURNS,
    "GET /markers": [lambda t, _: {"params": {"target_id": t.video}}],
    "PUT /markers": [
        lambda t, _: {"json": {"target_type": "video", "target_id": t.video, "note": "n"}},
        lambda t, _: {"json": {"target_type": "segment", "target_id": t.segment, "note": "n"}},
        lambda t, _: {"json": {"target_type": "prompt", "target_id": t.prompt, "note": "n"}},
        lambda t, _: {"json": {"target_type": "prompt_run", "target_id": t.run, "note": "n"}},
        lambda t, _: {"json": {"target_type": "result", "target_id": t.result, "note": "n"}},
        lambda t, o: {"json": {"target_type": "result", "target_id": o.segment, "run_id": t.run, "note": "n"}},
        lambda t, _: {"json": {"target_type": "field", "target_id": t.result, "field_path": "headline", "note": "n"}},
    ],
    "POST /webhooks": [lambda t, _: {"json": {**HOOK, "index_ids": [t.index]}}],
    "PATCH /webhooks/{webhook_id}": [lambda t, o: {"json": {"name": "n"}}],
    "POST /exports/index/{index_id}": [
        lambda t, o: {},
        lambda t, o: {"json": {"prompt_run_ids": [o.run, t.run]}, "path": o},
    ],
    "POST /exports/prompt-run/{run_id}": [
        lambda t, o: {},
        lambda t, o: {"json": {"destination_connector_id": t.connector}, "path": o},
    ],
    "GET /exports/{export_id}/download": [lambda t, o: {}],
    "PUT /indexes/{index_id}/automations/import": [
        lambda t, o: {"json": {"connector_id": o.connector, "prompt_preset": {"prompt_id": o.prompt}}},
        lambda t, o: {"json": {"connector_id": t.connector, "prompt_preset": {"prompt_id": o.prompt}}, "path": o},
        lambda t, o: {"json": {"connector_id": o.connector, "prompt_preset": {"prompt_id": t.prompt}}, "path": o},
    ],
    "PUT /indexes/{index_id}/automations/export": [
        lambda t, o: {"json": {"destination_connector_id": o.connector}},
        lambda t, o: {"json": {"destination_connector_id": t.connector}, "path": o},
    ],
    "POST /workflow/upload": [
        lambda t, _: {"files": {"file": ("a.mp4", b"x")}, "data": {"title": "a", "index_id": t.index}},
    ],
    "POST /workflow/process": [
        lambda t, o: {"json": {"prompt_id": SYSTEM, "video_ids": [o.video, t.video]}},
        lambda t, o: {"json": {"prompt_id": SYSTEM, "video_ids": o.video, "index_id": t.index}},
        lambda t, o: {"json": {"prompt_id": SYSTEM, "index_id": t.index}},
        lambda t, o: {"json": {"prompt_id": SYSTEM, "import_job_id": t.job}},
        lambda t, o: {"json": {"prompt_id": t.prompt, "index_id": o.index}},
    ],
    "POST /workflow/search": [
        lambda t, o: {"json": {"query": "country", "index_id": t.index}},
        lambda t, o: {"json": {"query": "country", "video_ids": t.video}},
        lambda t, o: {"json": {"query": "country", "prompt_run_ids": [o.run, t.run]}},
        lambda t, o: {"json": {"filters": [CONDITION], "prompt_run_ids": t.run}},
        lambda t, o: {"json": {"filters": [CONDITION], "result_level": "video", "video_ids": [t.video]}},
    ],
    "GET /workflow/runs/{run_id}/results": [
        lambda t, o: {},
        lambda t, o: {"params": {"video_id": t.video}, "path": o},
    ],
    "POST /workflow/media-grants": [
        lambda t, o: {"json": {"video_id": t.video}},
        lambda t, o: {"json": {"video_id": o.video, "run_id": t.run}},
        lambda t, o: {"json": {"video_id": o.video, "segment_id": t.segment}},
    ],
    "POST /mcp/playground": [],  # tests/mcp: every tool, with the ids of another account
    "GET /processing/events/stream": [],  # tests/events: a place of another stream is refused, and filters only narrow
}
NO_IDS = frozenset(
    """POST /auth/login
POST /auth/processing-activity
POST /api-keys
POST /chat/sessions
POST /connectors/azure
POST /connectors/local
POST /connectors/s3
POST /indexes
POST /prompts
POST /prompts/generate
POST /prompts/test-schema
POST /workflow/define""".splitlines()
)
"""Routes whose bodies name nothing."""
WITHOUT_SQL = frozenset(
    {
        "POST /search/sql/{index_id}",
        "POST /search/sql/{index_id}/catalog",
        "POST /search/sql/{index_id}/generate",
        "GET /prompt-runs/{run_id}/results.parquet",
    }
)
"""Routes of an engine that there is none of in memory; tests/sqlsearch tries their wall."""


@pytest.fixture
async def api():
    async with serving() as one:
        yield one


def named(path: str) -> str:
    return path.removeprefix("/api/v2")


def filled(path: str, ids: Ids) -> str:
    """Put ids in the place of parameters; a parameter that nobody here knows is an error."""
    return re.sub(r"\{(\w+)_id\}", lambda found: _id(found[1], ids), named(path))


def _id(name: str, ids: Ids) -> str:
    return str(getattr(ids, name.removeprefix("other_")))


def plain(answer: Any) -> tuple[int, str]:
    """Return status and body, with ids blanked at their length and what differs by request taken out."""
    text = re.sub(r"[a-z]+_[0-9a-f]{20,32}", lambda found: "#" * len(found[0]), answer.text)
    text = re.sub(r"token=pm2\.[\w.-]+", "token", text)
    return answer.status_code, re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "now", text)


async def send(api: Api, headers: dict[str, str], method: str, path: str, ids: Ids, given: dict[str, Any]) -> Any:
    given = dict(given)
    url = filled(path, given.pop("path", ids))
    base = "http://testserver" + ("" if named(path) == path else "/api/v2")
    return await api.client.request(method, base + url, headers=headers, **given)


async def test_foreign_ids_answer_like_nobodys(api):
    """Status, body and size are the same for an id of another account and for an id that never was."""
    theirs = await populated(api)
    theirs.webhook = (await api.client.post("/webhooks", json=HOOK)).json()["webhook_id"]
    theirs.delivery, theirs.retry = await told_to(api, theirs.webhook), await repaired(api, theirs)
    assert not theirs.made_up()
    mine = await api.as_user("other")
    owner = dict(api.client.headers)
    api.client.headers["X-API-Key"] = mine["X-API-Key"]
    own_user = await api.vv.access.ensure_user("other")
    api.user_id = own_user.user_id
    own = await populated(api)
    bearer = api.bearer()
    assert owner["x-api-key"] != mine["X-API-Key"]
    nobodys = theirs.strange()
    tried = 0
    for path, method, handler in handlers(api.app.app):
        key = f"{method} {named(path)}"
        cases = CASES.get(key, [lambda *_: {}])
        takes_body = "data" in handler.parsed_fn_signature.parameters
        assert key in CASES or key in NO_IDS or not takes_body, f"{key} has no case"
        if key not in CASES and "{" not in path:
            continue
        headers = bearer if "api-keys" in path else mine
        if bearer is headers:
            del api.client.headers["X-API-Key"]
        for case in cases:
            foreign = await send(api, headers, method, path, theirs, case(theirs, own))
            unknown = await send(api, headers, method, path, nobodys, case(nobodys, own))
            assert plain(foreign) == plain(unknown), (key, foreign.text)
            expected = {200, 202, 400, 404, 410, 422} if key not in WITHOUT_SQL else {422, 503}
            assert foreign.status_code in expected, (key, foreign.text)
            tried += 1
        api.client.headers["X-API-Key"] = mine["X-API-Key"]
    assert tried > 60


async def test_nothing_of_the_owner_changed(api):
    """After another account tried to change everything, the owner finds it as it was."""
    theirs = await populated(api)
    mine = await api.as_user("other")
    before = (await api.client.get(f"/prompts/{theirs.prompt}")).json()
    for method, path, body in (
        ("PUT", f"/prompts/{theirs.prompt}", {"name": "Stolen"}),
        ("DELETE", f"/prompts/{theirs.prompt}", None),
        ("DELETE", f"/videos/{theirs.video}", None),
        ("DELETE", f"/indexes/{theirs.index}", None),
        ("DELETE", f"/markers/{theirs.marker}", None),
        ("POST", f"/prompt-runs/{theirs.run}/cancel", None),
    ):
        answer = await api.client.request(method, path, json=body, headers=mine)
        assert answer.status_code == 404, (method, path, answer.text)
    assert (await api.client.get(f"/prompts/{theirs.prompt}")).json() == before
    assert (await api.client.get(f"/videos/{theirs.video}")).status_code == 200
    assert len((await api.client.get("/markers")).json()["data"]) == 1


async def test_cursors_of_another_account_are_refused(api):
    """A cursor belongs to one account and one list: anywhere else it is 422, as an edited one is."""
    ids = await populated(api)
    await populated(api)
    segments = (await api.client.get(f"/videos/{ids.video}/segments", params={"limit": 1})).json()
    markers = (await api.client.get("/markers", params={"limit": 1})).json()
    cursor, good = segments["pagination"]["next_cursor"], markers["pagination"]["next_cursor"]
    assert (await api.client.get("/markers", params={"cursor": good})).status_code == 200
    own, mine = dict[str, str](), await api.as_user("other")
    for path, wrong, headers in (
        ("/markers", cursor, own),
        ("/playground/videos", cursor, own),
        ("/markers", good, mine),
        ("/markers", good[:-2], own),
    ):
        answer = await api.client.get(path, params={"cursor": wrong}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_cursor"), (path, wrong)


async def test_an_idempotency_key_of_another_account_replays_nothing(api):
    """Guessing the key of another account's creation gets no word of its answer."""
    headers = {"Idempotency-Key": "guessable"}
    theirs = await api.client.post("/prompts", json=PROMPT, headers=headers)
    mine = await api.client.post("/prompts", json=PROMPT, headers={**headers, **await api.as_user("other")})
    assert theirs.json()["prompt_id"] not in json.dumps(mine.json())
    assert theirs.json()["user_id"] != mine.json()["user_id"]
