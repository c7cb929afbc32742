"""The short way over HTTP, on the application in memory: upload, define, process, search, results, grants."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.api import Api, serving
from tests.http.world import PROMPT
from videovector_adapters.memory.models import toy

CLIPS = {
    "country.mp4": toy(duration=30, cuts=[10, 20], speech=[[1, 4, "ask not what your country can do"]]),
    "bread.mp4": toy(duration=20, cuts=[10], speech=[[1, 4, "knead the dough and bake bread"]]),
}
LEVELS = {
    **PROMPT,
    "video_level": {
        "instructions_text": "Sum up.",
        "json_schema": {"type": "object", "properties": {"summary": {"type": "string"}}},
    },
}


@pytest.fixture
async def api():
    async with serving() as one:
        yield one


async def sent(api: Api, name: str, **fields: str) -> dict[str, Any]:
    files = {"file": (name, CLIPS[name], "video/mp4")}
    answer = await api.client.post("/workflow/upload", files=files, data=fields)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def processed(api: Api, **body: Any) -> dict[str, Any]:
    answer = await api.client.post("/workflow/process", json=body)
    assert answer.status_code == 202, answer.text
    run = await api.finished(answer.json()["run_id"])
    assert run["status"] == "completed", run
    return answer.json()


async def test_from_an_upload_to_hits_and_results(api):
    """An index is made by name, a prompt is drafted, a run works on the import, and its moments are found and listed."""
    first = await sent(api, "country.mp4", index_name="Films")
    second = await sent(api, "bread.mp4", index_name="Films", title="Baking")
    assert first["destination"]["index_created"] is True
    assert second["destination"]["index_created"] is False
    assert first["destination"]["index_id"] == second["destination"]["index_id"] == first["target_index_id"]
    assert first["video"]["video_id"] == first["video_ids"][0]
    assert first["title"] == "country"
    defined = (await api.client.post("/workflow/define", json={"instruction": "Who speaks, and the topic"})).json()
    assert defined["saved"] is True
    assert defined["prompt"]["prompt_id"] == defined["prompt_id"]
    assert defined["definition"]["json_schema"] == defined["prompt"]["json_schema"]
    done = await processed(api, prompt_id=defined["prompt_id"], import_job_id=first["job_id"])
    assert done["run"]["run_context"]["video_ids"] == first["video_ids"]
    assert done["status_url"] == f"/api/v2/prompt-runs/{done['run_id']}"
    assert done["results_url"] == f"/api/v2/workflow/runs/{done['run_id']}/results"
    found = await api.client.post("/workflow/search", json={"query": "country", "prompt_run_ids": done["run_id"]})
    assert found.json()["data"][0]["video_id"] == first["video"]["video_id"]
    assert found.json()["scope"] == {"type": "prompt_runs", "prompt_run_ids": [done["run_id"]]}
    results = (await api.client.get(f"/workflow/runs/{done['run_id']}/results")).json()
    assert results["filtered"] is None
    assert results["selection_summary"]["status"] == "none"
    assert [row["start_time"] for row in results["unfiltered"]["data"]] == [0, 10, 20]


async def test_a_draft_that_is_not_saved(api):
    """Without saving there is a definition and no prompt."""
    before = (await api.client.get("/prompts")).json()["total_count"]
    answer = await api.client.post("/workflow/define", json={"instruction": "the topic", "save": False})
    assert (answer.status_code, answer.json()["prompt_id"], answer.json()["prompt"]) == (201, None, None)
    assert answer.json()["definition"]["json_schema"]["type"] == "object"
    assert (await api.client.get("/prompts")).json()["total_count"] == before


async def test_an_instruction_becomes_a_prompt_once(api):
    """Processing by instruction makes one prompt and one run, however often the request is sent under one key."""
    await sent(api, "country.mp4")
    headers = {"Idempotency-Key": "workflow-process:1"}
    body = {"prompt_instruction": "what is said", "segmentation_mode": "fixed"}
    answers = [await api.client.post("/workflow/process", json=body, headers=headers) for _ in range(3)]
    assert len({one.content for one in answers}) == 1
    assert answers[2].headers["idempotency-replayed"] == "true"
    told = answers[0].json()
    assert told["prompt_created_inline"] is True
    assert told["run"]["run_context"] == {"type": "playground", "is_playground": True}
    assert (told["run"]["video_segmentation_type"], told["run"]["video_segment_duration"]) == ("fixed", 10)
    assert len((await api.client.get("/prompt-runs")).json()) == 1
    other = await api.client.post("/workflow/process", json={"prompt_instruction": "other"}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_request_mismatch")


async def test_both_vocabularies_of_settings(api):
    """The words of execute win over those of the workflow; what neither says comes from the prompt."""
    await sent(api, "country.mp4")
    saved = {**PROMPT, "execution_config": {"video_segmentation_type": "fixed", "video_segment_duration": 7}}
    prompt = (await api.client.post("/prompts", json=saved)).json()["prompt_id"]

    async def run(**settings: Any) -> dict[str, Any]:
        answer = await api.client.post("/workflow/process", json={"prompt_id": prompt, **settings})
        return answer.json().get("run") or answer.json()

    told = await run()
    assert (told["video_segmentation_type"], told["video_segment_duration"]) == ("fixed", 7)
    told = await run(segmentation_mode="fixed", fixed_segment_duration_seconds=5, video_segment_duration=9)
    assert (told["video_segment_duration"], told["audio_segment_duration"]) == (9, 5)
    told = await run(segmentation_mode="smart", advanced_transcription=False, create_image_embeddings=True)
    assert (told["video_segmentation_type"], told["enable_transcription"]) == ("smart", False)
    told = await run(video_segmentation_type="content_aware", segmentation_mode="fixed", enable_image_embedding=False)
    assert (told["video_segmentation_type"], told["enable_image_embedding"]) == ("content_aware", False)
    refused = await run(segmentation_mode="smart", fixed_segment_duration_seconds=5)
    assert refused["error"]["code"] == "validation_segment_duration"


async def test_targets_exclude_each_other(api):
    """One prompt source and one way to name media; an index by name must be there."""
    job = await sent(api, "country.mp4")
    for body, status, code in (
        ({}, 422, "validation_prompt_choice"),
        ({"prompt_id": "prompt_general", "prompt_instruction": "x"}, 422, "validation_prompt_choice"),
        (
            {"prompt_instruction": "x", "import_job_id": job["job_id"], "video_ids": job["video_ids"]},
            422,
            "validation_target",
        ),
        ({"prompt_instruction": "x", "index_name": "none"}, 404, "resource_index_not_found"),
        ({"prompt_instruction": "x", "index_id": "a", "index_name": "b"}, 422, "validation_index_choice"),
        ({"prompt_instruction": "x", "import_job_id": "job_none"}, 404, "resource_import_job_not_found"),
    ):
        answer = await api.client.post("/workflow/process", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), body
    assert (await api.client.get("/prompt-runs")).json() == []


async def test_pages_of_a_ranking_fit_together(api):
    """Pages are those of the first search, whatever comes later; what is deleted meanwhile is left out; none is counted."""
    job = await sent(api, "country.mp4")
    other = await sent(api, "bread.mp4")
    done = await processed(api, prompt_instruction="what is said", segmentation_mode="fixed", video_segment_duration=2)
    body = {"query": "country bread", "limit": 4}
    whole = (await api.client.post("/workflow/search", json={**body, "limit": 50})).json()["data"]
    first = (await api.client.post("/workflow/search", json=body)).json()
    assert first["mode"] == "vector"
    assert first["scope"] == {"type": "playground"}
    assert first["coverage"]["runs"] == 1
    assert first["pagination"]["count"] == 4
    assert first["pagination"]["result_window"] == 100
    used = await api.client.get("/usage/details", params={"metric_type": "search_queries"})
    await processed(api, prompt_id=done["prompt"]["prompt_id"])
    rows, page = [*first["data"]], first
    while page["pagination"]["has_more"]:
        cursor = page["pagination"]["next_cursor"]
        page = (await api.client.get("/workflow/search/page", params={"cursor": cursor})).json()
        rows += page["data"]
    assert page["pagination"]["next_cursor"] is None
    assert [row["result_id"] for row in rows] == [row["result_id"] for row in whole]
    assert [row["fused_score"] for row in rows] == [row["fused_score"] for row in whole]
    again = await api.client.get("/usage/details", params={"metric_type": "search_queries"})
    assert len(again.json()) == len(used.json())
    assert (await api.client.delete(f"/videos/{other['video']['video_id']}")).status_code in {200, 202}
    cursor = first["pagination"]["next_cursor"]
    left = (await api.client.get("/workflow/search/page", params={"cursor": cursor})).json()
    assert {row["video_id"] for row in left["data"]} <= {job["video"]["video_id"]}


async def test_foreign_and_old_cursors(api):
    """A cursor of another account, an edited one and one whose ranking has expired are 422 `invalid_cursor`."""
    await sent(api, "country.mp4")
    await processed(api, prompt_instruction="what is said")
    page = (await api.client.post("/workflow/search", json={"query": "country", "limit": 1})).json()
    cursor = page["pagination"]["next_cursor"]
    other = await api.as_user("other")
    clock: Any = api.vv.ports.clock
    for sent_cursor, headers, seconds in ((cursor, other, 0), (cursor[:-2], None, 0), (cursor, None, 25 * 3600)):
        clock.time.advance(seconds)
        answer = await api.client.get("/workflow/search/page", params={"cursor": sent_cursor}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_cursor")


async def test_conditions_with_and_without_a_type(api):
    """A type that is left out is read from the schema; an unknown field says so; the mode tells how it was answered."""
    await sent(api, "country.mp4")
    done = await processed(api, prompt_instruction="what is said")
    field = next(iter(done["prompt"]["json_schema"]["properties"]))
    results = (await api.client.get(f"/workflow/runs/{done['run_id']}/results")).json()["unfiltered"]["data"]
    said = [row for row in results if row["metadata"].get("transcription")]
    assert said
    for one in (
        {"field": "transcription", "operator": "contains", "value": "country"},
        {"field": "transcription", "operator": "contains", "type": "string", "value": "country"},
    ):
        found = (await api.client.post("/workflow/search", json={"filters": [one]})).json()
        assert found["mode"] == "condition", found
        assert [row["segment_id"] for row in found["data"]] == [said[0]["segment_id"]]
    both = {"query": "country", "filters": [{"field": "transcription", "operator": "contains", "value": "country"}]}
    found = (await api.client.post("/workflow/search", json=both)).json()
    assert (found["mode"], len(found["data"])) == ("vector", 1)
    for body, code in (
        ({}, "validation_workflow_search"),
        ({"filters": [{"field": "nothing", "value": "x"}]}, "validation_filter_field"),
        ({"filters": [{"field": field, "operator": "greater_than", "value": "x"}]}, "validation_filter"),
    ):
        answer = await api.client.post("/workflow/search", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, code), answer.text


async def test_an_empty_half_of_a_search_is_none(api):
    """The published client sends an empty query beside filters and empty filters beside a query; both empty are nothing."""
    job = await sent(api, "country.mp4", index_name="Halves")
    index = job["target_index_id"]
    prompt = (await api.client.post("/prompts", json=PROMPT)).json()["prompt_id"]
    await processed(api, prompt_id=prompt, index_id=index)
    condition = {"field": "transcription", "operator": "is_not_empty"}
    for body, mode in (
        ({"query": "", "filters": [condition]}, "condition"),
        ({"query": "country", "filters": []}, "vector"),
    ):
        found = await api.client.post("/workflow/search", json={**body, "index_id": index})
        assert (found.status_code, found.json()["mode"]) == (200, mode), found.text
        assert found.json()["data"]
    for empty in ({"query": " ", "filters": []}, {"query": ""}, {"filters": list[str]()}):
        nothing = await api.client.post("/workflow/search", json={**empty, "index_id": index})
        assert (nothing.status_code, nothing.json()["error"]["code"]) == (422, "validation_workflow_search")


async def test_results_of_whole_media(api):
    """At the level of media a search finds media-level results, by words and by conditions, and nothing else."""
    await sent(api, "country.mp4")
    await sent(api, "bread.mp4")
    prompt = (await api.client.post("/prompts", json=LEVELS)).json()["prompt_id"]
    done = await processed(api, prompt_id=prompt)
    body = {"query": "country", "result_level": "video"}
    found = (await api.client.post("/workflow/search", json=body)).json()
    assert found["result_level"] == "video"
    assert len(found["data"]) == 2
    assert {row["result_type"] for row in found["data"]} == {"video"}
    segments = (await api.client.post("/workflow/search", json={"query": "country"})).json()
    assert {row["result_type"] for row in segments["data"]} == {"segment"}
    by_field = {"filters": [{"field": "summary", "operator": "is_not_empty"}], "result_level": "video"}
    met = (await api.client.post("/workflow/search", json=by_field)).json()
    assert met["mode"] == "condition"
    assert {row["result_type"] for row in met["data"]} <= {"video"}
    results = (
        await api.client.get(f"/workflow/runs/{done['run_id']}/results", params={"result_level": "video", "limit": 1})
    ).json()
    assert len(results["unfiltered"]["data"]) == 1
    cursor = results["unfiltered"]["pagination"]["next_cursor"]
    params = {"result_level": "video", "limit": 1, "view": "unfiltered", "unfiltered_cursor": cursor}
    rest = (await api.client.get(f"/workflow/runs/{done['run_id']}/results", params=params)).json()
    assert "filtered" not in rest
    assert rest["unfiltered"]["pagination"]["has_more"] is False
    assert rest["unfiltered"]["data"][0]["video_id"] != results["unfiltered"]["data"][0]["video_id"]


async def test_the_stream_of_what_is_selected(api):
    """The filtered stream holds what meets the prompt's selection, and the summary counts it; a bad selection fails."""
    await sent(api, "country.mp4")
    await sent(api, "bread.mp4")
    wanted = [{"field": "transcription", "operator": "contains", "type": "string", "value": "bread"}]
    prompt = (await api.client.post("/prompts", json={**PROMPT, "selection_filter": wanted})).json()["prompt_id"]
    done = await processed(api, prompt_id=prompt)
    told = (await api.client.get(f"/workflow/runs/{done['run_id']}/results", params={"limit": 1})).json()
    summary = told["selection_summary"]
    assert (summary["status"], summary["selected_segment_count"]) == ("ready", 1)
    assert (summary["selected_media_count"], summary["selected_video_count"]) == (1, 1)
    assert "bread" in told["filtered"]["data"][0]["metadata"]["transcription"]
    assert told["filtered"]["pagination"]["has_more"] is False
    assert told["unfiltered"]["pagination"]["has_more"] is True
    rows, cursor = len(told["unfiltered"]["data"]), told["unfiltered"]["pagination"]["next_cursor"]
    while cursor:
        params = {"view": "unfiltered", "limit": 2, "unfiltered_cursor": cursor}
        page = (await api.client.get(f"/workflow/runs/{done['run_id']}/results", params=params)).json()["unfiltered"]
        rows, cursor = rows + len(page["data"]), page["pagination"]["next_cursor"]
    assert rows == 5
    bad = (await api.client.post("/prompts", json={**PROMPT, "selection_filter": {"odd": 1}})).json()["prompt_id"]
    done = await processed(api, prompt_id=bad)
    told = (await api.client.get(f"/workflow/runs/{done['run_id']}/results")).json()
    assert (told["selection_summary"]["status"], told["filtered"]) == ("failed", None)


async def test_the_filtered_stream_of_one_item_is_empty_unless_it_is_selected(api):
    """Asking for one media item narrows what is selected at the level of media; it does not select the item."""
    country, bread = [(await sent(api, name))["video"]["video_id"] for name in ("country.mp4", "bread.mp4")]
    wanted = [{"field": "transcription", "operator": "contains", "type": "string", "value": "bread"}]
    prompt = (await api.client.post("/prompts", json={**LEVELS, "selection_filter": wanted})).json()["prompt_id"]
    done = await processed(api, prompt_id=prompt)
    for video_id, selected in ((country, []), (bread, [bread])):
        params = {"result_level": "video", "video_id": video_id}
        told = (await api.client.get(f"/workflow/runs/{done['run_id']}/results", params=params)).json()
        assert [row["video_id"] for row in told["filtered"]["data"]] == selected
        assert [row["video_id"] for row in told["unfiltered"]["data"]] == [video_id]


async def test_a_refused_search_of_media_level_results_is_not_counted(api):
    """Conditions on a field that no media-level result has are 422, and no search; those on one that is there are one."""
    await sent(api, "country.mp4")
    await processed(api, prompt_id=(await api.client.post("/prompts", json=LEVELS)).json()["prompt_id"])
    for field, status, counted in (("nowhere", 422, 0), ("summary", 200, 1)):
        wanted = [{"field": field, "operator": "equals", "type": "string", "value": "x"}]
        body = {"filters": wanted, "result_level": "video"}
        assert (await api.client.post("/workflow/search", json=body)).status_code == status
        used = await api.client.get("/usage/details", params={"metric_type": "search_queries"})
        assert len(used.json()) == counted


async def test_a_grant_opens_one_file(api):
    """A grant is an absolute link that saves exactly the file, without a credential; foreign media have none."""
    job = await sent(api, "country.mp4")
    video = job["video"]["video_id"]
    grant = (await api.client.post("/workflow/media-grants", json={"video_id": video, "intent": "download"})).json()
    assert (grant["filename"], grant["mime_type"], grant["video_id"]) == ("country.mp4", "video/x-toy", video)
    del api.client.headers["X-API-Key"]
    file = await api.client.get(grant["url"])
    assert file.content == CLIPS["country.mp4"]
    assert file.headers["content-disposition"] == "attachment; filename*=UTF-8''country.mp4"
    other = await api.as_user("other")
    answer = await api.client.post("/workflow/media-grants", json={"video_id": video}, headers=other)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "resource_video_not_found")


async def test_a_grant_of_a_segment_opens_that_segment(api):
    """With a segment the link saves just its clip, cut at its times; a segment of other media is refused."""
    job = await sent(api, "country.mp4")
    video = job["video"]["video_id"]
    prompt = (await api.client.post("/prompts", json=PROMPT)).json()["prompt_id"]
    run = await processed(api, prompt_id=prompt)
    rows = (await api.client.get(f"/videos/{video}/segments", params={"run_id": run["run_id"]})).json()["data"]
    body = {"video_id": video, "run_id": run["run_id"], "segment_id": rows[-1]["segment_id"]}
    grant = (await api.client.post("/workflow/media-grants", json=body)).json()
    start, end = rows[-1]["start_time"], rows[-1]["end_time"]
    assert (grant["filename"], grant["mime_type"]) == (f"country_{start:.1f}-{end:.1f}.mp4", "video/mp4")
    file = await api.client.get(grant["url"])
    assert file.headers["content-type"] == "video/mp4"
    assert file.headers["content-disposition"] == f"attachment; filename*=UTF-8''{grant['filename']}"
    assert file.text.endswith(f" {start:.1f} {end:.1f}")
    other = await sent(api, "bread.mp4")
    refused = await api.client.post("/workflow/media-grants", json={**body, "video_id": other["video"]["video_id"]})
    assert refused.status_code in {404, 422}
