"""Text and speech on this machine, the parent's side: thin classes that speak to killable children.

A child starts at the first call that needs it. None of them has a network: the environment that they get says so to
every library that would ask the model hub, and no key or secret is passed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from videovector_adapters.children import Child
from videovector_adapters.local.catalog import MINILM, WHISPER, Weight
from videovector_adapters.local.launch import GIB, child, identity, vectors
from videovector_adapters.local.weights import Weights
from videovector_core.models.ports import Phrase, Transcript, Vector, Word
from videovector_core.signals import Beat

_QUICK_TEXTS: Final = 4
_QUICK_CHARACTERS: Final = 2_000
_BULK_TEXTS: Final = 256


@define
class LocalTextEmbedder:
    """Sentence vectors from all-MiniLM-L6-v2 (see `local.text` for how long texts are read).

    A call with a few short texts, such as a query, has a child of its own, so that it never waits behind an index that
    is being built. `deadline` is in seconds without progress.
    """

    weights: Weights = field(factory=Weights)
    threads: int = 2
    deadline: float = 60.0
    dimensions: int = field(default=384, init=False)
    _bulk: Child = field(init=False)
    _quick: Child = field(init=False)
    _space: str | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._bulk = child("text", self.weights, threads=self.threads, memory=4 * GIB)
        self._quick = child("text", self.weights, threads=1, memory=4 * GIB)

    @property
    def space(self) -> str:
        """The vector space: other weights are another space."""
        if self._space is None:
            self._space = identity("all-MiniLM-L6-v2", self.weights, MINILM)
        return self._space

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector for each text.

        Raises:
            Unavailable: the weights are not here (code `model_unavailable`) or not to be trusted.
            ProcessingFailed: the model failed, or its process was lost.
        """
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        quick = len(clean) <= _QUICK_TEXTS and sum(map(len, clean)) <= _QUICK_CHARACTERS
        found: list[Vector] = []
        for start in range(0, len(clean), _BULK_TEXTS):
            data = await (self._quick if quick else self._bulk).call(
                "embed", deadline=self.deadline, texts=clean[start : start + _BULK_TEXTS]
            )
            found += vectors(data, self.dimensions)
        return found

    async def close(self) -> None:
        """End the children."""
        await self._quick.close()
        await self._bulk.close()


@define
class LocalTranscriber:
    """Speech to text with Whisper.

    `name` is `tiny.en` (English only, fastest), `base` (about 100 languages), `auto` (base where its weights are here,
    otherwise tiny.en), or the rest of a directory's name `whisper-NAME` below the operator's own. `deadline` is in
    seconds without progress, which one window of 30 s of sound may take.
    """

    weights: Weights = field(factory=Weights)
    name: str = "auto"
    threads: int = 2
    deadline: float = 300.0
    _child: Child = field(init=False)

    def __attrs_post_init__(self) -> None:
        if self.name == "auto":
            self.name = "base" if self.weights.present(*WHISPER["base"]) else "tiny.en"
        self._child = child("speech", self.weights, threads=self.threads, memory=6 * GIB, model=self.name)

    @property
    def model(self) -> str:
        """The weights, by name and digest."""
        known = WHISPER.get(self.name, (Weight(f"whisper-{self.name}/model.bin"),))
        return identity(f"whisper-{self.name}", self.weights, known[0])

    async def transcribe(self, audio: Path, *, beat: Beat | None = None) -> Transcript:
        """Transcribe a mono 16 kHz 16-bit WAV file of any length.

        Raises:
            Unavailable: the weights are not here (code `model_unavailable`) or not to be trusted.
            ProcessingFailed: the file is no such sound, the model failed, or its process was lost.
        """
        phrases: list[Phrase] = []
        speech: list[tuple[float, float]] = []

        def report(found: dict[str, Any]) -> None:
            phrases.extend(_phrase(phrase) for phrase in found.get("phrases", ()))
            for start, end in found.get("speech", ()):
                _extend(speech, start, end)
            if beat:
                beat(found["second"])

        language = await self._child.call("transcribe", deadline=self.deadline, progress=report, path=str(audio))
        return Transcript(tuple(phrases), language, tuple(speech))

    async def close(self) -> None:
        """End the child."""
        await self._child.close()


def _phrase(plain: dict[str, Any]) -> Phrase:
    return Phrase(plain["start"], plain["end"], plain["text"], tuple(Word(*word) for word in plain["words"]))


def _extend(spans: list[tuple[float, float]], start: float, end: float) -> None:
    """Add a span; one that goes on where the last one was cut is the same."""
    if spans and start <= spans[-1][1]:
        start = spans.pop()[0]
    spans.append((start, end))
