"""An application in memory with real Parquet files and a real box, two films and a finished run over both."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from attrs import define, field

from tests.http.api import Api, serving
from videovector_adapters.duckdb.sandbox import DuckdbSandbox
from videovector_adapters.duckdb.tables import ParquetTables
from videovector_adapters.memory.models import (
    Echo,
    PictureHashes,
    ToyDecoder,
    ToyPictures,
    ToyTranscriber,
    WordHashes,
    toy,
)
from videovector_adapters.memory.parts import MemoryBlobs
from videovector_core.errors import ProcessingFailed
from videovector_core.models.bundle import Models
from videovector_core.models.ports import Extraction, ExtractionRequest, Usage
from videovector_core.sqlsearch.ports import Tables

CLIP = toy(duration=30, cuts=[10, 20], speech=[[1, 4, "ask not what"], [12, 15, "movable type"], [22, 25, "the end"]])
OTHER_CLIP = toy(duration=20, cuts=[10], speech=[[1, 4, "a second film"]])
SCHEMA = {
    "type": "object",
    "properties": {
        "headline": {"type": "string"},
        "scene": {
            "type": "object",
            "properties": {
                "people": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"emotion": {"type": "string"}, "age": {"type": "integer"}},
                    },
                }
            },
        },
    },
}
PROMPT = {
    "name": "Scene",
    "prompt_text": "Say what is seen here.",
    "json_schema": SCHEMA,
    "video_level": {
        "instructions_text": "Say what it is about.",
        "json_schema": {"type": "object", "properties": {"summary": {"type": "string"}}},
        "included_segment_fields": ["headline"],
    },
}


@define
class Moody(Echo):
    """Finds one happy person in every segment; refuses those that hold a word, for as long as there is one."""

    refuses: list[str] = field(factory=list)

    async def extract(self, request: ExtractionRequest) -> Extraction:
        said = " ".join(phrase.text for phrase in request.evidence.transcript.phrases)
        if any(word in said for word in self.refuses):
            raise ProcessingFailed("the model says no", code="model_error")
        person = {"emotion": "happy", "age": len(said)}
        return Extraction(json.dumps({"headline": said, "scene": {"people": [person]}}), "toy", Usage())


@define
class World:
    """An application with an index, two films and a finished run over both."""

    api: Api
    model: Moody
    index: str
    run: str
    videos: tuple[str, str]

    async def ask(self, query: str, status: int = 200, **more: Any) -> Any:
        """Run a query."""
        answer = await self.post("", status, {"query": query, **more})
        return answer if status >= 300 else answer["rows"]

    async def post(self, path: str, status: int, body: Any = None, **more: Any) -> Any:
        """Call a route of SQL search."""
        answer = await self.api.client.post(f"/search/sql/{self.index}{path}", json=body, **more)
        assert answer.status_code == status, answer.text
        return answer.json()


def models(model: Moody) -> Models:
    return Models(
        model,
        model,
        WordHashes(),
        transcriber=ToyTranscriber(),
        images=PictureHashes(),
        pictures=ToyPictures(),
    )


@contextlib.asynccontextmanager
async def built(engine: DuckdbSandbox, tables: Callable[[MemoryBlobs], Tables] = ParquetTables) -> AsyncIterator[World]:
    """Serve a world whose run has a failed segment."""
    model, blobs = Moody(refuses=["movable"]), MemoryBlobs()
    async with serving(
        sql=engine, tables=tables(blobs), blobs=blobs, decoder=ToyDecoder(blobs), models=models(model)
    ) as api:
        index = (await api.client.post("/indexes", json={"name": "films"})).json()["index_id"]
        videos = [await uploaded(api, index, title, clip) for title, clip in (("A", CLIP), ("B", OTHER_CLIP))]
        run = await executed(api, index)
        yield World(api, model, index, run, (videos[0], videos[1]))


async def uploaded(api: Api, index: str, title: str, clip: bytes) -> str:
    files = {"file": ("a.mp4", clip, "video/mp4")}
    answer = await api.client.post("/videos/upload", files=files, data={"title": title, "index_id": index})
    return str(answer.json()["video_id"])


async def executed(api: Api, index: str) -> str:
    prompt = (await api.client.post("/prompts", json=PROMPT)).json()["prompt_id"]
    body = {"prompt_id": prompt, "target": {"type": "index", "index_id": index}}
    run = (await api.client.post("/prompt-runs/execute", json=body)).json()["run_id"]
    assert (await api.finished(run))["status"].startswith("completed")
    return str(run)


def kept(world: World) -> list[str]:
    """List the stored Parquet files."""
    blobs = world.api.vv.ports.blobs
    assert isinstance(blobs, MemoryBlobs)
    return [name for name, data in blobs.kept.items() if data[:4] == b"PAR1"]
