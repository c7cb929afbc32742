"""What every adapter of a model port must keep. Inherit a suite and give it the fixture that its tests ask for.

Fixtures: `embedder` (`TextEmbedder`), `images` (`ImageEmbedder`), `joint` (`JointEmbedder`), `transcriber`
(`Transcriber`), `reader` (`PictureReader`); `pictures` is a list of at least three different encoded pictures, and
`speech` and `silence` are WAV files (mono, 16 kHz, 16 bits) with and without a voice.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from videovector_core.errors import VideoVectorError
from videovector_core.models.ports import (
    ImageEmbedder,
    JointEmbedder,
    PictureReader,
    TextEmbedder,
    Transcriber,
    Transcript,
    Vector,
)

_TOLERANCE = 1e-3


def length(vector: Vector) -> float:
    """Return the Euclidean length of a vector."""
    return math.sqrt(sum(value * value for value in vector))


def cosine(one: Vector, other: Vector) -> float:
    """Return the cosine between two vectors of unit length."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def nearest(query: Vector, candidates: Sequence[Vector]) -> list[int]:
    """Return the positions of candidates, nearest first; ties go to the earlier one."""
    return sorted(range(len(candidates)), key=lambda position: (-cosine(query, candidates[position]), position))


def _sound(found: Sequence[Vector], count: int, dimensions: int) -> bool:
    return len(found) == count and all(
        vector.typecode == "f" and len(vector) == dimensions and abs(length(vector) - 1) < _TOLERANCE
        for vector in found
    )


class TextEmbedderContract:
    """Promises of `TextEmbedder`."""

    async def test_one_unit_vector_for_each_text(self, embedder: TextEmbedder) -> None:
        """There is one vector of unit length for each text, empty and very long ones too."""
        texts = ["A cat sleeps.", "", " ", "long " * 4000, "\N{SNOWMAN} ein Schneemann", "\x00\ud800"]
        assert _sound(await embedder.embed(texts), len(texts), embedder.dimensions)

    async def test_nothing_for_nothing(self, embedder: TextEmbedder) -> None:
        """No texts, no vectors."""
        assert await embedder.embed([]) == []

    async def test_order_is_kept(self, embedder: TextEmbedder) -> None:
        """Each vector stands where its text stood, whatever the lengths of its neighbours."""
        texts = ["tide " * (number * 7 % 30 + 1) + str(number) for number in range(40)]
        together = await embedder.embed(texts)
        alone = [(await embedder.embed([text]))[0] for text in texts[:5]]
        assert all(cosine(a, b) > 1 - _TOLERANCE for a, b in zip(alone, together[:5], strict=True))

    async def test_the_same_text_has_the_same_vector(self, embedder: TextEmbedder) -> None:
        """A text's vector does not change from one call to the next, nor among calls at the same time."""
        first, *others = await asyncio.gather(*(embedder.embed(["the same"]) for _ in range(3)))
        assert all(cosine(first[0], other[0]) > 1 - _TOLERANCE for other in others)

    async def test_the_space_has_a_name(self, embedder: TextEmbedder) -> None:
        """The space is named, and the name is stable."""
        assert embedder.space
        assert embedder.space == embedder.space


class ImageEmbedderContract:
    """Promises of `ImageEmbedder`."""

    async def test_one_unit_vector_for_each_picture(self, images: ImageEmbedder, pictures: list[bytes]) -> None:
        """There is one vector of unit length for each picture."""
        assert _sound(await images.embed(pictures), len(pictures), images.dimensions)

    async def test_nothing_for_nothing(self, images: ImageEmbedder) -> None:
        """No pictures, no vectors."""
        assert await images.embed([]) == []

    async def test_a_picture_is_nearest_to_itself(self, images: ImageEmbedder, pictures: list[bytes]) -> None:
        """Order is kept, and a picture finds itself first."""
        stored = await images.embed(pictures)
        for position, picture in enumerate(pictures[:3]):
            assert nearest((await images.embed([picture]))[0], stored)[0] == position

    async def test_what_is_no_picture_is_refused(self, images: ImageEmbedder, pictures: list[bytes]) -> None:
        """Bytes that are no picture are an error with a code, and the next call works."""
        assert await _fails(images.embed([b"this is no picture"]))
        assert await images.embed(pictures[:1])


class JointEmbedderContract:
    """Promises of `JointEmbedder`."""

    async def test_pictures_and_texts_share_a_space(self, joint: JointEmbedder, pictures: list[bytes]) -> None:
        """Pictures and texts get unit vectors of the same dimensions."""
        assert _sound(await joint.embed_joint(pictures), len(pictures), joint.joint_dimensions)
        assert _sound(await joint.embed_query(["a cat", "rain"]), 2, joint.joint_dimensions)

    async def test_nothing_for_nothing(self, joint: JointEmbedder) -> None:
        """No pictures or texts, no vectors."""
        assert await joint.embed_joint([]) == []
        assert await joint.embed_query([]) == []


class TranscriberContract:
    """Promises of `Transcriber`."""

    async def test_times_lie_inside_the_sound_and_run_forward(self, transcriber: Transcriber, speech: Path) -> None:
        """Phrases and words run forward, words lie within their phrase, and nothing lies outside the file."""
        said = await transcriber.transcribe(speech)
        assert said.phrases
        assert said.language
        assert said.speech
        assert _ordered([(phrase.start, phrase.end) for phrase in said.phrases], seconds(speech))
        assert _ordered(list(said.speech), seconds(speech))
        for phrase in said.phrases:
            assert _ordered([(word.start, word.end) for word in phrase.words], seconds(speech))
            assert all(phrase.start - 1e-6 <= word.start <= word.end <= phrase.end + 1e-6 for word in phrase.words)

    async def test_progress_reaches_the_end(self, transcriber: Transcriber, speech: Path) -> None:
        """Progress is told in media seconds, never backwards, up to the end."""
        told: list[float] = []
        await transcriber.transcribe(speech, beat=told.append)
        assert told == sorted(told)
        assert abs(told[-1] - seconds(speech)) < 1

    async def test_silence_says_nothing(self, transcriber: Transcriber, silence: Path) -> None:
        """Nothing is heard in silence: no phrase, no language, no interval with a voice."""
        assert await transcriber.transcribe(silence) == Transcript()

    async def test_what_is_no_sound_is_refused(self, transcriber: Transcriber, tmp_path: Path) -> None:
        """A file that is no WAV is an error with a code."""
        broken = tmp_path / "broken.wav"
        broken.write_bytes(b"RIFF\x00\x00")
        assert await _fails(transcriber.transcribe(broken))


class PictureReaderContract:
    """Promises of `PictureReader`."""

    async def test_labels_are_probabilities_best_first(self, reader: PictureReader, pictures: list[bytes]) -> None:
        """Every picture has labels, the likeliest first, with probabilities that add up to no more than 1."""
        for labels in await reader.label(pictures):
            given = [label.probability for label in labels]
            assert given
            assert given == sorted(given, reverse=True)
            assert 0 <= min(given) <= sum(given) <= 1 + _TOLERANCE

    async def test_one_reading_for_each_picture(self, reader: PictureReader, pictures: list[bytes]) -> None:
        """Each picture has its lines, none where nothing is written."""
        assert len(await reader.read_text(pictures)) == len(pictures)

    async def test_nothing_for_nothing(self, reader: PictureReader) -> None:
        """No pictures, no readings."""
        assert await reader.read_text([]) == []
        assert await reader.label([]) == []

    async def test_what_is_no_picture_is_refused(self, reader: PictureReader) -> None:
        """Bytes that are no picture are an error with a code."""
        assert await _fails(reader.read_text([b"this is no picture"]))
        assert await _fails(reader.label([b"this is no picture"]))


def seconds(path: Path) -> float:
    """Return how long a WAV file plays."""
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()


def _ordered(spans: list[tuple[float, float]], end: float) -> bool:
    flat = [second for span in spans for second in span]
    return all(0 <= second <= end + 1e-6 for second in flat) and all(a <= b + 1e-6 for a, b in itertools.pairwise(flat))


async def _fails(work: Any) -> bool:
    try:
        await work
    except VideoVectorError as error:
        return bool(error.code)
    return False
