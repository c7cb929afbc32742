"""Speech to text at an endpoint.

Long sound goes in pieces, since endpoints bound the size of a file; each piece ends at the quietest moment of its last
half minute, so that no word is cut where there is a pause.
"""

from __future__ import annotations

import asyncio
import io
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from videovector_adapters.openai.endpoint import Endpoint, translated
from videovector_core.errors import ProcessingFailed
from videovector_core.models.ports import Phrase, Transcript, Word
from videovector_core.signals import Beat

PIECE_SECONDS: Final = 600
"""19 MB of sound; endpoints take 25 MB."""
LOOK_BACK_SECONDS: Final = 30
_STEP_SECONDS: Final = 0.1
_HEADER: Final = 44
_AUDIBLE: Final = 64


def _pairs(words: str) -> dict[str, str]:
    return dict(pair.split(":") for pair in words.split())


_LANGUAGES: Final = {
    "haitian creole": "ht",
    **_pairs(
        "afrikaans:af albanian:sq amharic:am arabic:ar armenian:hy assamese:as azerbaijani:az bashkir:ba "
        "basque:eu belarusian:be bengali:bn bosnian:bs breton:br bulgarian:bg cantonese:yue catalan:ca "
        "chinese:zh croatian:hr czech:cs danish:da dutch:nl english:en estonian:et faroese:fo finnish:fi "
        "french:fr galician:gl georgian:ka german:de greek:el gujarati:gu hausa:ha hawaiian:haw hebrew:he "
        "hindi:hi hungarian:hu icelandic:is indonesian:id italian:it japanese:ja javanese:jv kannada:kn "
        "kazakh:kk khmer:km korean:ko lao:lo latin:la latvian:lv lingala:ln lithuanian:lt luxembourgish:lb "
        "macedonian:mk malagasy:mg malay:ms malayalam:ml maltese:mt maori:mi marathi:mr mongolian:mn myanmar:my "
        "nepali:ne norwegian:no nynorsk:nn occitan:oc pashto:ps persian:fa polish:pl portuguese:pt punjabi:pa "
        "romanian:ro russian:ru sanskrit:sa serbian:sr shona:sn sindhi:sd sinhala:si slovak:sk slovenian:sl "
        "somali:so spanish:es sundanese:su swahili:sw swedish:sv tagalog:tl tajik:tg tamil:ta tatar:tt telugu:te "
        "thai:th tibetan:bo turkish:tr turkmen:tk ukrainian:uk urdu:ur uzbek:uz vietnamese:vi welsh:cy "
        "yiddish:yi yoruba:yo"
    ),
}
"""The languages of Whisper by the names that it has for them, which endpoints answer with."""


@frozen
class OpenAITranscriber:
    """`Transcriber` over `/audio/transcriptions`."""

    endpoint: Endpoint
    piece_seconds: int = PIECE_SECONDS

    @property
    def model(self) -> str:
        """The model, by name; what it is made of is the endpoint's business."""
        return self.endpoint.model

    async def transcribe(self, audio: Path, *, beat: Beat | None = None) -> Transcript:
        """Transcribe a mono 16 kHz 16-bit WAV file of any length.

        Raises:
            ProcessingFailed: the file is no such sound, or the endpoint failed.
        """
        phrases: list[Phrase] = []
        language = None
        pieces = _pieces(audio, self.piece_seconds)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            start, end, sound = piece
            if not await asyncio.to_thread(_silent, sound):  # millions of samples
                found = await self._asked(sound)
                language = language or found.get("language")
                phrases += _phrases(found, start, end)
            if beat is not None:
                beat(end)
        speech = tuple((phrase.start, phrase.end) for phrase in phrases)
        return Transcript(tuple(phrases), _tag(language) if phrases else None, speech)

    async def _asked(self, sound: bytes) -> dict[str, Any]:
        with translated(self.endpoint.model):
            found = await self.endpoint.client.audio.transcriptions.create(
                file=("sound.wav", sound),
                model=self.endpoint.name,
                response_format="verbose_json",
                timestamp_granularities=["word", "segment"],
            )
        return found.model_dump()


def _pieces(audio: Path, most: int) -> Iterator[tuple[float, float, bytes]]:
    """Yield WAV files of up to `most` seconds with their times in the whole."""
    try:
        with wave.open(str(audio)) as sound:
            rate, at = sound.getframerate(), 0
            _check(sound)
            while at < sound.getnframes():
                sound.setpos(at)
                samples = sound.readframes(most * rate)
                if at + len(samples) // 2 < sound.getnframes():
                    samples = samples[: 2 * _quietest(samples, rate)]
                end = at + len(samples) // 2
                yield at / rate, end / rate, _wav(samples, rate)
                at = end
    except (wave.Error, EOFError, OSError) as error:
        raise ProcessingFailed(f"The sound cannot be read: {error}.", code="media_decode_error") from error


def _check(sound: wave.Wave_read) -> None:
    if (sound.getnchannels(), sound.getsampwidth()) != (1, 2):
        raise wave.Error("it is not mono, or has not 16 bits")


def _silent(sound: bytes) -> bool:
    """Whether nothing can be heard, in which speech models like to hear something."""
    return max(map(abs, array("h", sound[_HEADER:])), default=0) < _AUDIBLE


def _quietest(samples: bytes, rate: int) -> int:
    """Return the sample at the middle of the quietest tenth of a second near the end."""
    values = array("h", samples)
    step = int(rate * _STEP_SECONDS)
    first = max(step, len(values) - LOOK_BACK_SECONDS * rate)
    begins = range(first, len(values) - step, step)
    best = min(begins, key=lambda begin: max(map(abs, values[begin : begin + step])), default=len(values))
    return min(best + step // 2, len(values))


def _wav(samples: bytes, rate: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples)
    return out.getvalue()


def _phrases(found: dict[str, Any], start: float, end: float) -> Iterator[Phrase]:
    """Shift the segments of an answer to their place in the whole; without any, all of it is one phrase."""
    words = [Word(start + w["start"], start + w["end"], w["word"]) for w in found.get("words") or ()]
    segments = found.get("segments") or [{"start": 0.0, "end": end - start, "text": found.get("text") or ""}]
    for segment in segments:
        begins, ends = start + segment["start"], min(end, start + segment["end"])
        text = segment["text"].strip()
        if text and ends > begins:
            inside = (word for word in words if begins <= (word.start + word.end) / 2 < ends)
            clipped = (evolve(word, start=max(word.start, begins), end=min(word.end, ends)) for word in inside)
            yield Phrase(begins, ends, text, tuple(clipped))


def _tag(language: str | None) -> str | None:
    """Return a BCP 47 tag: endpoints answer with one, or with the English name of the language."""
    if language is None:
        return None
    return _LANGUAGES.get(language.casefold(), language if len(language) <= 3 else None)
