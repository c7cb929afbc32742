"""Models and a decoder in memory: deterministic, quick, and honest about being toys.

The decoder reads a toy format, JSON such as `{"kind": "video", "duration": 30, "cuts": [10, 20], "speech": [[1, 4, "hello"]]}`.
The text embedder hashes words, so texts that share words are near each other.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import tempfile
from array import array
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from attrs import define, frozen

from videovector_core.errors import Invalid
from videovector_core.fields import leaves
from videovector_core.media.derived import Derived, Still
from videovector_core.models.ports import (
    Extraction,
    ExtractionRequest,
    Label,
    Phrase,
    SynthesisRequest,
    Transcript,
    Usage,
    Vector,
)
from videovector_core.ports import Blobs
from videovector_core.segments.cuts import Cut
from videovector_core.signals import Beat, MediaType, Probe
from videovector_core.vectors.lexical import tokens


def toy(kind: str = "video", *, duration: float = 30.0, **more: Any) -> bytes:
    """Make a file of the toy format."""
    return json.dumps({"kind": kind, "duration": duration, **more}).encode()


@frozen
class ToyDecoder:
    """`Decoder` of the toy format."""

    blobs: Blobs
    version: str = "toy"

    async def probe(self, sha256: str) -> Probe:
        about = await self._read(sha256)
        kind = MediaType(about["kind"])
        return Probe(kind, float(about["duration"]), "toy", f"{kind.value}/x-toy", has_audio="speech" in about)

    async def derive(self, sha256: str, *, beat: Beat | None = None) -> Derived:
        about = await self._read(sha256)
        seconds = range(math.ceil(about["duration"]) or 1)
        pictures = [f"{sha256[:8]} {second}".encode() for second in seconds]
        frames, at = [], 0
        for second, picture in enumerate(pictures):
            frames.append(Still(float(second), at, at + len(picture)))
            at += len(picture)
        pack = await self.blobs.put(_chunks(b"".join(pictures)))
        sound = (
            await self.blobs.put(_chunks(json.dumps(about.get("speech", [])).encode())) if "speech" in about else None
        )
        if beat is not None:
            beat(about["duration"])
        audio = sound.sha256 if sound else None
        has_frames = about["kind"] != "audio"
        return Derived(
            about["duration"],
            [Cut(float(second)) for second in about.get("cuts", [])],
            frames if has_frames else (),
            pack.sha256 if has_frames else None,
            audio=audio,
        )

    async def thumbnail(self, sha256: str, at: float, *, long_side: int = 640) -> bytes:
        return f"{sha256[:8]} {at:.1f} {long_side}".encode()

    async def gif(self, sha256: str, start: float, end: float, *, long_side: int = 320) -> bytes:
        return f"GIF89a {sha256[:8]} {start:.1f} {end:.1f} {long_side}".encode()

    @contextlib.asynccontextmanager
    async def clip(self, sha256: str, start: float, end: float) -> AsyncIterator[Path]:
        with tempfile.TemporaryDirectory() as into:
            made = Path(into, "clip.mp4")
            made.write_bytes(f"clip {sha256[:8]} {start:.1f} {end:.1f}".encode())  # noqa: ASYNC240 - a few bytes
            yield made

    async def _read(self, sha256: str) -> dict[str, Any]:
        data = b"".join([chunk async for chunk in self.blobs.read(sha256)])
        try:
            about = json.loads(data)
            return {**about, "kind": MediaType(about["kind"]).value}
        except (ValueError, KeyError, TypeError) as error:
            raise Invalid(
                "The file is no supported media; upload one that is.", code="validation_unsupported_media_type"
            ) from error


async def _chunks(data: bytes) -> Any:
    yield data


@frozen
class ToyTranscriber:
    """`Transcriber` of the toy format."""

    model: str = "toy-speech"

    async def transcribe(self, audio: Path, *, beat: Beat | None = None) -> Transcript:
        lines = json.loads(audio.read_text())  # noqa: ASYNC240 - a toy: the file is a few bytes
        phrases = tuple(Phrase(float(start), float(end), text) for start, end, text in lines)
        if beat is not None and phrases:
            beat(phrases[-1].end)
        return Transcript(phrases, "en" if phrases else None, tuple((p.start, p.end) for p in phrases))


@define
class WordHashes:
    """`TextEmbedder` that adds up one random direction for each word; `calls` counts, so that tests can see savings."""

    space: str = "words"
    dimensions: int = 64
    calls: int = 0

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        self.calls += len(texts)
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Vector:
        total = [0.0] * self.dimensions
        for word in tokens(text) or ["nothing"]:
            digest = hashlib.blake2b(word.encode(), digest_size=self.dimensions).digest()
            total = [value + (byte - 127.5) for value, byte in zip(total, digest, strict=True)]
        length = math.sqrt(sum(value * value for value in total)) or 1.0
        return array("f", (value / length for value in total))


@frozen
class PictureHashes:
    """`ImageEmbedder` that gives equal bytes equal directions."""

    space: str = "pictures"
    dimensions: int = 16

    async def embed(self, images: Sequence[bytes]) -> list[Vector]:
        return [self._one(image) for image in images]

    def _one(self, image: bytes) -> Vector:
        values = [byte - 127.5 for byte in hashlib.blake2b(image, digest_size=self.dimensions).digest()]
        length = math.sqrt(sum(value * value for value in values))
        return array("f", (value / length for value in values))


@frozen
class ToyPictures:
    """`PictureReader` that sees nothing."""

    model: str = "toy-eyes"

    async def read_text(self, images: Sequence[bytes]) -> list[tuple[str, ...]]:
        return [() for _ in images]

    async def label(self, images: Sequence[bytes]) -> list[tuple[Label, ...]]:
        return [() for _ in images]


@define
class Echo:
    """`Extractor` and `Synthesizer` that put what was said into the first string field; `calls` counts."""

    calls: int = 0

    async def extract(self, request: ExtractionRequest) -> Extraction:
        said = " ".join(phrase.text for phrase in request.evidence.transcript.phrases)
        return self._answer(request.json_schema, said or request.evidence.title)

    async def synthesize(self, request: SynthesisRequest) -> Extraction:
        return self._answer(request.json_schema, f"{len(request.evidence)} segments")

    def _answer(self, schema: Any, text: str) -> Extraction:
        self.calls += 1
        top = [leaf for leaf in leaves(schema) if leaf.type == "string" and len(leaf.path.steps) == 1]
        single = [leaf for leaf in top if not leaf.path.steps[0].many and leaf.enum is None]
        document = {single[0].path.name: text} if single else {}
        return Extraction(json.dumps(document), "toy", Usage(len(text), len(text)))
