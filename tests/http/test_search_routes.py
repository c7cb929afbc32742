"""Searching over HTTP: pictures, words and pictures, several runs, the playground; and every refusal."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.http.api import Api, serving
from tests.search import world
from tests.search.world import Scripted, shot
from videovector_core.models.ports import Vector
from videovector_http.bodies import MAX_IMAGE_JSON

DOCUMENTS = {
    0: {"headline": "ask not what your country can do", "secret": "blue door", "tags": ["speech"]},
    10: {"headline": "movable type", "tags": ["press", "books"]},
    20: {"headline": "a quiet garden", "tags": []},
}


@pytest.fixture
async def script() -> Scripted:
    return Scripted(dict(DOCUMENTS))


@pytest.fixture
async def api(script: Scripted) -> AsyncIterator[Api]:
    async with serving(models=world.models(script)) as one:
        yield one


async def films(api: Api, **more: Any) -> tuple[str, str, str]:
    """Make an index with one clip that was run once; return index, clip and run."""
    index = await world.index(api)
    clip = await world.clip(api, index_id=index)
    prompt = await world.prompt(api, semantic_indexing={"disabled_segment_fields": ["secret"]}, **more)
    return index, clip, await world.ran(api, prompt, {"type": "index", "index_id": index})


async def post(api: Api, path: str, body: Any, status: int = 200, **params: str) -> Any:
    answer = await api.client.post(path, json=body, params=params)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_picture_finds_each_segment_once_at_its_nearest_frame(api: Api) -> None:
    """Image hits are segments, nearest first, with the second, the score and a link of the frame that matched."""
    index, clip, run = await films(api)
    hits = await post(api, f"/indexes/{index}/image-search", {"image_data": shot(14)})
    assert [hit["start_time"] for hit in hits] == [10.0, 0.0, 20.0]
    first = hits[0]
    assert (first["matched_image_timestamp"], first["matched_image_score"]) == (14.0, 1.0)
    assert first["similarity_score"] == first["matched_image_score"]
    assert (first["run_id"], first["video_id"], first["result_type"]) == (run, clip, "segment")
    frame = await api.client.get(first["matched_image_uri"])
    assert frame.status_code == 200
    assert b" 14.0 " in frame.content
    assert [hit["matched_image_timestamp"] for hit in hits[1:]] == [9.0, 20.0]


async def test_a_data_url_is_the_same_picture(api: Api) -> None:
    """The prefix of a data URL is taken off."""
    index, _, _ = await films(api)
    plain = await post(api, f"/indexes/{index}/image-search", {"image_data": shot(3)})
    prefixed = await post(api, f"/indexes/{index}/image-search", {"image_data": f"data:image/png;base64,{shot(3)}"})
    assert [hit["result_id"] for hit in plain] == [hit["result_id"] for hit in prefixed]


async def test_runs_without_pictures_give_no_image_hits(api: Api) -> None:
    """Only runs that embedded pictures take part; where there are none, there is nothing."""
    index = await world.index(api)
    assert await post(api, f"/indexes/{index}/image-search", {"image_data": shot(1)}) == []
    await world.clip(api, index_id=index)
    target = {"type": "index", "index_id": index}
    await world.ran(api, await world.prompt(api), target, enable_image_embedding=False)
    assert await post(api, f"/indexes/{index}/image-search", {"image_data": shot(1)}) == []


async def test_without_a_model_for_pictures_the_server_says_so(script: Scripted) -> None:
    """An image question to a server without an image model is 503 with a code, not an empty answer."""
    async with serving(models=world.models(script, pictures=False)) as api:
        index = await world.index(api)
        for path, body in (("image-search", {}), ("multimodal-search", {"text_query": "q"})):
            answer = await post(api, f"/indexes/{index}/{path}", {"image_data": shot(1), **body}, 503)
            assert answer["error"]["code"] == "model_unavailable"
        assert await post(api, f"/indexes/{index}/multimodal-search", {"text_query": "q"}) == []


async def test_both_sides_are_fused_by_rank(api: Api) -> None:
    """The fused score is weight over 60 plus rank on each side, and each row says which sides found it."""
    index, _, _ = await films(api)
    body = {"text_query": "country", "image_data": shot(13), "text_weight": 0.7, "image_weight": 0.3, "explain": True}
    hits = await post(api, f"/indexes/{index}/multimodal-search", body)
    assert {hit["match_type"] for hit in hits} == {"both"}
    for hit in hits:
        parts = 0.7 / (60 + hit["text_rank"]) + 0.3 / (60 + hit["image_rank"])
        assert hit["fused_score"] == pytest.approx(parts)
        assert sum(part["contribution"] for part in hit["explain"]["parts"]) == pytest.approx(parts)
        assert hit["explain"]["k"] == 60
    assert hits[0]["start_time"] == 0.0
    assert [hit["fused_score"] for hit in hits] == sorted((hit["fused_score"] for hit in hits), reverse=True)


@pytest.mark.parametrize(
    ("body", "kind"), [({"text_query": "country"}, "text_only"), ({"image_data": shot(3)}, "image_only")]
)
async def test_one_side_alone_counts_whole(api: Api, body: dict[str, str], kind: str) -> None:
    """With one modality its weight is 1 whatever was sent, and the sum is not checked."""
    index, _, _ = await films(api)
    hits = await post(api, f"/indexes/{index}/multimodal-search", {**body, "text_weight": 0.1, "image_weight": 0.1})
    assert hits[0]["match_type"] == kind
    assert hits[0]["fused_score"] == pytest.approx(1 / 61)
    assert hits[0]["start_time"] == 0.0


async def test_words_find_pictures_in_multimodal_search_only(script: Scripted) -> None:
    """Where words and pictures share a space, a fused search looks there; plain text search never does."""
    async with serving(models=world.models(script, joint=True)) as api:
        index, _, _ = await films(api)
        hits = await post(api, f"/indexes/{index}/multimodal-search", {"text_query": "second 25", "explain": True})
        seen = next(hit for hit in hits if hit["start_time"] == 20.0)
        assert (seen["matched_image_timestamp"], seen["match_type"]) == (25.0, "text_only")
        plain = await post(api, f"/indexes/{index}/search", {"query": "second 25", "explain": True})
        assert all(hit["matched_image_timestamp"] is None for hit in plain)
        assert {part["signal"] for hit in plain for part in hit["explain"]["parts"]} <= {"dense", "lexical"}


async def test_weights_may_be_any_two_that_sum_to_one(api: Api) -> None:
    """0.7 and 0.3, whose sum is not exactly 1 in binary, pass, and so do 1 and 0."""
    index, _, _ = await films(api)
    for text, image in ((0.7, 0.3), (1.0, 0.0), (0.1, 0.9)):
        body = {"text_query": "country", "image_data": shot(3), "text_weight": text, "image_weight": image}
        assert await post(api, f"/indexes/{index}/multimodal-search", body)


async def test_several_runs_are_merged_three_ways(api: Api, script: Scripted) -> None:
    """`all` shows every run's hits, `best` one per moment, `weighted` lowers older runs by a tenth each."""
    index, _, first = await films(api)
    prompt = (await api.client.get(f"/prompt-runs/{first}")).json()["prompt_id"]
    second = await world.ran(api, prompt, {"type": "index", "index_id": index})
    body = {"query": "country", "run_ids": [first, second], "top_k": 3}
    every = await post(api, "/search/multi-run", {**body, "aggregation": "all"})
    assert len(every) == 6
    scores = [hit["similarity_score"] for hit in every]
    assert scores == sorted(scores, reverse=True)
    best = await post(api, "/search/multi-run", body)
    assert len({hit["segment_id"] for hit in best}) == len(best) == 3
    weighted = await post(api, "/search/multi-run", {**body, "aggregation": "weighted", "explain": True})
    assert weighted[0]["run_id"] == second
    older = next(hit for hit in weighted if hit["run_id"] == first)
    assert older["fused_score"] == pytest.approx(0.9 * older["similarity_score"], abs=1e-5)
    by_index = await post(api, "/search/multi-run", {"query": "country", "index_id": index, "aggregation": "all"})
    assert {hit["run_id"] for hit in by_index} == {first, second}


async def test_runs_that_cut_otherwise_show_a_moment_once(api: Api) -> None:
    """`best` takes segments of two runs for one moment when they share half of the shorter one."""
    index, _, first = await films(api)
    prompt = (await api.client.get(f"/prompt-runs/{first}")).json()["prompt_id"]
    other = await world.ran(
        api,
        prompt,
        {"type": "index", "index_id": index},
        video_segmentation_type="fixed",
        video_segment_duration=15,
    )
    hits = await post(api, "/search/multi-run", {"query": "country", "run_ids": [first, other], "top_k": 3})
    spans = [(hit["start_time"], hit["end_time"]) for hit in hits]
    assert spans
    for one in spans:
        for two in spans:
            shared = min(one[1], two[1]) - max(one[0], two[0])
            assert one == two or shared < 0.5 * min(one[1] - one[0], two[1] - two[0])


async def test_the_playground_is_media_in_no_index(api: Api) -> None:
    """Playground search shows media in no index only, of one run or of all."""
    _, _, indexed = await films(api)
    clip = await world.clip(api, title="loose")
    prompt = (await api.client.get(f"/prompt-runs/{indexed}")).json()["prompt_id"]
    run = await world.ran(api, prompt, {"type": "playground"})
    hits = await post(api, "/playground/search", {"query": "country"})
    assert {hit["video_id"] for hit in hits} == {clip}
    assert len(hits) == 3
    one = await post(api, "/playground/search", {"query": "country", "explain": True}, run_id=run)
    assert {hit["run_id"] for hit in one} == {run}
    refused = await post(api, "/playground/search", {"query": "country"}, 422, run_id=indexed)
    assert refused["error"]["code"] == "validation_run_scope"
    await post(api, "/playground/search", {"query": "country"}, 404, run_id="run_unknown")


async def test_conditions_narrow_every_search(api: Api) -> None:
    """Filters leave only results that meet them, in text, image and fused search; whole-item hits go."""
    index, _, _ = await films(api)
    filters = [{"field": "tags", "operator": "item_equals", "type": "array", "value": "PRESS"}]
    asked = {
        "search": {"query": "country"},
        "image-search": {"image_data": shot(3)},
        "multimodal-search": {"text_query": "country", "image_data": shot(3)},
    }
    for path, body in asked.items():
        hits = await post(api, f"/indexes/{index}/{path}", {**body, "filters": filters})
        assert [hit["start_time"] for hit in hits] == [10.0], path
        none = [{"field": "headline", "operator": "equals", "type": "string", "value": "nothing"}]
        assert await post(api, f"/indexes/{index}/{path}", {**body, "filters": none}) == []


async def test_many_matches_are_sifted_after_the_search(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Conditions that leave many results give the same hits as those that leave few."""
    index, _, _ = await films(api)
    filters = [{"field": "tags", "operator": "is_not_empty", "type": "array"}]
    few = await post(api, f"/indexes/{index}/search", {"query": "country", "filters": filters})
    monkeypatch.setattr("videovector_core.search.scoping.FEW", 1)
    many = await post(api, f"/indexes/{index}/search", {"query": "country", "filters": filters})
    assert [hit["result_id"] for hit in few] == [hit["result_id"] for hit in many]
    assert {hit["start_time"] for hit in many} == {0.0, 10.0}


async def test_a_whole_item_shows_a_segment(api: Api) -> None:
    """A media-level hit is tagged and carries a segment to play; image search has none of them."""
    schema = {"type": "object", "properties": {"headline": {"type": "string"}}}
    level = {"instructions_text": "Sum up.", "json_schema": schema, "included_segment_fields": ["headline"]}
    index, _, _ = await films(api, video_level=level)
    hits = await post(api, f"/indexes/{index}/search", {"query": "the whole story"})
    whole = next(hit for hit in hits if hit["result_type"] == "video")
    assert whole["segment_id"] is None
    assert (whole["preview_start_time"], whole["preview_end_time"]) == (0.0, 10.0)
    assert whole["preview_segment_id"].startswith("seg")
    assert whole["preview_thumbnail_uri"]
    seen = await post(api, f"/indexes/{index}/image-search", {"image_data": shot(3)})
    assert {hit["result_type"] for hit in seen} == {"segment"}


BROKEN = base64.b64encode(world.png(5, tail=b"broken")).decode()
HUGE = base64.b64encode(world.png(8000, 5001)).decode()
HEAVY = base64.b64encode(world.png(5, tail=bytes(10 * 1024 * 1024))).decode()
NO_IMAGE = base64.b64encode(b"GIF89a and so on").decode()
PICTURES: list[tuple[dict[str, Any], str]] = [
    ({"image_data": BROKEN}, "validation_image"),
    ({"image_data": HUGE}, "validation_image"),
    ({"image_data": HEAVY}, "validation_image"),
    ({"image_data": NO_IMAGE}, "validation_image"),
    ({"image_data": "not base64!"}, "validation_image"),
    ({"image_data": ""}, "validation_error"),
    ({"image_data": shot(1), "top_k": 0}, "validation_error"),
    ({"image_data": shot(1), "top_k": 101}, "validation_error"),
]
BOTH = {"text_query": "q", "image_data": shot(1)}
WRONG = {"field": "headline", "operator": "equals", "type": "integer", "value": 1}
NOTHING = {"field": "headline", "operator": "equals", "type": "string", "value": "met by no result"}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("search", {}, "validation_error"),
    ("search", {"query": ""}, "validation_error"),
    ("search", {"query": "   "}, "validation_query"),
    ("search", {"query": "x" * 2001}, "validation_error"),
    ("search", {"query": "q", "top_k": 0}, "validation_error"),
    ("search", {"query": "q", "top_k": 101}, "validation_error"),
    ("search", {"query": "q", "search_fields": ["nowhere"]}, "validation_search_fields"),
    ("search", {"query": "q", "search_fields": ["secret"]}, "validation_search_fields"),
    ("search", {"query": "q", "search_fields": ["nowhere"], "filters": [NOTHING]}, "validation_search_fields"),
    *(("image-search", body, code) for body, code in PICTURES),
    *(("multimodal-search", body, code) for body, code in PICTURES),
    *(
        (path, {**body, "filters": filters}, code)
        for path, body in (
            ("search", {"query": "q"}),
            ("image-search", {"image_data": shot(1)}),
            ("multimodal-search", {"text_query": "q"}),
        )
        for filters, code in (
            ([], "validation_error"),
            ([WRONG] * 5, "validation_error"),
            ([WRONG], "validation_filter_field"),
        )
    ),
    ("multimodal-search", {}, "validation_modality"),
    ("multimodal-search", {"text_query": "x" * 2001}, "validation_error"),
    ("multimodal-search", {"text_query": "  "}, "validation_query"),
    ("multimodal-search", {**BOTH, "text_weight": 0.6}, "validation_weights"),
    ("multimodal-search", {**BOTH, "text_weight": 0.5, "image_weight": 0.49999}, "validation_weights"),
    ("multimodal-search", {**BOTH, "text_weight": 1.5, "image_weight": -0.5}, "validation_error"),
    ("multimodal-search", {"text_query": "q", "search_fields": ["nowhere"]}, "validation_search_fields"),
    ("/search/multi-run", {"query": "q"}, "validation_run_ids"),
    ("/search/multi-run", {"query": "q", "run_ids": []}, "validation_run_ids"),
    ("/search/multi-run", {"query": "q", "run_ids": ["run_1"] * 21}, "validation_error"),
    ("/search/multi-run", {"query": " ", "run_ids": ["run_1"]}, "validation_query"),
    ("/search/multi-run", {"query": "x" * 2001, "run_ids": ["run_1"]}, "validation_error"),
    ("/search/multi-run", {"query": "q", "run_ids": ["run_1"], "top_k": 0}, "validation_error"),
    ("/search/multi-run", {"query": "q", "run_ids": ["run_1"], "top_k": 51}, "validation_error"),
    ("/search/multi-run", {"query": "q", "run_ids": ["run_1"], "aggregation": "worst"}, "validation_error"),
    ("/playground/search", {"query": " "}, "validation_query"),
    ("/playground/search", {"query": "x" * 2001}, "validation_error"),
    ("/playground/search", {"query": "q", "top_k": 0}, "validation_error"),
    ("/playground/search", {"query": "q", "top_k": 101}, "validation_error"),
]


async def test_every_refusal_is_a_422_with_a_code(api: Api) -> None:
    """Whatever semantics section 8 calls invalid in a ranked search is 422 with a stable code and a sentence."""
    index, _, _ = await films(api)
    for path, body, code in REFUSED:
        at = path if path.startswith("/") else f"/indexes/{index}/{path}"
        answer = await api.client.post(at, json=body)
        told = {name: str(value)[:40] for name, value in body.items()}
        assert answer.status_code == 422, (path, told, answer.text)
        assert answer.json()["error"]["code"] == code, (path, told, answer.text)


async def test_no_model_sees_a_picture_that_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over 10 MiB, over 40 megapixels, another format and no base64 at all are refused before anything decodes them."""
    index, _, _ = await films(api)
    seen: list[bytes] = []

    async def embed(_: object, images: Sequence[bytes]) -> list[Vector]:
        seen.extend(images)
        return await whole(dial, images)

    dial, whole = world.Dial(), world.Dial.embed
    monkeypatch.setattr(world.Dial, "embed", embed)
    for path in ("image-search", "multimodal-search"):
        for picture in (HEAVY, HUGE, NO_IMAGE, "not base64!"):
            await post(api, f"/indexes/{index}/{path}", {"image_data": picture}, 422)
        assert seen == []
        await post(api, f"/indexes/{index}/{path}", {"image_data": shot(1)})
        assert len(seen) == 1
        seen.clear()


@pytest.mark.parametrize("path", ["/indexes/idx_1/image-search", "/indexes/idx_1/multimodal-search"])
async def test_a_body_far_too_large_is_not_read(api: Api, path: str) -> None:
    """A picture of 200 MB in base64 is refused when the limit for pictures is passed, announced or not."""
    read = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        yield b'{"image_data":"'
        for _ in range(3_200):
            read += 65_536
            yield b"A" * 65_536

    headers = {"Content-Type": "application/json"}
    for more in ({}, {"Content-Length": "209715217"}):
        answer = await api.client.post(path, content=chunks(), headers={**headers, **more})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
    assert read <= MAX_IMAGE_JSON + 4 * 65_536


async def test_runs_out_of_scope_and_unknown_things(api: Api) -> None:
    """A run of another index is 422, an unknown run, index or clip 404, whatever the kind of search."""
    index, _, run = await films(api)
    other = await world.index(api, "other")
    filters = {"conditions": [{"field": "headline", "operator": "is_empty", "type": "string"}]}
    paths: dict[str, dict[str, Any]] = {
        "/indexes/{}/search": {"query": "q"},
        "/indexes/{}/image-search": {"image_data": shot(1)},
        "/indexes/{}/multimodal-search": {"text_query": "q"},
        "/search/filter/{}": filters,
    }
    for path, body in paths.items():
        refused = await post(api, path.format(other), {**body, "run_ids": [run]}, 422)
        assert refused["error"]["code"] == "validation_run_scope"
        await post(api, path.format(other), {**body, "run_ids": ["run_unknown"]}, 404)
        await post(api, path.format(other), {**body, "video_ids": ["vid_unknown"]}, 404)
        await post(api, path.format("idx_unknown"), body, 404)
        assert await post(api, path.format(other), {**body, "index_ids": [index], "run_ids": [run]})
    await post(api, "/search/multi-run", {"query": "q", "index_id": "idx_unknown"}, 404)
    await post(api, "/search/multi-run", {"query": "q", "run_ids": ["run_unknown"]}, 404)
