"""Where somebody speaks: Silero's voice activity model over a WAV file, in bounded memory.

The model gives a probability for every 512 samples (32 ms). Speech starts at 0.5 and ends after 0.3 s below 0.35, the
hysteresis that the model's authors use; nobody is held to speak for longer than 28 s at a time, since the speech model
hears 30 s: such a stretch is cut where a voice is least likely. Times are in seconds.
"""

from __future__ import annotations

import wave
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from videovector_core.errors import ProcessingFailed

Samples: TypeAlias = NDArray[np.float32]

RATE: Final = 16_000
FRAME: Final = 512
CONTEXT: Final = 64
STEP: Final = FRAME / RATE
BLOCK_FRAMES: Final = 1_000
STARTS: Final = 0.5
ENDS: Final = 0.35
QUIET: Final = round(0.3 / STEP)
SHORTEST: Final = round(0.2 / STEP)
LONGEST: Final = round(28.0 / STEP)
LOOK_BACK: Final = round(10.0 / STEP)
PAD: Final = 0.25
SPLICE: Final = 1.0
WINDOW: Final = 29.5


@frozen
class Span:
    """A stretch of time in which somebody speaks; one that was cut ends where the next one starts."""

    start: float
    end: float


@define
class Hysteresis:
    """Turns the probability of each frame into spans, as they end."""

    _at: int = 0
    _start: int | None = None
    _quiet_since: int | None = None
    _heard: list[float] = field(factory=list)

    @property
    def speaking(self) -> bool:
        """Whether a span has begun and not ended."""
        return self._start is not None

    def feed(self, probabilities: Iterable[float]) -> Iterator[Span]:
        """Take in frames and yield the spans that they end."""
        for probability in probabilities:
            yield from self._take(probability)
            self._at += 1

    def finish(self) -> Iterator[Span]:
        """Yield the span that the end of the sound ends."""
        if self._start is not None:
            yield from self._close(self._at if self._quiet_since is None else self._quiet_since)

    def _take(self, probability: float) -> Iterator[Span]:
        if self._start is None:
            if probability < STARTS:
                return
            self._start = self._at
        self._heard.append(probability)
        if probability >= STARTS:
            self._quiet_since = None
        elif probability < ENDS and self._quiet_since is None:
            self._quiet_since = self._at
        if self._quiet_since is not None and self._at - self._quiet_since >= QUIET:
            yield from self._close(self._quiet_since)
        elif len(self._heard) >= LONGEST:
            yield self._cut(self._start)

    def _close(self, end: int) -> Iterator[Span]:
        start, self._start, self._quiet_since, self._heard = self._start, None, None, []
        if start is not None and end - start >= SHORTEST:
            yield Span(start * STEP, end * STEP)

    def _cut(self, start: int) -> Span:
        first = len(self._heard) - LOOK_BACK
        least = min(range(first, len(self._heard)), key=self._heard.__getitem__)
        self._heard = self._heard[least:]
        self._start = start + least
        self._quiet_since = None
        return Span(start * STEP, self._start * STEP)


class VoiceModel:
    """The loaded network, with the state that it carries from one block of sound to the next."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._state = np.zeros((2, 1, 1, 128), np.float32)
        self._tail = np.zeros(CONTEXT, np.float32)

    def hear(self, samples: Samples) -> Samples:
        """Return the probability of a voice in each frame; `samples` are whole frames."""
        frames = samples.reshape(-1, FRAME)
        before = np.concatenate([self._tail[None], frames[:-1, -CONTEXT:]])
        self._tail = frames[-1, -CONTEXT:]
        feed = {"input": np.concatenate([before, frames], axis=1), "h": self._state[0], "c": self._state[1]}
        found, h, c = self._session.run(None, feed)
        self._state = np.stack([h, c])
        heard: Samples = np.asarray(found, np.float32).reshape(-1)
        return heard


class Sound:
    """A mono 16 kHz 16-bit WAV file, read in pieces."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = wave.open(str(path), "rb")  # noqa: SIM115 - closed by close()
        except (OSError, EOFError, wave.Error) as error:
            raise ProcessingFailed(f"The sound cannot be read: {error}", code="media_decode_error") from error
        shape = (self._file.getnchannels(), self._file.getframerate(), self._file.getsampwidth())
        if shape != (1, RATE, 2):
            self.close()
            raise ProcessingFailed(
                "The sound must be mono, 16 kHz and 16 bits; decode it first.", code="media_decode_error"
            )

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return self._file.getnframes() / RATE

    def blocks(self) -> Iterator[Samples]:
        """Yield the sound in whole frames of the voice model, the last block filled up with silence."""
        self._file.setpos(0)
        while data := self._file.readframes(BLOCK_FRAMES * FRAME):
            at = self._file.tell()
            samples = _floats(data)
            yield np.pad(samples, (0, -len(samples) % FRAME))
            self._file.setpos(at)

    def read(self, start: float, end: float) -> Samples:
        """Return the samples between two seconds."""
        first = min(max(0, round(start * RATE)), self._file.getnframes())
        self._file.setpos(first)
        return _floats(self._file.readframes(max(0, round(end * RATE) - first)))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@define
class Packer:
    """Gathers spans into windows for the speech model: lists of pieces of sound, at most 29.5 s together.

    Pieces have some air around them. Where a pause is short, the sound runs on through it; where it is long, it is left
    out, so that an hour with little speech costs little. Windows change only in pauses, or where a span was cut.
    """

    end: float
    _before: Span | None = None
    _edge: float = 0.0
    _pieces: list[Span] = field(factory=list)

    @property
    def waiting(self) -> bool:
        """Whether something was taken in that no window has brought yet."""
        return self._before is not None or bool(self._pieces)

    def push(self, span: Span) -> Iterator[list[Span]]:
        """Take in the next span and yield the window that is full, if one is."""
        before, self._before = self._before, span
        if before is not None:
            middle = (before.end + span.start) / 2
            yield from self._add(Span(max(self._edge, before.start - PAD), min(middle, before.end + PAD)))
            self._edge = middle

    def finish(self) -> Iterator[list[Span]]:
        """Yield what is left."""
        before, self._before = self._before, None
        if before is not None:
            yield from self._add(Span(max(self._edge, before.start - PAD), min(self.end, before.end + PAD)))
        if self._pieces:
            yield self._pieces
        self._pieces = []

    def _add(self, piece: Span) -> Iterator[list[Span]]:
        joined = _joined(self._pieces, piece)
        if self._pieces and length(joined) > WINDOW:
            yield self._pieces
            joined = [piece]
        self._pieces = joined


def length(pieces: Sequence[Span]) -> float:
    """Return how many seconds the pieces play."""
    return sum(piece.end - piece.start for piece in pieces)


def placed(pieces: Sequence[Span], start: float, end: float) -> Span:
    """Return where in the file a stretch of the pieces, played one after another, lies.

    A stretch that runs over a joint belongs to the piece that has its middle: what was left out is no part of it.
    """
    before, middle = 0.0, (start + end) / 2
    for piece in pieces:
        seconds = piece.end - piece.start
        if middle <= before + seconds or piece is pieces[-1]:
            first, last = (piece.start + min(max(edge - before, 0.0), seconds) for edge in (start, end))
            return Span(first, max(first, last))
        before += seconds
    raise ValueError("there are no pieces")


def _joined(pieces: list[Span], piece: Span) -> list[Span]:
    if pieces and piece.start - pieces[-1].end <= SPLICE:
        return [*pieces[:-1], Span(pieces[-1].start, piece.end)]
    return [*pieces, piece]


def _floats(data: bytes) -> Samples:
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / np.float32(32768)
