"""Measured search: what counts as found, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http.api import Api, serving
from tests.search import world
from tests.search.world import Scripted, shot
from videovector_core.errors import Invalid
from videovector_core.evaluations import Moment, ndcg, overlap, quantile
from videovector_http import measured
from videovector_http.wire.evaluations import Evaluation

DOCUMENTS = {0: {"headline": "reporter at the station"}, 10: {"headline": "movable type"}, 20: {"headline": "garden"}}
TIMES = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda pair: (min(pair), max(pair)))


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving(models=world.models(Scripted(DOCUMENTS))) as one:
        yield one


async def films(api: Api) -> tuple[str, str, str]:
    index = await world.index(api)
    clip = await world.clip(api, index_id=index)
    return index, clip, await world.ran(api, await world.prompt(api), {"type": "index", "index_id": index})


async def evaluation(api: Api, body: dict[str, Any], status: int = 200) -> Any:
    answer = await api.client.post("/evaluations", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_labelled_queries_are_measured_by_group(api: Api) -> None:
    """A stretch counts from an overlap of one half, ranks and recall follow, groups are apart, runs compare."""
    index, clip, run = await films(api)
    body: dict[str, Any] = {
        "index_id": index,
        "name": "nightly",
        "compare": True,
        "queries": [
            {"query": "station", "group": "names", "relevant": [{"video_id": clip, "start_time": 1, "end_time": 9}]},
            {"query": "type", "group": "names", "relevant": [{"video_id": clip, "start_time": 4, "end_time": 30}]},
            {"query": "type", "relevant": [{"video_id": "vid_other"}], "query_id": "lost"},
            {"image_data": shot(2), "relevant": [{"video_id": clip, "start_time": 0, "end_time": 10}]},
            {"query": "garden", "image_data": shot(22), "relevant": [{"video_id": clip}]},
        ],
    }
    found = await evaluation(api, body)
    first, second, lost, seen, both = found["queries"]
    assert (first["first_rank"], first["recall"], first["ndcg"]) == (1, {"1": 1.0, "5": 1.0, "10": 1.0}, 1.0)
    assert second["first_rank"] is None  # ten of twenty-six seconds are less than half
    assert (lost["query_id"], lost["reciprocal_rank"]) == ("lost", 0.0)
    assert seen["first_rank"] == both["first_rank"] == 1
    assert found["groups"]["names"]["mrr"] == 0.5
    assert found["overall"]["recall"]["10"] == pytest.approx(3 / 5)
    assert found["overall"]["p95_ms"] > 0
    assert found["run_ids"] == [one["run_id"] for one in found["runs"]] == [run]
    assert found["runs"][0]["overall"]["mrr"] == found["overall"]["mrr"]
    again = await evaluation(api, {**body, "top_k": 5})
    assert again["queries_fingerprint"] == found["queries_fingerprint"]
    other = await evaluation(api, {**body, "queries": body["queries"][:1]})
    assert other["queries_fingerprint"] != found["queries_fingerprint"]


async def test_a_comparison_that_is_too_long_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries times runs have a bound, which is told before anything is searched."""
    monkeypatch.setattr("videovector_core.evaluations.MAX_ASKED", 3)
    index, clip, _ = await films(api)
    queries = [{"query": word, "relevant": [{"video_id": clip}]} for word in ("station", "type")]
    await evaluation(api, {"index_id": index, "queries": queries})
    refused = await evaluation(api, {"index_id": index, "queries": queries, "compare": True}, 422)
    assert refused["error"]["code"] == "validation_queries"
    assert "4 searches" in refused["error"]["message"]


async def test_evaluations_that_cannot_be_measured_are_refused(api: Api) -> None:
    """No queries, a query that asks nothing, no right answer, half a stretch, no scope: 422; unknown scope: 404."""
    index, clip, _ = await films(api)
    fine = {"query": "q", "relevant": [{"video_id": clip}]}
    for body in (
        {"index_id": index, "queries": []},
        {"index_id": index, "queries": [{"relevant": [{"video_id": clip}]}]},
        {"index_id": index, "queries": [{"query": "q", "relevant": []}]},
        {"index_id": index, "queries": [{"query": "q", "relevant": [{"video_id": clip, "start_time": 1}]}]},
        {"index_id": index, "queries": [{"query": " ", "relevant": [{"video_id": clip}]}]},
        {"queries": [fine]},
        {"index_id": index, "queries": [fine], "iou": 0},
    ):
        await evaluation(api, body, 422)
    await evaluation(api, {"index_id": "idx_unknown", "queries": [fine]}, 404)
    await evaluation(api, {"run_ids": ["run_unknown"], "queries": [fine]}, 404)


@given(TIMES, TIMES)
def test_overlap_is_a_symmetric_share(one: tuple[int, int], other: tuple[int, int]) -> None:
    """Overlap lies in 0 to 1, is the same both ways, and 1 exactly for equal stretches."""
    share = overlap(one, other)
    assert 0 <= share <= 1
    assert share == overlap(other, one)
    assert (share == 1) is (one == other)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=8))
def test_ndcg_is_one_for_the_best_order_only(grades: list[float]) -> None:
    """The ideal ranking scores 1 and no ranking scores more."""
    best = sorted(grades, reverse=True)
    assert ndcg(best, grades, len(grades)) == 1.0
    assert ndcg(grades, grades, len(grades)) <= 1.0
    assert ndcg([None, *best], grades, len(grades)) < 1.0


def test_numbers_worked_by_hand() -> None:
    """Right answers at ranks 1 and 3 of grades 1 and 2; the 95th of a hundred times."""
    ideal = 3 / math.log2(2) + 1 / math.log2(3)
    assert ndcg([1.0, None, 2.0], [1.0, 2.0], 10) == pytest.approx((1 + 3 / 2) / ideal, abs=1e-6)
    assert quantile(list(range(1, 101)), 0.95) == 95
    with pytest.raises(Invalid):
        Moment("vid_1", start_time=3, end_time=1)


async def test_the_command_line_reads_bounds_and_prints_groups(api: Api, tmp_path: Path) -> None:
    """A bound that is not kept or measures nothing gives a sentence; queries without a group are not taken for all."""
    index, clip, _ = await films(api)
    named = {"query": "type", "group": "names", "relevant": [{"video_id": clip}]}
    lost = {"query": "type", "relevant": [{"video_id": "vid_other"}]}
    body = {"index_id": index, "queries": [named]}
    found = msgspec.convert(await evaluation(api, body), Evaluation)
    assert "| names | 1 | 1.000 |" in measured.table(found)
    several = msgspec.convert(await evaluation(api, {"index_id": index, "queries": [named, lost]}), Evaluation)
    assert "| overall | 2 | 0.500 |" in measured.table(several)
    assert "| all | 1 | 0.000 |" in measured.table(several)
    assert measured.missed(found, measured.bounds(["recall@10=1", "mrr=0.9", "p95_ms=100000"])) == []
    assert len(measured.missed(found, measured.bounds(["mrr=1.1", "recall@3=0.1", "p95_ms=0"]))) == 3
    file = tmp_path / "queries.json"
    file.write_bytes(msgspec.json.encode(body))
    assert measured.read(file).index_id == index
    file.write_text("{}")
    for bad in (lambda: measured.read(file), lambda: measured.read(tmp_path / "no")):
        with pytest.raises(Invalid):
            bad()
    for bound in ("mrr", "mrr=", "mrr=much", "mrr=nan", "p95_ms=inf"):
        with pytest.raises(Invalid):
            measured.bounds([bound])
