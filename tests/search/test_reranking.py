"""The second opinion on the best hits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import define, evolve, field

from tests.http.api import serving
from tests.search import world
from tests.search.world import Scripted
from tests.stub_model import Call, Reply, StubModel
from videovector_adapters.openai import Endpoint, OpenAIReranker
from videovector_core.errors import ProcessingFailed

DOCUMENTS = {0: {"headline": "old mill"}, 10: {"headline": "mill"}, 20: {"headline": "mill by the river"}}


@define
class Longest:
    """A reranker that likes long texts, or does what is wrong."""

    wrong: str = ""
    asked: list[tuple[str, int]] = field(factory=list)
    model: str = "longest"

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        self.asked.append((query, len(texts)))
        if self.wrong == "fails":
            raise ProcessingFailed("no", code="model_error")
        if self.wrong == "hangs":
            await asyncio.sleep(3600)
        if self.wrong == "nan":
            return [float("nan")] * len(texts)
        return [len(text) / 100 for text in texts][: 1 if self.wrong == "short" else None]


async def found(model: Longest | None) -> list[dict[str, Any]]:
    """Search three scenes for a word that all have."""
    async with serving(models=evolve(world.models(Scripted(DOCUMENTS)), reranker=model)) as api:
        index = await world.index(api)
        await world.clip(api, index_id=index)
        await world.ran(api, await world.prompt(api), {"type": "index", "index_id": index})
        body = {"query": "mill", "top_k": 2, "explain": True}
        hits: list[dict[str, Any]] = (await api.client.post(f"/indexes/{index}/search", json=body)).json()
        return hits


async def test_hits_come_in_the_order_of_the_reranker() -> None:
    """One from below those wanted comes up, with its score and its part of the explanation; without a model it is null."""
    model = Longest()
    plain, second = await found(None), await found(model)
    assert model.asked == [("mill", 3)]
    assert [hit["reranked_score"] for hit in plain] == [None, None]
    assert [hit["start_time"] for hit in second] == [20.0, 0.0]
    assert second[0]["reranked_score"] > second[1]["reranked_score"]
    (part,) = [part for part in second[1]["explain"]["parts"] if part["signal"] == "reranker"]
    assert (part["rank"], part["score"]) == (2, second[1]["reranked_score"])


async def test_pages_of_a_ranking_tell_its_scores() -> None:
    """The short way's search gives the reranker's score on every page, in the order of the ranking."""
    async with serving(models=evolve(world.models(Scripted(DOCUMENTS)), reranker=Longest())) as api:
        index = await world.index(api)
        await world.clip(api, index_id=index)
        await world.ran(api, await world.prompt(api), {"type": "index", "index_id": index})
        body = {"query": "mill", "index_id": index, "limit": 1}
        first = (await api.client.post("/workflow/search", json=body)).json()
        params = {"cursor": first["pagination"]["next_cursor"]}
        second = (await api.client.get("/workflow/search/page", params=params)).json()
        (best,), (next_best,) = first["data"], second["data"]
        assert best["start_time"] == 20.0
        assert best["reranked_score"] > next_best["reranked_score"] > 0


@pytest.mark.parametrize("wrong", ["fails", "hangs", "nan", "short"])
async def test_a_search_does_not_depend_on_it(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reranker that fails, hangs or answers nonsense leaves the hits as they were."""
    monkeypatch.setattr("videovector_core.search.reranking.reranked.__kwdefaults__", {"seconds": 0.05})
    plain, same = await found(None), await found(Longest(wrong))
    assert [hit["result_id"] for hit in same] == [hit["result_id"] for hit in plain]
    assert [hit["reranked_score"] for hit in same] == [None, None]


async def test_an_endpoint_reranks() -> None:
    """Scores are matched to texts by their index; an answer without one of them, and an error, are failures."""
    results = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
    replies = [Reply(body={"results": results}), Reply(body={"results": results[:1]}), Reply(status=500)]

    def script(call: Call, before: int) -> Reply:
        assert call.path == "/rerank"
        assert call.body == {"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 2}
        return replies[before]

    with StubModel(script=script) as stub:
        model = OpenAIReranker(Endpoint(stub.url, "", "m"))
        assert await model.rerank("q", ["a", "b"]) == [0.1, 0.9]
        for _ in range(2):
            with pytest.raises(ProcessingFailed):
                await model.rerank("q", ["a", "b"])
        await model.endpoint.close()
