"""What the shapes read is what is documented, and nothing beyond its bounds."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from tests.http.shapes import WIRE, needs_spec

ROUTES = {
    "/api-keys": "CreateApiKey",
    "/indexes": "CreateIndex",
    "/indexes/{id}/search": "TextSearch",
    "/indexes/{id}/multimodal-search": "MultimodalSearch",
    "/prompts": "CreatePrompt",
    "/prompts/test-schema": "TestSchema",
    "/prompt-runs/execute": "ExecutePrompt",
    "/search/filter/{id}": "FilterSearch",
    "/search/sql/{id}/generate": "SqlGenerate",
    "/connectors/s3": "CreateS3Connector",
    "/connectors/{id}/browse": "BrowseConnector",
    "/import-jobs": "CreateImportJob",
    "/exports/index/{id}": "CreateExport",
    "/webhooks": "CreateWebhook",
    "/chat/sessions": "CreateChatSession",
    "/chat/sessions/{id}/turns": "CreateChatTurn",
    "/videos/signed-url": "SignUrl",
}


def test_documented_requests_are_understood() -> None:
    """Every JSON request of the API reference decodes, and no documented field is lost on the way."""
    path = needs_spec("api-reference.txt")
    calls = re.findall(r"curl[^\n]*?/api/v2(/\S+)(?:(?!curl).)*?-d '(\{.*?\})'", path.read_text(), flags=re.DOTALL)
    assert len(calls) >= 15
    for route, payload in calls:
        general = re.sub(r"(idx|conn|session)_\w+", "{id}", route)
        decoded = msgspec.json.decode(payload, type=WIRE[ROUTES[general]])
        assert _lost(json.loads(payload), msgspec.to_builtins(decoded)) == [], route


def _lost(sent: Any, got: Any) -> list[str]:
    if not isinstance(sent, dict):
        return [] if sent == got else [f"{sent!r} became {got!r}"]
    return [problem for key, value in sent.items() for problem in (_lost(value, got[key]) if key in got else [key])]


CONDITION: dict[str, Any] = {"field": "a.b[].c", "operator": "equals", "type": "string", "value": "x"}

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("CreateIndex", {"name": ""}),
    ("CreateIndex", {"name": "n" * 256}),
    ("CreateIndex", {"name": "nul\0inside"}),
    ("CreateIndex", {"name": None}),
    ("CreateApiKey", {"name": "k", "expires_in_days": 0}),
    ("CreateApiKey", {"name": "k", "expires_in_days": 366}),
    ("CreateApiKey", {"name": "k", "scopes": ["root"]}),
    ("TextSearch", {"query": ""}),
    ("TextSearch", {"query": "q", "top_k": 0}),
    ("TextSearch", {"query": "q", "top_k": 101}),
    ("TextSearch", {"query": "q", "top_k": "ten"}),
    ("MultiRunSearch", {"query": "q", "top_k": 51}),
    ("MultiRunSearch", {"query": "q", "aggregation": "worst"}),
    ("MultimodalSearch", {"text_query": "q", "text_weight": 1.1}),
    ("FilterSearch", {"conditions": []}),
    ("FilterSearch", {"conditions": [CONDITION] * 5}),
    ("FilterSearch", {"conditions": [{**CONDITION, "fuzzyMatch": True}]}),
    ("FilterSearch", {"conditions": [{**CONDITION, "operator": "matches"}]}),
    ("FilterSearch", {"conditions": [CONDITION], "page_size": 101}),
    ("WorkflowSearch", {"filters": [{"field": "a", "value": 1, "start_after": "x"}]}),
    ("WorkflowSearch", {"query": "q", "limit": 51}),
    ("CreatePrompt", {"name": "ab", "prompt_text": "long enough", "json_schema": {}}),
    ("CreatePrompt", {"name": "abc", "prompt_text": "too short", "json_schema": {}}),
    ("CreatePrompt", {"name": "abc", "prompt_text": "long enough", "json_schema": []}),
    ("UpdatePrompt", {"description": "d" * 501}),
    ("ExecutePrompt", {"prompt_id": "p", "target": {"type": "galaxy"}}),
    ("ExecutePrompt", {"prompt_id": "p", "target": {"type": "videos", "video_ids": []}}),
    ("ExecutePrompt", {"prompt_id": "p", "target": {"type": "playground"}, "video_segment_duration": 301}),
    ("ExecutePrompt", {"prompt_id": "p", "target": {"type": "playground"}, "video_segment_duration": 1.5}),
    ("BatchVideos", {"video_ids": []}),
    ("BatchVideos", {"video_ids": ["v"] * 101}),
    ("BatchSegments", {"video_ids": ["v"] * 51}),
    ("SqlQuery", {"query": "SELECT 1", "result_limit": 2001}),
    ("CreateWebhook", {"name": "w", "url": "https://example.com", "events": ["prompt.run.completed"]}),
    ("CreateWebhook", {"name": "w", "url": "ftp://example.com", "events": ["export.ready"]}),
    ("UpdateWebhook", {"status": "disabled"}),
    ("PutImportAutomation", {"connector_id": "c", "debounce_interval": "2m", "prompt_preset": {"prompt_id": "p"}}),
    ("CreateChatTurn", {"message": ""}),
    ("ProcessingActivity", {"event_id": "e", "surface": "browser", "reason": "authentication"}),
]


@pytest.mark.parametrize(("body", "sent"), REFUSED, ids=lambda given: given if isinstance(given, str) else "")
def test_bounds_are_kept(body: str, sent: dict[str, Any]) -> None:
    """A request outside a documented bound is refused where it is decoded."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(sent).encode(), type=WIRE[body])


def test_unknown_fields_are_ignored_outside_conditions() -> None:
    """A newer client's extra fields break nothing."""
    decoded = msgspec.json.decode(b'{"name":"n","colour":"red"}', type=WIRE["CreateIndex"])
    assert decoded == WIRE["CreateIndex"](name="n")


def test_absent_is_not_null_where_it_matters() -> None:
    """A condition's value, and an update's fields, tell null from absent."""
    bare = {key: value for key, value in CONDITION.items() if key != "value"}
    condition = WIRE["FilterCondition"]
    assert msgspec.convert(bare, condition).value is UNSET  # type: ignore[attr-defined]
    assert msgspec.convert({**bare, "value": None}, condition).value is None  # type: ignore[attr-defined]
    update = WIRE["UpdateWebhook"]
    assert msgspec.convert({}, update).index_ids is UNSET  # type: ignore[attr-defined]
    assert msgspec.convert({"index_ids": None}, update).index_ids is None  # type: ignore[attr-defined]


def test_numbers_keep_their_type_in_conditions() -> None:
    """An integer stays an integer and a boolean a boolean, since the rules of the value depend on it."""
    for value in (1, 1.0, True, "1"):
        sent = json.dumps({**CONDITION, "value": value}).encode()
        got = msgspec.json.decode(sent, type=WIRE["FilterCondition"]).value  # type: ignore[attr-defined]
        assert type(got) is type(value)


def test_one_id_or_many() -> None:
    """The workflow routes take a list of ids or a single one."""
    for sent in ("vid_1", ["vid_1", "vid_2"]):
        got = msgspec.convert({"video_ids": sent}, WIRE["ProcessMedia"])
        assert got.video_ids == sent  # type: ignore[attr-defined]
