"""Each trap of the contract's checklist has tests that show it; those that no other place has are here.

A trap is something that a published client trips over without a word in any reference: see section 12 of the contract.
"""

from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.http.api import serving
from tests.http.shapes import needs_spec
from tests.http.test_foreign import named
from tests.http.world import CLIP, PROMPT, Held, populated, talked
from videovector_adapters.memory.parts import MemoryBlobs
from videovector_http.document import handlers

ROOT = Path(__file__).parents[2]
SERVICE_ACCOUNT: Final = json.dumps({"type": "service_account", "private_key": "k", "client_email": "a@b.example"})

TRAPS: Final[dict[int, tuple[str, list[str]]]] = {
    1: (
        "error is an object",
        ["http/test_every_answer::test_no_answer_trips_a_client", "http/test_access::test_scope_walk"],
    ),
    2: (
        "no 204, no redirect, no trailing slash",
        [
            "http/test_every_answer::test_no_answer_trips_a_client",
            "http/test_every_answer::test_a_trailing_slash_leads_nowhere_else",
        ],
    ),
    3: (
        "never null",
        ["http/test_every_answer::test_no_field_trips_a_client", "http/test_wire_shapes::test_tables_of_the_contract"],
    ),
    4: ("ids are texts", ["http/test_every_answer::test_no_field_trips_a_client"]),
    5: (
        "whole numbers are whole",
        ["http/test_every_answer::test_no_field_trips_a_client", "http/test_wire_shapes::test_tables_of_the_contract"],
    ),
    6: ("items end with null", ["test_items_end_with_null"]),
    7: ("429 says when", ["http/test_limits::test_requests_over_the_limit_are_429"]),
    8: (
        "X-Request-ID everywhere",
        [
            "http/test_every_answer::test_no_answer_trips_a_client",
            "http/test_spine::test_every_answer_has_a_request_id",
        ],
    ),
    9: (
        "five keys and an https origin",
        [
            "exports/test_exports::test_a_minted_url_needs_no_credential",
            "exports/test_exports::test_an_origin_that_clients_refuse",
            "exports/test_sdk::test_a_minted_url_passes_the_clients_checks",
        ],
    ),
    10: (
        "a download with its length",
        ["exports/test_exports::test_a_run_becomes_a_file", "test_a_download_is_never_compressed"],
    ),
    11: (
        "a signature over sorted keys",
        [
            "webhooks/test_signing::test_the_snippet_of_the_api_reference_accepts_every_payload",
            "webhooks/test_webhooks::test_a_delivery_is_signed_and_enveloped",
        ],
    ),
    12: (
        "scope before lookup",
        ["http/test_access::test_scope_walk", "http/test_spine::test_scope_comes_before_lookup"],
    ),
    13: (
        "replays are whole",
        [
            "http/test_keyed::test_secrets_are_replayed_and_kept_sealed",
            "http/test_spine::test_an_upload_is_replayed_by_content",
            "http/test_conduct::test_absent_blank_and_empty_bodies_are_alike",
        ],
    ),
    14: ("static before parameters", ["test_words_in_a_path_are_no_ids"]),
    15: ("processing activity costs nothing", ["test_processing_activity_waits_for_nothing"]),
    16: ("the shape of keys", ["access/test_keys::test_keys_have_the_shape_that_clients_insist_on"]),
    17: ("hits lead to segments", ["http/test_spine::test_from_upload_to_hit"]),
    18: (
        "an upload has its id at once",
        ["http/test_spine::test_from_upload_to_hit", "test_media_that_are_not_ready_can_be_processed"],
    ),
    19: ("a single scope is a list", ["test_scopes_of_a_form_repeat"]),
    20: (
        "export_params is closed",
        [
            "exports/test_exports::test_only_what_was_found",
            "exports/test_exports::test_delivery_to_a_connector",
            "test_parameters_of_an_export_are_closed",
        ],
    ),
    21: ("booleans of a query", ["http/test_conduct::test_query_booleans", "test_no_latest_run_beside_a_run"]),
    22: ("bare lists", ["test_lists_without_a_cursor_are_bare"]),
    23: (
        "completed is searchable",
        ["http/test_spine::test_from_upload_to_hit", "test_a_completed_run_is_searchable_at_that_moment"],
    ),
    24: ("a turn has words", ["test_a_turn_has_words_and_its_session"]),
}
"""What each item is about, and the tests that show it: those of this module by their name alone."""


@pytest.fixture
async def api():
    async with serving() as one:
        yield one


def named_in(module: str) -> set[str]:
    """List the tests of a module without importing it."""
    return set(re.findall(r"^(?:async )?def (test_\w+)", (ROOT / f"tests/{module}.py").read_text(), re.MULTILINE))


@pytest.mark.parametrize("item", TRAPS)
def test_every_trap_has_a_test(item: int) -> None:
    """Each test that the table names exists."""
    for name in TRAPS[item][1]:
        module, _, test = name.rpartition("::")
        assert test in named_in(module or "http/test_traps"), name


def test_no_trap_is_left_out() -> None:
    """The table has every item of the contract's list."""
    text = needs_spec("wire-contract.md").read_text()
    section = re.search(r"^## 12\..*?(?=^## |^---|\Z)", text, re.MULTILINE | re.DOTALL)
    assert section
    assert [int(number) for number in re.findall(r"^(\d+)\. ", section[0], re.MULTILINE)] == list(TRAPS)


# Traps that no other place has -----------------------------------------------------------------------------------


async def test_items_end_with_null(api):
    """A page of items ends with null: an empty text would begin the list anew for ever."""
    ids = await populated(api)
    for part in ("outputs", "files"):
        page = (await api.client.get(f"/import-jobs/{ids.job}/{part}")).json()
        assert page["next_cursor"] is None
    assert (await api.client.get(f"/import-jobs/{ids.job}")).json()["outputs"]["next_cursor"] is None


async def test_lists_without_a_cursor_are_bare(api):
    """These lists are arrays, full or empty; an envelope around them breaks every client."""
    del api.client.headers["X-API-Key"]
    api.client.headers.update(api.bearer())
    paths = ("/prompt-runs", "/exports", "/import-jobs", "/connectors", "/webhooks", "/indexes", "/api-keys")
    for fill in (None, populated):
        if fill:
            await fill(api)
        for path in paths:
            assert isinstance((await api.client.get(path)).json(), list), path


async def test_words_in_a_path_are_no_ids(api):
    """Where a published path of words fits another with a parameter, the words win."""
    routes = {(method, path) for path, method, _ in handlers(api.app.app)}
    asked = []
    for method, path in sorted(routes):
        like = [re.sub(r"\{[^}]*\}", r"[^/]+", other) for kind, other in routes if kind == method and other != path]
        if "{" not in path and any(re.fullmatch(pattern, path) for pattern in like):
            await api.client.request(method, f"http://testserver{path}")
            asked.append(path)
    assert {named(path) for path in asked} >= {"/webhooks/events", "/search/filter/playground"}
    counted = (await api.client.get("http://testserver/metrics")).text
    assert [path for path in asked if f'route="{path}"' not in counted] == []


async def test_processing_activity_waits_for_nothing(api, monkeypatch):
    """A known caller is answered without one question to the database: clients wait three seconds before each upload."""
    body = {"event_id": "0", "surface": "sdk", "reason": "authentication"}
    assert (await api.client.post("/auth/processing-activity", json=body)).json()["accepted"]

    def begin() -> Any:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(type(api.vv.access), "begin", property(lambda _: begin))
    assert (await api.client.post("/auth/processing-activity", json=body)).json()["accepted"]


async def test_media_that_are_not_ready_can_be_processed():
    """A run may be asked for while its media are still looked at; it waits for them and completes."""
    blobs = MemoryBlobs()
    decoder = Held(blobs)
    async with serving(blobs=blobs, decoder=decoder) as api:
        job = await api.client.post("/videos/upload", files={"file": ("a.mp4", CLIP)}, data={"title": "A"})
        video = job.json()["video"]["video_id"]
        prompt = (await api.client.post("/prompts", json=PROMPT)).json()["prompt_id"]
        started = await api.client.post(f"/videos/{video}/process", params={"prompt_id": prompt})
        assert started.status_code == 202, started.text
        assert (await api.client.get(f"/videos/{video}")).json()["status"] != "processed"
        decoder.let_go.set()
        run = (await api.client.get(f"/videos/{video}/prompt-runs")).json()[0]["run_id"]
        assert (await api.finished(run))["status"] == "completed"


async def test_a_download_is_never_compressed(api):
    """A client that takes any encoding gets the bytes themselves, with their length."""
    ids = await populated(api)
    path = f"/exports/{ids.export}"
    while (await api.client.get(path)).json()["status"] != "completed":
        await asyncio.sleep(0.005)
    answer = await api.client.get(f"{path}/download", headers={"Accept-Encoding": "gzip, br, zstd"})
    assert "content-encoding" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_scopes_of_a_form_repeat(api):
    """One scope of a form is a list of one, two are a list of two."""
    send_form = partial(api.client.post, "/connectors/gcs", files={"credentials_file": ("k.json", SERVICE_ACCOUNT)})
    for number, scopes in enumerate((["import"], ["import", "export"])):
        form = {"name": f"c{number}", "bucket": "films", "gcp_project_id": "films", "scopes": scopes}
        made = await send_form(data=form)
        assert (made.status_code, made.json()["scopes"]) == (201, scopes), made.text


async def test_parameters_of_an_export_are_closed(api):
    """What an export was asked for is shown in four keys at the most, or not at all."""
    known = {"prompt_run_ids", "destination_connector_id", "destination_base_path", "destination_subpath"}
    ids = await populated(api)
    body = {"prompt_run_ids": [ids.run], "format": "jsonl", "destination_connector_id": ids.connector}
    made = (await api.client.post(f"/exports/index/{ids.index}", json=body)).json()
    shown = (await api.client.get(f"/exports/{made['export_id']}")).json()["export_params"]
    assert {"prompt_run_ids", "destination_connector_id"} <= set(shown) <= known
    assert (await api.client.get(f"/exports/{ids.export}")).json()["export_params"] is None


async def test_no_latest_run_beside_a_run(api):
    """`latest_run=false` beside a run is what an agent sends, and means nothing."""
    ids = await populated(api)
    params = {"run_id": ids.run, "latest_run": "false"}
    answer = await api.client.get(f"/videos/{ids.video}/segments", params=params)
    assert (answer.status_code, len(answer.json()["data"])) == (200, 3)


async def test_a_completed_run_is_searchable_at_that_moment(api):
    """The first answer that says completed is followed by hits, results and segments without a wait."""
    ids = await populated(api)
    body = {"prompt_id": ids.prompt, "target": {"type": "videos", "video_ids": [ids.video]}}
    run = (await api.client.post("/prompt-runs/execute", json=body)).json()["run_id"]
    await api.finished(run)
    query = {"query": "country", "run_ids": [run]}
    assert (await api.client.post(f"/indexes/{ids.index}/search", json=query)).json()
    assert (await api.client.get(f"/prompt-runs/{run}/results", params={"video_id": ids.video})).json()["data"]


async def test_a_turn_has_words_and_its_session(api):
    """The answer of a turn is a text that is not empty, in the session that was asked."""
    await populated(api)
    session, _ = await talked(api.client)
    turn = (await api.client.post(f"/chat/sessions/{session}/turns", json={"message": "country"})).json()["turn"]
    assert turn["session_id"] == session
    assert turn["assistant_message"]["content"].strip()
