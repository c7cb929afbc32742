"""An application in memory whose clips hold what a test says: fields by segment, pictures by second."""

from __future__ import annotations

import base64
import json
import math
import struct
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from tests.http.api import Api
from videovector_adapters.memory.models import ToyPictures, ToyTranscriber, WordHashes, toy
from videovector_core.errors import ProcessingFailed
from videovector_core.models.bundle import Models
from videovector_core.models.ports import Extraction, ExtractionRequest, SynthesisRequest, Vector

STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
PERSON = {
    "type": "object",
    "properties": {"emotion": STRING, "confidence": NUMBER, "notes": {"type": "array", "items": STRING}},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "headline": STRING,
        "secret": STRING,
        "count": INTEGER,
        "rating": NUMBER,
        "indoor": {"type": "boolean"},
        "tags": {"type": "array", "items": STRING},
        "levels": {"type": "array", "items": INTEGER},
        "scene": {"type": "object", "properties": {"people": {"type": "array", "items": PERSON}}},
    },
}


@define
class Scripted:
    """`Extractor` that answers with the document of the segment's start second."""

    documents: dict[int, dict[str, Any]] = field(factory=dict)

    async def extract(self, request: ExtractionRequest) -> Extraction:
        return Extraction(json.dumps(self.documents.get(int(request.evidence.start), {})), "toy")

    async def synthesize(self, request: SynthesisRequest) -> Extraction:
        return Extraction(json.dumps({"headline": "the whole story"}), "toy")


@frozen
class Dial:
    """Pictures as directions: the second they show, so that near seconds look alike; words name a second."""

    space: str = "dial"
    dimensions: int = 2
    joint_space: str = "dial-words"
    joint_dimensions: int = 2

    async def embed(self, images: Sequence[bytes]) -> list[Vector]:
        return [_direction(_second(image)) for image in images]

    async def embed_joint(self, images: Sequence[bytes]) -> list[Vector]:
        return await self.embed(images)

    async def embed_query(self, texts: Sequence[str]) -> list[Vector]:
        return [_direction(float(text.split()[-1])) for text in texts]


def _second(image: bytes) -> float:
    if image.endswith(b"broken"):
        raise ProcessingFailed("the picture cannot be decoded", code="media_decode_error")
    return struct.unpack_from(">I", image, 16)[0] - 1 if image.startswith(b"\x89PNG") else float(image.split()[-1])


def _direction(second: float) -> Vector:
    return array("f", (math.cos(second / 20), math.sin(second / 20)))


def png(width: int, height: int = 1, tail: bytes = b"") -> bytes:
    """Make the beginning of a PNG of some size."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + tail


def shot(second: int) -> str:
    """Make a picture that looks like a second, as a question holds it."""
    return base64.b64encode(png(second + 1)).decode()


def models(script: Scripted, *, pictures: bool = True, joint: bool = False) -> Models:
    """Make models that follow a script."""
    return Models(
        script,
        script,
        WordHashes(),
        transcriber=ToyTranscriber(),
        images=Dial() if pictures else None,
        joint=Dial() if joint else None,
        pictures=ToyPictures(),
    )


async def clip(api: Api, *, index_id: str | None = None, title: str = "A", **about: Any) -> str:
    """Upload 30 seconds with cuts at 10 and 20."""
    content = toy(duration=30, cuts=[10, 20], name=title, **about)
    where = {"index_id": index_id} if index_id else {}
    answer = await api.client.post(
        "/videos/upload", files={"file": ("a.mp4", content, "video/mp4")}, data={"title": title, **where}
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["video"]["video_id"])


async def index(api: Api, name: str = "films") -> str:
    """Make an index."""
    return str((await api.client.post("/indexes", json={"name": name})).json()["index_id"])


async def prompt(api: Api, **more: Any) -> str:
    """Make a prompt over the schema."""
    body = {"name": "Scene", "prompt_text": "Say what is seen here.", "json_schema": SCHEMA, **more}
    answer = await api.client.post("/prompts", json=body)
    assert answer.status_code < 300, answer.text
    return str(answer.json()["prompt_id"])


async def ran(api: Api, prompt_id: str, target: Mapping[str, Any], **more: Any) -> str:
    """Run a prompt to its end."""
    answer = await api.client.post(
        "/prompt-runs/execute",
        json={
            "prompt_id": prompt_id,
            "target": target,
            "video_segmentation_type": "smart",
            "audio_segmentation_type": "content_aware",
            "enable_transcription": False,
            "enable_image_embedding": True,
            **more,
        },
    )
    assert answer.status_code == 202, answer.text
    done = await api.finished(answer.json()["run_id"])
    assert done["status"] == "completed", done
    return str(done["run_id"])
