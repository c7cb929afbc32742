"""Speech to text with a Whisper model, window by window, voice activity first.

Only what the voice model hears reaches the speech model, in windows that are cut in pauses; a file of any length is read
in pieces. Phrases end at pauses of half a second and at the ends of sentences.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from attrs import define, field, frozen

from videovector_adapters.local.voice import RATE, Hysteresis, Packer, Samples, Sound, Span, VoiceModel, placed

PAUSE: Final = 0.5
CERTAIN: Final = 0.8
"""A language that is at least this likely is kept for the rest of the file."""
_TITLES: Final = frozenset({"mr.", "mrs.", "ms.", "dr.", "st.", "prof.", "vs.", "no.", "jr.", "sr."})
_TAGS: Final = {"jw": "jv"}
"""Whisper's names of languages that are not BCP 47."""

Report: TypeAlias = dict[str, Any]


@frozen
class Heard:
    """A word as the model gave it, its times in seconds of the file."""

    start: float
    end: float
    text: str
    probability: float


@define
class Languages:
    """Decides the language of a file while it is being heard: windows vote with their seconds until one is certain."""

    settled: str | None = None
    votes: dict[str, float] = field(factory=dict)

    def hear(self, language: str, probability: float, seconds: float) -> None:
        """Count a window's vote."""
        self.votes[language] = self.votes.get(language, 0.0) + probability * seconds
        if probability >= CERTAIN:
            self.settled = language

    @property
    def winner(self) -> str | None:
        """The language of the whole, a BCP 47 tag, `None` when nothing was heard."""
        best = max(self.votes, key=self.votes.__getitem__, default=None)
        return _TAGS.get(best, best) if best else None


class SpeechEngine:
    """A loaded Whisper model together with the voice model."""

    def __init__(self, folder: Path, *, threads: int, beam: int = 5) -> None:
        from faster_whisper import WhisperModel  # noqa: PLC0415 - heavy, and only this child needs it
        from faster_whisper.vad import get_vad_model  # noqa: PLC0415 - as above

        self._model = WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
        )
        self._voice = get_vad_model().session
        self._beam = beam

    def transcribe(self, path: Path) -> Generator[Report, None, str | None]:
        """Yield reports with `second`, and `phrases` or `speech` that were found, and return the language."""
        sound = Sound(path)
        try:
            language = yield from self._transcribe(sound)
        finally:
            sound.close()
        return language

    def _transcribe(self, sound: Sound) -> Generator[Report, None, str | None]:
        languages, packer = Languages(), Packer(sound.seconds)
        hysteresis, voice = Hysteresis(), VoiceModel(self._voice)
        done = listened = 0.0
        for block in sound.blocks():
            spans = list(hysteresis.feed(voice.hear(block).tolist()))
            for span in spans:
                for pieces in packer.push(span):
                    done = pieces[-1].end
                    yield self._report(sound, pieces, languages)
            listened += len(block) / RATE
            done = done if packer.waiting or hysteresis.speaking else max(done, min(listened, sound.seconds))
            yield {"second": done, "speech": [(span.start, span.end) for span in spans]}
        spans = list(hysteresis.finish())
        for pieces in itertools.chain(*(packer.push(span) for span in spans), packer.finish()):
            yield self._report(sound, pieces, languages)
        yield {"second": sound.seconds, "speech": [(span.start, min(span.end, sound.seconds)) for span in spans]}
        return languages.winner

    def _report(self, sound: Sound, pieces: Sequence[Span], languages: Languages) -> Report:
        words = forward(self._words(sound, pieces, languages), pieces[0].start, pieces[-1].end)
        return {"second": pieces[-1].end, "phrases": [plain(run) for run in phrases(words)]}

    def _words(self, sound: Sound, pieces: Sequence[Span], languages: Languages) -> Iterator[Heard]:
        audio = np.concatenate([sound.read(piece.start, piece.end) for piece in pieces])
        language = self._language(audio, languages)
        segments, _ = self._model.transcribe(
            audio,
            language=language,
            beam_size=self._beam,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        for segment in segments:
            for word in segment.words or ():
                at = placed(pieces, float(word.start), float(word.end))
                yield Heard(at.start, at.end, str(word.word), float(word.probability))

    def _language(self, audio: Samples, languages: Languages) -> str:
        if not self._model.model.is_multilingual:
            languages.hear("en", 1.0, len(audio))
        elif not languages.settled:
            language, probability, _ = self._model.detect_language(audio)
            languages.hear(language, probability, len(audio))
            return str(language)
        return languages.settled or "en"


def forward(words: Iterable[Heard], start: float, end: float) -> list[Heard]:
    """Make times run forward within a window: the model lets words overlap by some hundredths of a second."""
    moved: list[Heard] = []
    edge = start
    for word in words:
        begins = min(max(word.start, edge), end)
        edge = min(max(word.end, begins), end)
        moved.append(Heard(begins, edge, word.text, word.probability))
    return moved


def phrases(words: Sequence[Heard]) -> list[list[Heard]]:
    """Cut words where there is a pause, and behind the end of a sentence."""
    runs: list[list[Heard]] = []
    for word in words:
        if runs and word.start - runs[-1][-1].end < PAUSE and not _ends(runs[-1][-1].text):
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def plain(run: Sequence[Heard]) -> Report:
    """Turn a phrase into plain data."""
    return {
        "start": run[0].start,
        "end": run[-1].end,
        "text": "".join(word.text for word in run).strip(),
        "words": [(word.start, word.end, word.text.strip(), word.probability) for word in run],
    }


def _ends(word: str) -> bool:
    bare = word.strip().strip("\"'\N{RIGHT DOUBLE QUOTATION MARK})").lower()
    return bare.endswith((".", "?", "!", "\N{IDEOGRAPHIC FULL STOP}")) and bare not in _TITLES and len(bare) > 2
