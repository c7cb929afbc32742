"""Two versions of a prompt: the edit never touches the earlier run, and the two runs can be laid side by side."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from tests.http.api import Api, serving
from videovector_adapters.memory.models import toy
from videovector_core.fields import FieldPath, leaves
from videovector_core.runs.comparing import differences
from videovector_core.testing.schemas import contracts

CLIP = toy(duration=30, cuts=[10, 20], speech=[[1, 4, "hello there"], [12, 15, "movable type"]])
BEFORE = {"type": "object", "properties": {"headline": {"type": "string"}, "mood": {"type": "string"}}}
AFTER = {
    "type": "object",
    "properties": {"gist": {"type": "string"}, "mood": {"type": "string", "description": "Of the speaker."}},
}


async def versions(api: Api) -> tuple[str, str, str]:
    """Run a prompt, edit it, run it again; return the media item and both runs."""
    index = (await api.client.post("/indexes", json={"name": "films"})).json()["index_id"]
    files = {"file": ("a.mp4", CLIP, "video/mp4")}
    job = (await api.client.post("/videos/upload", files=files, data={"title": "A", "index_id": index})).json()
    prompt = {"name": "Scene", "prompt_text": "Describe the scene.", "json_schema": BEFORE}
    prompt_id = (await api.client.post("/prompts", json=prompt)).json()["prompt_id"]
    runs = []
    for change in ({}, {"json_schema": AFTER}):
        await api.client.put(f"/prompts/{prompt_id}", json=change)
        runs.append(await run(api, prompt_id, index))
    return job["video"]["video_id"], runs[0], runs[1]


async def run(api: Api, prompt_id: str, index: str, **more: Any) -> str:
    body = {"prompt_id": prompt_id, "target": {"type": "index", "index_id": index}, **more}
    run_id = str((await api.client.post("/prompt-runs/execute", json=body)).json()["run_id"])
    assert (await api.finished(run_id))["status"] == "completed"
    return run_id


async def compared(api: Api, one: str, other: str, **params: Any) -> Any:
    answer = await api.client.get(f"/prompt-runs/{one}/compare/{other}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_two_versions_lie_side_by_side():
    """Fields that came, went and changed are named; each segment shows what it says in both; the first run is as it was."""
    async with serving() as api:
        video, one, other = await versions(api)
        found = await compared(api, one, other, video_id=video)
        assert found["changed_settings"] == ["json_schema"]
        assert (found["fields_added"], found["fields_removed"], found["fields_redefined"]) == (
            ["gist"],
            ["headline"],
            ["mood"],
        )
        assert found["counts"] == {
            "equal": 0,
            "different": 3,
            "only_first": 0,
            "only_second": 0,
            "fields": {"headline": 3, "gist": 3},
        }
        first = found["data"][0]
        assert first["segment_id"] == first["other_segment_id"]
        assert first["fields"] == [
            {"path": "headline", "first": "hello there", "second": None},
            {"path": "gist", "first": None, "second": "hello there"},
        ]
        rows = (await api.client.get(f"/prompt-runs/{one}/results", params={"video_id": video})).json()["data"]
        assert rows[0]["metadata"]["headline"] == "hello there"
        assert '"headline"' in rows[0]["schema_used"]


async def test_a_run_equals_itself():
    """Nothing differs between a run and the same run, or one that repeats it."""
    async with serving() as api:
        video, one, _ = await versions(api)
        found = await compared(api, one, one, video_id=video)
        assert found["changed_settings"] == []
        assert found["counts"]["equal"] == 3
        assert all(row["equal"] and row["fields"] == [] for row in found["data"])


async def test_other_cuts_show_as_stretches_of_one_run():
    """Where the cuts differ, a stretch belongs to one run alone, in order of time; pages add up to the whole."""
    async with serving() as api:
        video, one, _ = await versions(api)
        about = (await api.client.get(f"/prompt-runs/{one}")).json()
        index = about["run_context"]["index_id"]
        other = await run(api, about["prompt_id"], index, video_segmentation_type="fixed", video_segment_duration=5)
        whole = await compared(api, one, other, video_id=video)
        assert "segmentation" in whole["changed_settings"]
        assert (whole["counts"]["only_first"], whole["counts"]["only_second"]) == (3, 6)
        starts = [row["start_time"] for row in whole["data"]]
        assert starts == sorted(starts)
        paged, cursor = [], None
        while True:
            page = await compared(api, one, other, video_id=video, limit=2, **({"cursor": cursor} if cursor else {}))
            assert (page["counts"] is None) == (cursor is not None)
            paged += page["data"]
            cursor = page["pagination"]["next_cursor"]
            if not page["pagination"]["has_more"]:
                break
        assert paged == whole["data"]


async def test_a_foreign_run_on_either_side_is_unknown():
    """Another account's run answers like one of nobody, first or second."""
    async with serving() as api:
        video, one, other = await versions(api)
        theirs = await api.as_user("somebody")
        for left, right in ((one, "run_x"), ("run_x", one)):
            answer = await api.client.get(f"/prompt-runs/{left}/compare/{right}", params={"video_id": video})
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "resource_run_not_found")
        answer = await api.client.get(f"/prompt-runs/{one}/compare/{other}", params={"video_id": video}, headers=theirs)
        assert answer.status_code == 404


@given(contracts())
def test_a_document_differs_from_itself_in_nothing(contract: tuple[dict[str, Any], dict[str, Any]]):
    """No field of any schema differs between a document and itself; against nothing, only fields that it fills do."""
    schema, document = contract
    paths: list[FieldPath] = [leaf.path for leaf in leaves(schema)]
    assert differences(document, document, paths) == []
    assert all(one.second is None and one.first is not None for one in differences(document, {}, paths))
