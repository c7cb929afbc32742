"""Gathering what is known about a media item and about each of its segments, each piece once per content."""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from attrs import asdict, define, field, frozen

from videovector_core.errors import NotFound
from videovector_core.media.derived import Decoder, Derived, Still, nearest, spread
from videovector_core.media.model import MediaItem
from videovector_core.models.bundle import Models
from videovector_core.models.cache import content_key
from videovector_core.models.ports import Evidence, Label, Phrase, Picture, Transcript, Word
from videovector_core.ports import Begin, Blobs
from videovector_core.runs.keeping import KeepingTx, keep
from videovector_core.signals import Beat, MediaType
from videovector_core.vectors.rows import pack

T = TypeVar("T")

BLOB_GONE: Final = "resource_blob_not_found"
MAX_PICTURES: Final = 8
"""Frames of a segment that a model is shown."""
MAX_FRAME_VECTORS: Final = 16
SECONDS_PER_VECTOR: Final = 2.0
_SECOND_LOOK: Final = 8.0
"""A segment longer than this is looked at twice for text on screen."""


@frozen
class FrameVectors:
    """Vectors of sampled frames: `times` in seconds, and by space one vector for each time."""

    times: tuple[float, ...] = ()
    packed: dict[str, list[bytes]] = field(factory=dict)


@define
class Gatherer:
    """Asks the decoder and the models, and keeps every answer by content."""

    begin: Begin[KeepingTx]
    blobs: Blobs
    decoder: Decoder
    models: Models
    _recent: OrderedDict[str, Any] = field(factory=OrderedDict, init=False)
    _mending: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    async def derived(self, item: MediaItem, beat: Beat | None = None) -> Derived:
        """Return the yield of decoding the item, decoding it when that was never done."""

        async def decode() -> tuple[Any, tuple[str, ...]]:
            derived = await self.decoder.derive(item.sha256, beat=beat)
            return derived.plain(), derived.blobs

        return Derived(**await self._once(item, "derived", decode, version=self.decoder.version))

    async def transcript(self, item: MediaItem, beat: Beat | None = None) -> Transcript | None:
        """Return what is said in the item, `None` where there is no sound or no transcriber."""
        return await self._mended(item, lambda: self._transcript(item, beat))

    async def evidence(self, item: MediaItem, start: float, end: float, *, speech: bool) -> Evidence:
        """Return all that is known about `[start, end)`; without `speech` what is said stays out."""
        return await self._mended(item, lambda: self._evidence(item, start, end, speech=speech))

    async def frame_vectors(self, item: MediaItem, start: float, end: float) -> FrameVectors:
        """Return vectors of frames of `[start, end)`: one for every two seconds, 16 at the most."""
        return await self._mended(item, lambda: self._frame_vectors(item, start, end))

    async def _mended(self, item: MediaItem, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask; where the kept yield of decoding names bytes that are gone, decode anew and ask once more."""
        try:
            return await ask()
        except NotFound as gone:
            if gone.code != BLOB_GONE:
                raise
        async with self._mending:
            derived = await self.derived(item)
            if not await self._readable(derived):
                key = content_key("derived", sha256=item.sha256, version=self.decoder.version)
                self._recent.pop(f"{item.user_id} {key}", None)
                async with self.begin() as tx:
                    await tx.cache.forget(item.user_id, key)
        return await ask()

    async def _readable(self, derived: Derived) -> bool:
        try:
            for blob in (derived.frames_blob, derived.audio):
                if blob is not None:
                    await self._bytes(blob, 0, 1)
        except NotFound:
            return False
        return True

    async def _transcript(self, item: MediaItem, beat: Beat | None = None) -> Transcript | None:
        transcriber = self.models.transcriber
        derived = await self.derived(item, beat)
        if transcriber is None or derived.audio is None:
            return None

        async def transcribe() -> tuple[Any, tuple[str, ...]]:
            async with self.blobs.local(derived.audio or "") as path:
                return asdict(await transcriber.transcribe(path, beat=beat)), ()

        kept = await self._once(item, "transcript", transcribe, model=transcriber.model, version=self.decoder.version)
        return kept if isinstance(kept, Transcript) else self._remember(item, kept, transcriber.model)

    async def _evidence(self, item: MediaItem, start: float, end: float, *, speech: bool) -> Evidence:
        derived = await self.derived(item)
        transcript = await self._transcript(item) if speech else None
        stills = derived.frames_within(start, end) if item.media_type is not MediaType.AUDIO else ()
        looks = await self._looks(item, derived, _chosen(stills, start, end))
        return Evidence(
            start=start,
            end=end,
            title=item.title,
            transcript=clipped(transcript or Transcript(), start, end),
            on_screen=tuple((look["time"], line) for look in looks for line in look["text"]),
            labels=_best_labels(looks),
            pictures=await self._pictures(derived, spread(stills, MAX_PICTURES)),
        )

    async def _frame_vectors(self, item: MediaItem, start: float, end: float) -> FrameVectors:
        images, joint = self.models.images, self.models.joint
        derived = await self.derived(item)
        stills = derived.frames_within(start, end)
        if images is None or not stills:
            return FrameVectors()
        chosen = spread(stills, max(1, min(MAX_FRAME_VECTORS, round((end - start) / SECONDS_PER_VECTOR) + 1)))

        async def embed() -> tuple[Any, tuple[str, ...]]:
            pictures = [picture.jpeg for picture in await self._pictures(derived, chosen)]
            spaces = {images.space: await images.embed(pictures)}
            if joint is not None:
                spaces[joint.joint_space] = await joint.embed_joint(pictures)
            return {
                space: [base64.b64encode(pack({space: vector})[space]).decode() for vector in vectors]
                for space, vectors in spaces.items()
            }, ()

        times = [still.time for still in chosen]
        kept = await self._once(
            item, "frame-vectors", embed, space=images.space, times=times, version=self.decoder.version
        )
        return FrameVectors(tuple(times), {s: [base64.b64decode(v) for v in vectors] for s, vectors in kept.items()})

    async def _looks(self, item: MediaItem, derived: Derived, stills: Sequence[Still]) -> list[dict[str, Any]]:
        reader = self.models.pictures
        if reader is None or not stills:
            return []

        async def look() -> tuple[Any, tuple[str, ...]]:
            jpegs = [picture.jpeg for picture in await self._pictures(derived, stills)]
            texts, labels = await reader.read_text(jpegs), await reader.label(jpegs)
            return [
                {"time": still.time, "text": list(text), "labels": [[label.name, label.probability] for label in names]}
                for still, text, names in zip(stills, texts, labels, strict=True)
            ], ()

        times = [still.time for still in stills]
        found = await self._once(item, "look", look, model=reader.model, times=times, version=self.decoder.version)
        return list(found)

    async def _pictures(self, derived: Derived, stills: Sequence[Still]) -> tuple[Picture, ...]:
        if not stills or derived.frames_blob is None:
            return ()
        return tuple([Picture(s.time, await self._bytes(derived.frames_blob, s.start, s.end)) for s in stills])

    async def _bytes(self, sha256: str, start: int, end: int) -> bytes:
        return b"".join([chunk async for chunk in self.blobs.read(sha256, start=start, end=end)])

    async def _once(
        self, item: MediaItem, what: str, make: Callable[[], Awaitable[tuple[Any, tuple[str, ...]]]], **about: Any
    ) -> Any:
        key = content_key(what, sha256=item.sha256, **about)
        recent = f"{item.user_id} {key}"
        if recent in self._recent:
            self._recent.move_to_end(recent)
            return self._recent[recent]
        async with self.begin() as tx:
            value = await tx.cache.get(item.user_id, key)
        if value is None:
            value, blobs = await make()
            async with self.begin() as tx:
                freed = await keep(tx, item.user_id, item.video_id, key, sha256=item.sha256, value=value, blobs=blobs)
                for blob in freed:
                    await self.blobs.delete(blob)
        self._recent[recent] = value
        if len(self._recent) > 64:
            self._recent.popitem(last=False)
        return value

    def _remember(self, item: MediaItem, kept: Any, model: str) -> Transcript:
        key = content_key("transcript", sha256=item.sha256, model=model, version=self.decoder.version)
        transcript = self._recent[f"{item.user_id} {key}"] = load_transcript(kept)
        return transcript


def load_transcript(kept: dict[str, Any]) -> Transcript:
    """Make a transcript of its plain form."""
    phrases = tuple(
        Phrase(p["start"], p["end"], p["text"], tuple(Word(**word) for word in p["words"])) for p in kept["phrases"]
    )
    return Transcript(phrases, kept["language"], tuple((start, end) for start, end in kept["speech"]))


def clipped(transcript: Transcript, start: float, end: float) -> Transcript:
    """Cut a transcript at the bounds of a segment: a word belongs where its middle lies, a wordless phrase likewise."""
    phrases = tuple(cut for phrase in transcript.phrases if (cut := _clip(phrase, start, end)) is not None)
    speech = tuple((max(a, start), min(b, end)) for a, b in transcript.speech if a < end and b > start)
    return Transcript(phrases, transcript.language, speech)


def spoken(transcript: Transcript) -> str:
    """Return what is said as one line."""
    return " ".join(phrase.text.strip() for phrase in transcript.phrases).strip()


def _clip(phrase: Phrase, start: float, end: float) -> Phrase | None:
    if phrase.end <= start or phrase.start >= end:
        return None
    if not phrase.words:
        return phrase if start <= (phrase.start + phrase.end) / 2 < end else None
    words = tuple(word for word in phrase.words if start <= (word.start + word.end) / 2 < end)
    if not words:
        return None
    if len(words) == len(phrase.words):
        return phrase
    return Phrase(words[0].start, words[-1].end, "".join(_spaced(word.text) for word in words).strip(), words)


def _spaced(word: str) -> str:
    return word if word[:1].isspace() else f" {word}"


def _chosen(stills: Sequence[Still], start: float, end: float) -> tuple[Still, ...]:
    if not stills:
        return ()
    middle = nearest(stills, (start + end) / 2)
    first = next((still for still in stills if still.after_cut), stills[0])
    return (first, middle) if end - start > _SECOND_LOOK and first is not middle else (middle,)


def _best_labels(looks: Sequence[dict[str, Any]]) -> tuple[Label, ...]:
    best: dict[str, float] = {}
    for look in looks:
        for name, probability in look["labels"]:
            best[name] = max(best.get(name, 0.0), probability)
    return tuple(Label(name, p) for name, p in sorted(best.items(), key=lambda entry: (-entry[1], entry[0])))
