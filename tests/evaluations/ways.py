"""The labelled set asked in three ways: as the product ranks, by vectors alone, by words alone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from attrs import define, frozen

from tests.evaluations.labelled import SCHEMA, Labelled, extractor, labelled
from tests.http.api import Api, serving
from videovector_adapters.local.clients import LocalTextEmbedder
from videovector_adapters.local.weights import Weights
from videovector_adapters.memory.models import ToyTranscriber
from videovector_adapters.qdrant.edge import EdgeServer, EdgeVectors
from videovector_core.models.bundle import Models
from videovector_core.models.ports import Vector
from videovector_core.vectors.ports import Indexing, Point, Scope, Scored
from videovector_http.wire.evaluations import Evaluation

WAYS = ("hybrid", "dense", "lexical")


@define
class Half:
    """A `VectorIndex` of which one ranking can be switched off."""

    whole: EdgeVectors
    way: str = "hybrid"

    async def upsert(self, points: Sequence[Point]) -> None:
        await self.whole.upsert(points)

    async def delete(self, ids: Sequence[str]) -> None:
        await self.whole.delete(ids)

    async def nearest(
        self, space: str, vector: Vector, *, within: Scope, top_k: int, exact: bool = False
    ) -> list[Scored]:
        if self.way == "lexical":
            return []
        return await self.whole.nearest(space, vector, within=within, top_k=top_k, exact=exact)

    async def lexical(self, terms: Mapping[int, float], *, within: Scope, top_k: int, least: int = 1) -> list[Scored]:
        if self.way == "dense":
            return []
        return await self.whole.lexical(terms, within=within, top_k=top_k, least=least)

    async def versions(self, *, after: str | None = None, limit: int = 1000) -> list[tuple[str, int]]:
        return await self.whole.versions(after=after, limit=limit)

    async def count(self, *, within: Scope | None = None) -> int:
        return await self.whole.count(within=within)

    async def indexing(self) -> dict[str, Indexing]:
        return await self.whole.indexing()


@frozen
class Filmed:
    """An application that has the films of the labelled set."""

    api: Api
    engine: Half
    made: Labelled
    index: str
    videos: list[str]

    async def evaluated(self, way: str) -> Evaluation:
        """Ask all questions over HTTP in one way."""
        self.engine.way = way
        try:
            answer = await self.api.client.post("/evaluations", json=self.made.evaluation(self.index, self.videos))
        finally:
            self.engine.way = "hybrid"
        assert answer.status_code == 200, answer.text
        return msgspec.convert(answer.json(), Evaluation)


@contextlib.asynccontextmanager
async def filmed(folder: Path, weights: Weights | None = None, **more: Any) -> AsyncIterator[Filmed]:
    """Upload the films, run a prompt over them, and lend what has them."""
    made = labelled()
    text = LocalTextEmbedder(weights or Weights())
    server, client = EdgeServer(folder / "v", folder / "s"), EdgeVectors(folder / "s")
    await server.start()
    engine, reads = Half(client), extractor(made)
    models = Models(reads, reads, text, transcriber=ToyTranscriber(), **more)
    try:
        async with serving(vectors=engine, models=models) as api:
            index, videos = await _told(api, made)
            yield Filmed(api, engine, made, index, videos)
    finally:
        await client.close()
        await server.stop()
        await text.close()


async def _told(api: Api, made: Labelled) -> tuple[str, list[str]]:
    index = (await api.client.post("/indexes", json={"name": "labelled"})).json()["index_id"]
    videos = []
    for number, film in enumerate(made.films()):
        answer = await api.client.post(
            "/videos/upload",
            files={"file": ("a.mp4", film, "video/mp4")},
            data={"title": f"Film {number}", "index_id": index},
        )
        assert answer.status_code == 202, answer.text
        videos.append(str(answer.json()["video"]["video_id"]))
    body = {"name": "Report", "prompt_text": "Say what is shown.", "json_schema": SCHEMA}
    prompt = (await api.client.post("/prompts", json=body)).json()["prompt_id"]
    target = {"type": "index", "index_id": index}
    run = {"prompt_id": prompt, "target": target, "video_segmentation_type": "smart", "enable_transcription": True}
    started = await api.client.post("/prompt-runs/execute", json=run)
    assert started.status_code == 202, started.text
    done = await api.finished(started.json()["run_id"])
    assert done["status"] == "completed", done
    return index, videos
