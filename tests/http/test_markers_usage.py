"""Markers on everything that can have one, what is counted, and the routes that retired."""

from __future__ import annotations

import asyncio

import pytest

from tests.clients.conformance.finding import PIXEL
from tests.http.api import serving
from tests.http.world import populated


@pytest.fixture
async def api():
    async with serving() as one:
        yield one


async def put(api, **body):
    return await api.client.put("/markers", json=body)


async def test_a_marker_shows_on_what_it_hangs_on(api):
    """Prompt, run, media, segment, result and field each show their marker wherever they are shown."""
    ids = await populated(api)
    targets = [
        {"target_type": "prompt", "target_id": ids.prompt},
        {"target_type": "prompt_run", "target_id": ids.run},
        {"target_type": "segment", "target_id": ids.segment},
        {"target_type": "result", "target_id": ids.segment, "run_id": ids.run},
        {"target_type": "field", "target_id": ids.result, "field_path": "headline"},
    ]
    for target in targets:
        made = await put(api, **target, color="#ffaa00", note=target["target_type"])
        assert made.status_code == 200, made.text
    client = api.client
    prompt = (await client.get(f"/prompts/{ids.prompt}")).json()
    run = (await client.get(f"/prompt-runs/{ids.run}")).json()
    video = (await client.get(f"/videos/{ids.video}")).json()
    segment = (await client.get(f"/videos/{ids.video}/segments", params={"run_id": ids.run})).json()["data"][0]
    result = (await client.get(f"/prompt-runs/{ids.run}/results", params={"video_id": ids.video})).json()["data"][0]
    hits = (await client.post(f"/indexes/{ids.index}/search", json={"query": "country"})).json()
    hit = next(one for one in hits if one["segment_id"] == ids.segment)
    assert [one["marker"]["note"] for one in (prompt, run, segment, result, hit)] == [
        "prompt",
        "prompt_run",
        "segment",
        "result",
        "result",
    ]
    assert video["marker"]["color"] == "red"
    for fields in (segment["metadata_markers"], result["metadata_markers"], hit["extracted_metadata_markers"]):
        assert fields["headline"]["note"] == "field"
    bare = (await client.get("/prompts")).json()["prompts"][1]["marker"]
    assert bare == {"marker_id": None, "color": None, "note": None, "updated_at": None}


async def test_a_marker_is_put_once(api):
    """Putting a marker again changes it; a result is the same whichever way it is named."""
    ids = await populated(api)
    one = (await put(api, target_type="result", target_id=ids.result, note="a")).json()
    two = (await put(api, target_type="result", target_id=ids.segment, run_id=ids.run, color="blue")).json()
    assert one["marker_id"] == two["marker_id"]
    assert (two["note"], two["color"], two["target_id"]) == (None, "blue", ids.result)
    found = (await api.client.get("/markers", params={"target_type": "result"})).json()
    assert [marker["marker_id"] for marker in found["data"]] == [one["marker_id"]]
    assert (await api.client.delete(f"/markers/{one['marker_id']}")).status_code == 200
    assert (await api.client.delete(f"/markers/{one['marker_id']}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "validation_marker_empty"),
        ({"color": "", "note": " "}, 422, "validation_marker_empty"),
        ({"color": "mauve"}, 422, "validation_marker_color"),
        ({"note": "n", "target_id": "vid_none"}, 404, "resource_video_not_found"),
        ({"note": "n", "field_path": "a"}, 422, "validation_marker_target"),
        ({"note": "n", "target_type": "field"}, 422, "validation_marker_target"),
        ({"note": "n", "target_type": "field", "field_path": "a..b"}, 422, "validation_marker_target"),
        ({"note": "n", "target_type": "result"}, 422, "validation_marker_target"),
    ],
)
async def test_bad_markers(api, body, status, code):
    """What cannot be pinned is refused with a reason."""
    ids = await populated(api)
    answer = await put(api, **{"target_type": "video", "target_id": ids.video, **body})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_pages_of_markers(api):
    """The list is a cursor page; a cursor of another filter is refused."""
    ids = await populated(api)
    await put(api, target_type="prompt", target_id=ids.prompt, note="n")
    first = (await api.client.get("/markers", params={"limit": 1})).json()
    assert first["pagination"]["has_more"]
    cursor = first["pagination"]["next_cursor"]
    rest = (await api.client.get("/markers", params={"limit": 1, "cursor": cursor})).json()
    assert not rest["pagination"]["has_more"]
    assert first["data"][0]["marker_id"] != rest["data"][0]["marker_id"]
    assert (await api.client.get("/markers", params={"target_type": "video", "cursor": cursor})).status_code == 422


async def test_deleting_media_removes_their_markers(api):
    """When a media item or a prompt is gone, so are the markers on it."""
    ids = await populated(api)
    await put(api, target_type="segment", target_id=ids.segment, note="n")
    await put(api, target_type="prompt", target_id=ids.prompt, note="n")
    await api.client.delete(f"/videos/{ids.video}")
    while (await api.client.get(f"/videos/{ids.video}/deletion")).json()["status"] != "deleted":
        api.vv.ports.clock.time.advance(1)
        api.vv.ports.doorbell.ring("work")
        await asyncio.sleep(0.05)  # seconds that pass faster than work is done would end its leases
    await api.client.delete(f"/prompts/{ids.prompt}", params={"force": "true"})
    assert (await api.client.get("/markers")).json()["data"] == []


async def test_what_is_used_is_counted(api):
    """Uploads, bytes, segments, model calls and searches are counted once, by the month that runs."""
    ids = await populated(api)
    before = (await api.client.get("/usage")).json()
    chatted = before["metrics"]["search_queries"]  # what the answer of a chat looked up, which no key asked for
    await api.client.post(f"/indexes/{ids.index}/search", json={"query": "country"})
    headers = {"Idempotency-Key": "s"}
    for _ in range(3):
        await api.client.post(f"/indexes/{ids.index}/search", json={"query": "country"}, headers=headers)
    usage = (await api.client.get("/usage")).json()
    assert usage["metrics"]["search_queries"] == usage["totals"]["total_searches"] == chatted + 2
    assert usage["totals"]["total_videos_uploaded"] == usage["totals"]["total_videos_processed"] == 1
    assert usage["totals"]["total_segments_created"] == 3
    assert usage["totals"]["total_storage_bytes"] == usage["metrics"]["storage_bytes"] > 0
    assert usage["metrics"]["model_calls"] == 3
    assert list(usage["auth_usage"].values()) == [{"search_queries": 2}]
    assert all(isinstance(value, int) for value in usage["totals"].values())
    breakdown = (await api.client.get("/usage/breakdown")).json()
    assert breakdown["breakdown"] == usage["metrics"]
    details = (await api.client.get("/usage/details", params={"metric_type": "search_queries"})).json()
    assert [(one["value"], one["unit"]) for one in details] == [(1.0, "count")] * int(chatted + 2)
    assert (await api.client.get("/usage/history")).json()["periods"] == []
    api.vv.ports.clock.time.advance(32 * 86_400)
    periods = (await api.client.get("/usage/history")).json()["periods"]
    assert [one["totals"]["search_queries"] for one in periods] == [chatted + 2]


async def test_every_kind_of_search_is_counted_once(api):
    """By words, where nothing is in scope as well, by a picture, by both, over runs, in the playground, by conditions."""
    ids = await populated(api)
    empty = (await api.client.post("/indexes", json={"name": "empty"})).json()["index_id"]
    used = (await api.client.get("/usage")).json()["metrics"]["search_queries"]
    condition = [{"field": "metadata_text", "type": "string", "operator": "contains", "value": "a"}]
    for path, body in (
        (f"/indexes/{ids.index}/search", {"query": "country"}),
        (f"/indexes/{empty}/search", {"query": "country"}),
        (f"/indexes/{ids.index}/image-search", {"image_data": PIXEL}),
        (f"/indexes/{ids.index}/multimodal-search", {"text_query": "country", "image_data": PIXEL}),
        ("/search/multi-run", {"query": "country", "index_id": ids.index}),
        ("/playground/search", {"query": "country"}),
        (f"/search/filter/{ids.index}", {"conditions": condition}),
    ):
        answer = await api.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        used += 1
        assert (await api.client.get("/usage")).json()["metrics"]["search_queries"] == used, path


async def test_refused_searches_are_not_counted(api):
    """What was refused cost nothing."""
    ids = await populated(api)
    before = (await api.client.get("/usage")).json()["metrics"]["search_queries"]
    await api.client.post(f"/indexes/{ids.index}/search", json={"query": " "})
    await api.client.post("/indexes/idx_none/search", json={"query": "x"})
    unknown = [{"field": "none", "type": "string", "operator": "equals", "value": "x"}]
    for path, body in (
        (f"/indexes/{ids.index}/search", {"query": "x", "filters": unknown}),
        (f"/indexes/{ids.index}/search", {"query": "x", "search_fields": ["none"]}),
        (f"/search/filter/{ids.index}", {"conditions": unknown}),
    ):
        assert (await api.client.post(path, json=body)).status_code == 422
    assert (await api.client.get("/usage")).json()["metrics"]["search_queries"] == before


@pytest.mark.parametrize("query", [{"start_date": "yesterday"}, {"metric_type": "x"}, {"limit": "0"}])
async def test_bad_questions_about_usage(api, query):
    """A date that is none, an unknown metric and a limit of nothing are 422."""
    assert (await api.client.get("/usage/details", params=query)).status_code == 422


async def test_metric_types_are_public(api):
    """What is counted may be known by anybody; it is what the counts are called."""
    del api.client.headers["X-API-Key"]
    types = (await api.client.get("/usage/metric-types")).json()
    assert {"type": "search_queries", "description": "Searches.", "unit": "count"} in types


async def test_pricing_lists_the_models(api):
    """Every name that a run may give is listed with the model that does the work."""
    options = (await api.client.get("/billing/pricing")).json()["processing_model_options"]
    assert {"gemini-2.5-flash", "local"} <= {one["value"] for one in options}
    assert [one["value"] for one in options if one["is_default"]] == ["local"]


async def test_the_retired_route_points_on(api):
    """The older way to prompt an index is 410, and says what to use."""
    ids = await populated(api)
    answer = await api.client.post(f"/indexes/{ids.index}/prompt")
    assert answer.status_code == 410
    assert answer.json()["error"]["details"]["use"] == "/api/v2/prompt-runs/execute"
    assert (await api.client.post("/indexes/idx_none/prompt")).status_code == 404


async def test_shared_indexes_may_be_read_and_not_written(api):
    """A default index is listed and searched by everybody, left out on request, and 403 on writes."""
    ids = await populated(api)
    store = api.vv.ports.begin
    async with store() as tx:
        index = tx.indexes.rows.get(ids.index)
        tx.indexes.rows.put(
            ids.index, type(index)(index.index_id, "user_demo", "demo", index.created_at, is_default=True)
        )
    listed = (await api.client.get("/indexes")).json()
    assert [one["is_default"] for one in listed] == [True]
    assert (await api.client.get("/indexes", params={"include_defaults": "false"})).json() == []
    assert (await api.client.get(f"/indexes/{ids.index}")).status_code == 200
    assert (await api.client.get(f"/indexes/{ids.index}/videos")).status_code == 200
    assert (await api.client.post(f"/indexes/{ids.index}/search", json={"query": "country"})).status_code == 200
    run = {"prompt_id": ids.prompt, "target": {"type": "index", "index_id": ids.index}}
    writes = [
        await api.client.delete(f"/indexes/{ids.index}"),
        await api.client.post("/prompt-runs/execute", json=run),
        await api.client.post(
            "/videos/upload", files={"file": ("a.mp4", b"x")}, data={"index_id": ids.index, "title": "A"}
        ),
    ]
    assert [one.status_code for one in writes] == [403, 403, 403]
