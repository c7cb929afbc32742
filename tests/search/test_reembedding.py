"""Moving to another model of texts while searches go on, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import define, evolve

from tests.http.api import serving
from tests.search import world
from tests.search.world import Scripted
from videovector_adapters.memory.models import WordHashes
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_core.errors import ProcessingFailed
from videovector_core.models.bundle import Models
from videovector_core.models.ports import TextEmbedder, Vector
from videovector_core.search.service import Where

PEOPLE = [{"emotion": "glad"}, {"emotion": "cross"}]
DOCUMENTS: dict[int, dict[str, Any]] = {
    0: {"headline": "reporter at the station"},
    10: {"headline": "movable type", "scene": {"people": PEOPLE}},
    20: {"headline": "garden"},
}
QUERIES = {"station": 0.0, "type": 10.0, "garden": 20.0}


@define
class Away:
    """A model that is not there."""

    space: str = "away"
    dimensions: int = 8

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        raise ProcessingFailed("away", code="model_error", transient=True)


def speaking(vv: VideoVector, text: TextEmbedder, *also: TextEmbedder) -> VideoVector:
    """Return the application as it starts with other settings."""
    models: Models = evolve(vv.ports.models, text=text, also=also)
    return VideoVector(evolve(vv.ports, models=models))


async def answers(vv: VideoVector, user_id: str, index_id: str) -> dict[str, float]:
    """Say where the best hit of each question by meaning starts."""
    best = {}
    for query in QUERIES:
        hits = await vv.search.text(Caller(user_id), query, Where(index_id))
        best[query] = next(hit.start for hit in hits if hit.similarity is not None)
    return best


async def settled(vv: VideoVector) -> dict[str, int]:
    """Tell the engine what it is owed, and count the rows of each space."""
    async for _ in vv.relay.pay_all():
        pass
    report = await vv.checker.check()
    assert report.clean, report.sentence
    return {space: rows for space, (rows, _) in report.spaces.items()}


async def test_a_tenant_moves_to_another_model_and_back() -> None:
    """Both spaces are filled before the switch, what is written meanwhile is in both, and every question keeps its answer."""
    old, new = WordHashes(), WordHashes(space="new", dimensions=32)
    async with serving(models=world.models(Scripted(DOCUMENTS))) as api:
        index = await world.index(api)
        prompt = await world.prompt(api, video_level={"instructions_text": "Sum up.", "json_schema": world.SCHEMA})
        await world.clip(api, index_id=index)
        await world.ran(api, prompt, {"type": "index", "index_id": index})
        texts = (await settled(api.vv))["words"]
        assert await answers(api.vv, api.user_id, index) == QUERIES

        walk = api.vv.reembedding.fill(new)
        assert await anext(walk) > 0
        assert await answers(api.vv, api.user_id, index) == QUERIES  # half filled, nobody notices
        assert sum([done async for done in walk]) == 0  # this little was one page
        assert [done async for done in api.vv.reembedding.fill(new)] == []
        counted = await settled(api.vv)
        assert (counted["words"], counted["new"]) == (texts, texts)

        both = speaking(api.vv, new, old)
        assert await answers(both, api.user_id, index) == QUERIES
        # the server of before still writes the old space only
        await world.ran(api, prompt, {"type": "index", "index_id": index}, force=True)
        assert [done async for done in both.reembedding.fill(new)] == [texts]
        assert (await settled(both))["new"] == 2 * texts
        assert await answers(speaking(api.vv, old, new), api.user_id, index) == QUERIES

        assert sum([done async for done in both.reembedding.forget("words")]) == 2 * texts
        left = await settled(both)
        assert left.get("words", 0) == 0
        assert left["new"] == 2 * texts
        assert await answers(both, api.user_id, index) == QUERIES


@pytest.mark.parametrize("other", [WordHashes(space="new", dimensions=16), Away()])
async def test_what_is_written_during_a_move_has_both(other: TextEmbedder) -> None:
    """New results have vectors of both models; one that is away holds nothing up."""
    models = evolve(world.models(Scripted(DOCUMENTS)), also=(other,))
    async with serving(models=models) as api:
        index = await world.index(api)
        await world.clip(api, index_id=index)
        await world.ran(api, await world.prompt(api), {"type": "index", "index_id": index})
        counted = await settled(api.vv)
        assert counted["words"] > 0
        assert counted.get(other.space, 0) == (0 if isinstance(other, Away) else counted["words"])


def test_spaces_of_pictures_are_known() -> None:
    """Both spaces of pictures are told, so that nobody forgets them as one of texts, and none where there are none."""
    script = Scripted(DOCUMENTS)
    both = world.models(script, joint=True)
    assert both.images is not None
    assert both.picture_spaces == {both.images.space, "dial-words"}
    assert both.text.space not in both.picture_spaces
    assert world.models(script, pictures=False).picture_spaces == frozenset()
