"""What runs in the children: each function here is the factory of one child, and loads its model at the first call."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from videovector_adapters.local.catalog import MINILM, MINILM_TOKENIZER, WHISPER
from videovector_adapters.local.weights import Weights, missing
from videovector_core.errors import ProcessingFailed, VideoVectorError


def text(*, places: dict[str, str | None], threads: int) -> TextService:
    """Serve sentence vectors."""
    return TextService(opened(places), threads)


class TextService:
    """Sentence vectors as the bytes of 32-bit floats in the machine's order."""

    def __init__(self, weights: Weights, threads: int) -> None:
        from videovector_adapters.local.text import SentenceEncoder  # noqa: PLC0415 - only the child pays for it

        self._encoder = SentenceEncoder(weights.read(MINILM), weights.read(MINILM_TOKENIZER), threads=threads)
        trim()

    def embed(self, texts: Sequence[str]) -> Generator[int, None, bytes]:
        """Report how many texts are done, and return all vectors one after another."""
        done: list[bytes] = []
        with model_errors("The text model"):
            for rows in self._encoder.embed(texts):
                done.append(rows.tobytes())
                yield len(done)
        return b"".join(done)


def speech(*, places: dict[str, str | None], threads: int, model: str) -> SpeechService:
    """Serve transcripts."""
    return SpeechService(opened(places), threads, model)


class SpeechService:
    """Transcripts of WAV files, reported window by window."""

    def __init__(self, weights: Weights, threads: int, model: str) -> None:
        from videovector_adapters.local.speech import SpeechEngine  # noqa: PLC0415 - only the child pays for it

        folder = weights.own(f"whisper-{model}") if model not in WHISPER else weights.folder(*WHISPER[model])
        if folder is None:
            raise missing(f"whisper-{model}")
        self._engine = SpeechEngine(folder, threads=threads)
        trim()

    def transcribe(self, path: str) -> Generator[dict[str, Any], None, str | None]:
        """Report phrases, intervals with a voice and the second reached; return the language."""
        with model_errors("The speech model"):
            return (yield from self._engine.transcribe(Path(path)))


def trim() -> None:
    """Give back what loading needed and serving does not: about a quarter of the resident memory (glibc only)."""
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def opened(places: dict[str, str | None]) -> Weights:
    """Rebuild the places to search from what crossed the pipe."""
    directory = places["directory"]
    return Weights(
        directory=Path(directory) if directory else None, cache=Path(str(places["cache"])), hub=Path(str(places["hub"]))
    )


@contextlib.contextmanager
def model_errors(what: str) -> Iterator[None]:
    """Translate what a runtime raises, once, with the cause kept in the message."""
    try:
        yield
    except (VideoVectorError, MemoryError):
        raise
    except Exception as error:
        raise ProcessingFailed(f"{what} failed: {type(error).__name__}: {error}"[:300], code="model_error") from error
