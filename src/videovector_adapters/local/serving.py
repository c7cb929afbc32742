"""What runs in the children: each function here is the factory of one child, and loads its model at the first call."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from videovector_adapters.local.catalog import MINILM, MINILM_TOKENIZER, WHISPER
from videovector_adapters.local.clip_config import NAME
from videovector_adapters.local.weights import Weights, missing
from videovector_core.errors import ProcessingFailed, VideoVectorError

if TYPE_CHECKING:
    from videovector_adapters.local.vision import Eyes

# Models are imported by the factory that serves them: no child pays for the libraries of another.
# ruff: noqa: PLC0415

Places: TypeAlias = dict[str, str | None]
Rows: TypeAlias = Generator[int, None, bytes]
"""Reports how much is done; returns vectors one after another, as 32-bit floats in the machine's order."""


def text(*, places: Places, threads: int) -> EmbeddingService:
    """Serve sentence vectors."""
    from videovector_adapters.local.text import SentenceEncoder

    weights = opened(places)
    encoder = SentenceEncoder(weights.read(MINILM), weights.read(MINILM_TOKENIZER), threads=threads)
    return EmbeddingService("The text model", encoder.embed)


def clip_text(*, places: Places, threads: int) -> EmbeddingService:
    """Serve vectors of texts from the operator's CLIP directory."""
    from videovector_adapters.local.clip import TextTower

    return EmbeddingService("The CLIP text model", TextTower(own(opened(places), NAME), threads=threads).embed)


def speech(*, places: Places, threads: int, model: str) -> SpeechService:
    """Serve transcripts."""
    from videovector_adapters.local.speech import SpeechEngine

    weights = opened(places)
    folder = weights.folder(*WHISPER[model]) if model in WHISPER else own(weights, f"whisper-{model}")
    return SpeechService(SpeechEngine(folder, threads=threads))


def vision(*, places: Places, threads: int) -> VisionService:
    """Serve vectors and labels of pictures."""
    return VisionService(opened(places), threads)


def reading(*, places: Places, threads: int) -> ReadingService:
    """Serve text on screen."""
    from videovector_adapters.local.ocr import Reader

    opened(places)
    return ReadingService(Reader(threads=threads))


class EmbeddingService:
    """Vectors of texts."""

    def __init__(self, what: str, embed: Callable[[Sequence[str]], Iterable[Any]]) -> None:
        self._what = what
        self._embed = embed
        trim()

    def embed(self, texts: Sequence[str]) -> Rows:
        """Return one vector for each text."""
        return rows(self._what, self._embed(texts))


class SpeechService:
    """Transcripts of WAV files."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        trim()

    def transcribe(self, path: str) -> Generator[dict[str, Any], None, str | None]:
        """Report phrases, intervals with a voice and the second reached; return the language."""
        with model_errors("The speech model"):
            language: str | None = yield from self._engine.transcribe(Path(path))
        return language


class VisionService:
    """Vectors and labels of pictures, from the operator's CLIP directory where there is one; labels are MobileNet's."""

    def __init__(self, weights: Weights, threads: int) -> None:
        self._weights = weights
        self._threads = threads
        self._mobilenet: Eyes | None = None
        self._tower: Any = None
        if weights.has_own(NAME):
            from videovector_adapters.local.clip import ImageTower

            self._tower = ImageTower(own(weights, NAME), threads=threads)

    def embed(self, images: Sequence[bytes]) -> Rows:
        """Return one vector for each picture, to find pictures by picture."""
        return rows("The image model", (self._tower or self._eyes()).embed(images))

    def embed_joint(self, images: Sequence[bytes]) -> Rows:
        """Return one vector for each picture, to find pictures by words."""
        return rows("The image model", self._tower.embed(images) if self._tower else self._eyes().embed_joint(images))

    def label(self, images: Sequence[bytes]) -> Generator[int, None, list[list[tuple[str, float]]]]:
        """Return the likeliest class names of each picture, best first."""
        return gathered("The image model", self._eyes().label(images))

    def _eyes(self) -> Eyes:
        if self._mobilenet is None:
            from videovector_adapters.local.vision import Eyes

            self._mobilenet = Eyes(self._weights, threads=self._threads)
            trim()
        return self._mobilenet


class ReadingService:
    """Text on screen."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read_text(self, images: Sequence[bytes]) -> Generator[int, None, list[tuple[str, ...]]]:
        """Return the lines of each picture."""
        return gathered("The text reader", self._reader.read(images))


def rows(what: str, found: Iterable[Any]) -> Rows:
    """Report each group of rows as it is done, and return the bytes of all."""
    return b"".join((yield from gathered(what, (group.tobytes() for group in found))))


def gathered(what: str, found: Iterable[Any]) -> Generator[int, None, list[Any]]:
    """Report each item as it is done, and return all."""
    done: list[Any] = []
    with model_errors(what):
        for item in found:
            done.append(item)
            yield len(done)
    return done


def opened(places: Places) -> Weights:
    """Seal the process off, and rebuild the places to search from what crossed the pipe."""
    sys.addaudithook(refuse_network)
    directory = places["directory"]
    return Weights(
        directory=Path(directory) if directory else None, cache=Path(str(places["cache"])), hub=Path(str(places["hub"]))
    )


def own(weights: Weights, model: str) -> Path:
    """Return the operator's own directory for a model, every file checked."""
    folder = weights.own(model)
    if folder is None:
        raise missing(model)
    return folder


def refuse_network(event: str, _: tuple[Any, ...]) -> None:
    """Refuse what would reach the network: libraries that download what they miss must fail instead."""
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        raise PermissionError("models run without a network")


def trim() -> None:
    """Give back what loading needed and serving does not: about a quarter of the resident memory (glibc only)."""
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


@contextlib.contextmanager
def model_errors(what: str) -> Iterator[None]:
    """Translate what a runtime raises, once, with the cause kept in the message."""
    try:
        yield
    except (VideoVectorError, MemoryError):
        raise
    except Exception as error:
        raise ProcessingFailed(f"{what} failed: {type(error).__name__}: {error}"[:300], code="model_error") from error
