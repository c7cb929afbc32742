"""Filter search over HTTP: both shapes, pages, and every refusal of semantics 8.8."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.http.api import Api, serving
from tests.http.world import Held
from tests.search import world
from tests.search.world import Scripted
from videovector_adapters.memory.parts import MemoryBlobs

DOCUMENTS: dict[int, dict[str, Any]] = {
    0: {
        "headline": "  Straße ",
        "count": 3,
        "rating": 0.5,
        "indoor": True,
        "tags": ["news", "Sport"],
        "scene": {"people": [{"emotion": "happy", "confidence": 0.2}, {"emotion": "sad", "confidence": 0.9}]},
    },
    10: {"headline": "movable type", "tags": [], "scene": {"people": [{"emotion": "Happy", "confidence": 0.8}]}},
    20: {"headline": "", "count": 7, "indoor": False},
}
EMOTION, CONFIDENCE = "scene.people[].emotion", "scene.people[].confidence"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving(models=world.models(Scripted(DOCUMENTS))) as one:
        yield one


async def films(api: Api) -> tuple[str, str]:
    """Make an index with one clip that was run once; return index and run."""
    index = await world.index(api)
    await world.clip(api, index_id=index)
    return index, await world.ran(api, await world.prompt(api), {"type": "index", "index_id": index})


def said(field: str, operator: str, kind: str, *value: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "type": kind, **({"value": value[0]} if value else {})}


async def page(api: Api, index: str, conditions: list[Any], status: int = 200, **more: Any) -> Any:
    answer = await api.client.post(f"/search/filter/{index}", json={"conditions": conditions, **more})
    assert answer.status_code == status, (conditions, answer.text)
    return answer.json()


HAPPY = said(EMOTION, "equals", "string", "happy")
SURE = said(CONFIDENCE, "greater_equal", "number", 0.8)
ANSWERS = [
    ([said("headline", "equals", "string", "STRASSE")], [0]),
    ([said("headline", "contains", "string", "able")], [10]),
    ([said("headline", "is_empty", "string")], [20]),
    ([said("headline", "is_not_empty", "string")], [0, 10]),
    ([said("count", "greater_than", "integer", 3)], [20]),
    ([said("count", "greater_equal", "number", 2.5)], [0, 20]),
    ([said("rating", "less_than", "number", 10**400)], [0]),
    ([said("indoor", "equals", "boolean", False)], [20]),
    ([said("tags", "item_equals", "array", "sport")], [0]),
    ([said("tags[]", "item_contains", "array", "EW")], [0]),
    ([said("tags[]", "starts_with", "string", "spo")], [0]),
    ([said("tags", "is_empty", "array")], [10, 20]),
    ([said("tags", "length_equals", "array", 0)], [10]),
    ([said("scene.people", "length_greater", "array", 1)], [0]),
    ([HAPPY], [0, 10]),
    ([SURE], [0, 10]),
    ([HAPPY, SURE], [10]),
    ([said(EMOTION, "is_empty", "string")], [20]),
    ([said("metadata_text", "contains", "string", "movable")], [10]),
]


async def test_conditions_hold_of_the_right_segments(api: Api) -> None:
    """Each operator finds what it says; two conditions on one array ask for one item that meets both."""
    index, _ = await films(api)
    for conditions, starts in ANSWERS:
        found = await page(api, index, conditions)
        assert [hit["start_time"] for hit in found["results"]] == starts, conditions


async def test_alternatives_and_denials(api: Api) -> None:
    """`any_of` asks for all conditions of one group at least, `none_of` that none holds."""
    index, _ = await films(api)
    some = [said("headline", "is_not_empty", "string")]
    either = [[said("tags", "item_equals", "array", "news")], [HAPPY, SURE]]
    assert len((await page(api, index, some, any_of=either))["data"]) == 2
    left = await page(api, index, some, any_of=either, none_of=[said("indoor", "equals", "boolean", True)])
    assert [hit["start_time"] for hit in left["data"]] == [10.0]


async def test_a_page_has_both_shapes_and_unranked_hits(api: Api) -> None:
    """The newer and the older envelope say the same, and no hit has a similarity."""
    index, run = await films(api)
    found = await page(api, index, [HAPPY], page_size=1)
    assert found["results"] == found["data"]
    assert found["total_shown"] == 1
    assert found["next_page_token"] == found["pagination"]["next_cursor"]
    assert found["pagination"]["has_more"] is True
    (hit,) = found["data"]
    assert hit["similarity_score"] is None
    assert (hit["run_id"], hit["result_type"]) == (run, "segment")
    rest = await page(api, index, [HAPPY], page_size=5, cursor=found["next_page_token"])
    assert [hit["start_time"] for hit in rest["data"]] == [10.0]
    assert rest["next_page_token"] is None
    assert rest["pagination"]["has_more"] is False


async def test_a_cursor_belongs_to_its_request(api: Api) -> None:
    """A cursor with other conditions, another scope, another owner or a changed letter is 422."""
    index, run = await films(api)
    cursor = (await page(api, index, [HAPPY], page_size=1))["next_page_token"]
    for conditions, more in (
        ([SURE], {}),
        ([HAPPY], {"run_ids": [run]}),
        ([HAPPY], {"none_of": [SURE]}),
    ):
        refused = await page(api, index, conditions, 422, cursor=cursor, **more)
        assert refused["error"]["code"] == "invalid_cursor"
    await page(api, index, [HAPPY], 422, cursor=cursor[:-2] + "AA")
    other = await world.index(api, "other")
    await page(api, other, [HAPPY], 422, cursor=cursor)


async def test_the_playground_has_its_own_filter(api: Api) -> None:
    """`/search/filter/playground` looks at media in no index, and only there; a run of an index is out of its scope."""
    _, indexed = await films(api)
    loose = await world.clip(api, title="loose")
    await world.ran(api, await world.prompt(api, name="Other"), {"type": "playground"})
    answer = await api.client.post("/search/filter/playground", json={"conditions": [HAPPY]})
    assert {hit["video_id"] for hit in answer.json()["data"]} == {loose}
    assert len(answer.json()["data"]) == 2
    body = {"conditions": [HAPPY], "run_ids": [indexed]}
    refused = await api.client.post("/search/filter/playground", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "validation_run_scope")


async def test_unfinished_runs_cannot_be_filtered() -> None:
    """Naming a run that is not finished is 409 here, while ranked search finds nothing in it."""
    blobs = MemoryBlobs()
    decoder = Held(blobs)
    async with serving(models=world.models(Scripted(DOCUMENTS)), blobs=blobs, decoder=decoder) as api:
        index = await world.index(api)
        await world.clip(api, index_id=index)
        prompt = await world.prompt(api)
        body = {"prompt_id": prompt, "target": {"type": "index", "index_id": index}, "enable_transcription": False}
        run = (await api.client.post("/prompt-runs/execute", json=body)).json()["run_id"]
        refused = await page(api, index, [HAPPY], 409, run_ids=[run])
        assert refused["error"]["code"] == "conflict_run_not_searchable"
        ranked = await api.client.post(f"/indexes/{index}/search", json={"query": "movable", "run_ids": [run]})
        assert (ranked.status_code, ranked.json()) == (200, [])
        decoder.let_go.set()
        await api.finished(run)
        assert len((await page(api, index, [HAPPY], run_ids=[run]))["data"]) == 2


REFUSED = [
    [],
    [HAPPY] * 5,
    [{**HAPPY, "fuzzyMatch": True}],
    [{**HAPPY, "operator": "matches"}],
    [{**HAPPY, "operator": "not_equals"}],
    [{**HAPPY, "type": "date"}],
    [said("headline", "equals", "string")],
    [said("headline", "equals", "string", None)],
    [said("headline", "equals", "string", "   ")],
    [said("headline", "equals", "string", 5)],
    [said("headline", "is_empty", "string", "x")],
    [said("headline", "is_empty", "string", None)],
    [said("headline", "greater_than", "string", "a")],
    [said("count", "equals", "integer", True)],
    [said("count", "equals", "integer", 3.0)],
    [said("count", "equals", "integer", "3")],
    [said("count", "is_empty", "integer")],
    [said("rating", "equals", "number", False)],
    [said("rating", "equals", "number", "0.5")],
    [said("rating", "equals", "integer", 1)],
    [said("rating", "contains", "number", 1)],
    [said("indoor", "equals", "boolean", 1)],
    [said("indoor", "equals", "boolean", "true")],
    [said("indoor", "is_empty", "boolean")],
    [said("tags", "length_equals", "array", -1)],
    [said("tags", "length_equals", "array", 1.0)],
    [said("tags", "length_equals", "array", True)],
    [said("tags", "length_equals", "array", "2")],
    [said("tags", "item_contains", "array", 2)],
    [said("tags", "item_equals", "array", ["news"])],
    [said("tags", "item_equals", "array", {})],
    [said("tags", "item_equals", "array", 4)],
    [said("tags", "equals", "array", "news")],
    [said("tags", "equals", "string", "news")],
    [said("levels", "item_contains", "array", "x")],
    [said("scene.people", "item_equals", "array", "x")],
    [said("scene", "equals", "string", "x")],
    [said("nowhere", "equals", "string", "x")],
    [said("scene.people.emotion", "equals", "string", "x")],
    [said("scene..people", "equals", "string", "x")],
    [said("headline", "equals", "integer", 1)],
    [said("transcription", "equals", "number", 1)],
]


async def test_every_refusal_is_a_422_with_a_sentence(api: Api) -> None:
    """Whatever semantics 8.8 forbids is 422 with a stable code; values are typed strictly."""
    index, _ = await films(api)
    for conditions in REFUSED:
        refused = await page(api, index, conditions, 422)
        assert refused["error"]["code"].startswith("validation"), conditions
        assert refused["error"]["message"].endswith(".")
    for more in (
        {"page_size": 0},
        {"page_size": 101},
        {"start_after": "x"},
        {"cursor": "x.y"},
        {"none_of": [HAPPY] * 5},
    ):
        await page(api, index, [HAPPY], 422, **more)


async def test_a_wrong_type_is_told_the_right_one(api: Api) -> None:
    """A condition of another type than the schema's names the schema's type."""
    index, _ = await films(api)
    refused = await page(api, index, [said("count", "equals", "string", "3")], 422)
    assert refused["error"]["details"]["schema_type"] == "integer"
    assert "integer" in refused["error"]["message"]
    nested = await page(api, index, [said("tags", "equals", "string", "x")], 422)
    assert nested["error"]["details"]["schema_type"] == "array"
