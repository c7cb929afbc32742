"""What every `MediaReader` keeps, and the small media files that show it, made from nothing but bytes.

Inherit `MediaReaderContract` in a test module and give it a fixture `reader`.
"""

from __future__ import annotations

import io
import math
import random
import struct
import wave
import zlib
from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from videovector_core.errors import Invalid, VideoVectorError
from videovector_core.signals import MediaReader, MediaType

RATE = 10
WIDE, HIGH = 192, 108


def tone(seconds: float, *, rate: int = 8000, channels: int = 1) -> bytes:
    """Make a WAV file of a sine wave."""
    out = io.BytesIO()
    samples = array("h", (int(9000 * math.sin(n / channels * 0.3)) for n in range(int(seconds * rate) * channels)))
    with wave.open(out, "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())
    return out.getvalue()


def picture(width: int, height: int, level: int = 128) -> bytes:
    """Make a grey PNG file."""
    row = b"\0" + bytes([level]) * width
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * height)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def film(levels: Sequence[int]) -> bytes:
    """Make an uncompressed AVI file of `RATE` frames a second; each frame is half black and half of its level."""
    frames = [(bytes(3) * (WIDE // 2) + bytes([level]) * 3 * (WIDE // 2)) * HIGH for level in levels]
    size = len(frames[0])
    header = struct.pack("<14I", 1_000_000 // RATE, size * RATE, 0, 16, len(frames), 0, 1, size, WIDE, HIGH, 0, 0, 0, 0)
    stream = b"vidsDIB " + struct.pack("<10I4H", 0, 0, 0, 1, RATE, 0, len(frames), size, 0, 0, 0, 0, WIDE, HIGH)
    bitmap = struct.pack("<IiiHHIIiiII", 40, WIDE, HIGH, 1, 24, 0, size, 0, 0, 0, 0)
    described = _list(b"strl", _chunk(b"strh", stream) + _chunk(b"strf", bitmap))
    index = b"".join(b"00db" + struct.pack("<III", 16, 4 + n * (size + 8), size) for n in range(len(frames)))
    body = _list(b"hdrl", _chunk(b"avih", header) + described)
    body += _list(b"movi", b"".join(_chunk(b"00db", frame) for frame in frames)) + _chunk(b"idx1", index)
    return _chunk(b"RIFF", b"AVI " + body)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _list(kind: bytes, data: bytes) -> bytes:
    return _chunk(b"LIST", kind + data)


def scripts(target: str) -> dict[str, bytes]:
    """Return texts that some decoders take as orders to open `target`."""
    return {
        "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n".encode(),
        "ffconcat": f"ffconcat version 1.0\nfile '{target}'\n".encode(),
        "mpd": (
            "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' mediaPresentationDuration='PT1S'><Period>"
            f"<AdaptationSet><Representation id='1' bandwidth='1'><BaseURL>{target}</BaseURL></Representation>"
            "</AdaptationSet></Period></MPD>"
        ).encode(),
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "pls": f"[playlist]\nFile1={target}\nNumberOfEntries=1\n".encode(),
        "list": f"file '{target}'\n".encode(),
        "smil": f"<smil><body><video src='{target}'/></body></smil>".encode(),
    }


class MediaReaderContract:
    """The promises of `MediaReader`, one test each."""

    async def test_sound_is_told_by_its_bytes(self, reader: MediaReader, tmp_path: Path) -> None:
        """A WAV file is sound whatever it is called, and as long as its samples say."""
        for name in ("a.wav", "a.mp4", "a.txt", "a"):
            found = await reader.probe(_written(tmp_path / name, tone(2.5)))
            assert (found.media_type, found.has_audio) == (MediaType.AUDIO, True)
            assert found.duration == pytest.approx(2.5, abs=0.01)

    async def test_a_film_is_told_by_its_bytes(self, reader: MediaReader, tmp_path: Path) -> None:
        """A film has size, rate and duration."""
        found = await reader.probe(_written(tmp_path / "clip", film([60] * 25)))
        assert (found.media_type, found.width, found.height) == (MediaType.VIDEO, WIDE, HIGH)
        assert found.frame_rate == pytest.approx(RATE)
        assert found.duration == pytest.approx(2.5)

    async def test_a_picture_has_no_duration(self, reader: MediaReader, tmp_path: Path) -> None:
        """A still picture lasts 0 seconds and has one thumbnail and one frame."""
        path = _written(tmp_path / "p", picture(300, 200))
        found = await reader.probe(path)
        assert (found.media_type, found.width, found.height, found.duration) == (MediaType.IMAGE, 300, 200, 0.0)
        signals = await reader.read(path, _made(tmp_path / "out"))
        assert (len(signals.thumbnails), len(signals.frames), len(signals.times)) == (1, 1, 0)

    async def test_probing_and_reading_agree(self, reader: MediaReader, tmp_path: Path) -> None:
        """The pass gives the same description as the probe."""
        for number, data in enumerate((tone(1), film([10] * 12), picture(64, 64))):
            path = _written(tmp_path / str(number), data)
            assert (await reader.read(path, _made(tmp_path / f"out{number}"))).probe == await reader.probe(path)

    async def test_series_run_in_parallel(self, reader: MediaReader, tmp_path: Path) -> None:
        """Every decoded frame has a rising time and one value in each series, and a cut shows."""
        path = _written(tmp_path / "film", film([20] * 20 + [230] * 20))
        signals = await reader.read(path, _made(tmp_path / "out"))
        assert list(signals.times) == pytest.approx([n / RATE for n in range(40)])
        assert all(len(series) == 40 for series in (signals.differences, *signals.features.values()))
        assert max(range(40), key=signals.differences.__getitem__) == 20

    async def test_stills_are_jpeg_files_in_the_given_directory(self, reader: MediaReader, tmp_path: Path) -> None:
        """Thumbnails come once a second at most; frames also right after a cut."""
        path, into = _written(tmp_path / "film", film([20] * 25 + [230] * 20)), _made(tmp_path / "out")
        signals = await reader.read(path, into)
        assert [still.time for still in signals.thumbnails] == pytest.approx([0, 1, 2, 3, 4])
        assert any(still.after_cut and 2.5 <= still.time <= 3.1 for still in signals.frames)
        assert all(one.time < other.time for one, other in pairwise(signals.frames))
        for still in (*signals.thumbnails, *signals.frames):
            assert still.path.is_relative_to(into)
            assert still.path.read_bytes().startswith(b"\xff\xd8\xff")

    async def test_sound_becomes_mono_at_16_khz(self, reader: MediaReader, tmp_path: Path) -> None:
        """The sound of a file is kept as 16-bit mono WAV of the same length."""
        path = _written(tmp_path / "s", tone(3, rate=44_100, channels=2))
        signals = await reader.read(path, _made(tmp_path / "out"))
        assert signals.audio
        with wave.open(str(signals.audio)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
            assert file.getnframes() == pytest.approx(48_000, abs=160)

    async def test_progress_is_told(self, reader: MediaReader, tmp_path: Path) -> None:
        """Whatever is told of progress are media seconds that rise."""
        seconds: list[float] = []
        beat: Callable[[float], None] = seconds.append
        await reader.read(_written(tmp_path / "f", film([9] * 200)), _made(tmp_path / "out"), beat=beat)
        assert all(0 <= one <= other <= 20.2 for one, other in pairwise([0.0, *seconds]))

    async def test_previews_are_pictures(self, reader: MediaReader, tmp_path: Path) -> None:
        """Films, sound and pictures all have a JPEG thumbnail and a GIF."""
        for number, data in enumerate((tone(1), film([10, 200] * 6), picture(64, 64))):
            path = _written(tmp_path / str(number), data)
            assert (await reader.thumbnail(path, 0.5, long_side=100)).startswith(b"\xff\xd8\xff")
            assert (await reader.gif(path, 0.0, 1.0)).startswith(b"GIF8")

    async def test_lists_of_other_files_are_refused(self, reader: MediaReader, tmp_path: Path) -> None:
        """A playlist, manifest or description is no media, whatever it is called and whatever it points at."""
        target = _written(tmp_path / "target.wav", tone(1))
        for kind, data in scripts(str(target)).items():
            for extension in ("mp4", "mkv", "ts", "mp3", "jpg", "m3u8", "mpd", "sdp", "txt", ""):
                with pytest.raises(Invalid) as caught:
                    await reader.probe(_written(tmp_path / f"{kind}.{extension}", data))
                assert caught.value.code == "validation_unsupported_media_type"

    async def test_what_is_no_media_is_refused(self, reader: MediaReader, tmp_path: Path) -> None:
        """Text, noise, zeros and beginnings without an end are refused with the same code, by every method."""
        noise = random.Random(1).randbytes(50_000)
        for number, data in enumerate(
            (b"hello\n" * 99, noise, bytes(5000), b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF89a", b"BM", b"\0")
        ):
            path = _written(tmp_path / f"{number}.mp4", data)
            for work in (
                reader.probe(path),
                reader.read(path, _made(tmp_path / f"o{number}")),
                reader.thumbnail(path, 0),
            ):
                with pytest.raises(Invalid) as caught:
                    await work
                assert caught.value.code == "validation_unsupported_media_type"

    async def test_an_empty_file_is_refused(self, reader: MediaReader, tmp_path: Path) -> None:
        """A file of no bytes has its own code."""
        with pytest.raises(Invalid) as caught:
            await reader.probe(_written(tmp_path / "empty.mp4", b""))
        assert caught.value.code == "validation_empty_file"

    async def test_the_reader_outlives_what_it_is_given(self, reader: MediaReader, tmp_path: Path) -> None:
        """After any number of broken files a good one is read as ever."""
        source, whole = random.Random(2), film([30] * 12)
        for number in range(12):
            broken = bytearray(whole)
            for _ in range(40):
                broken[source.randrange(400)] = source.randrange(256)
            try:
                await reader.read(_written(tmp_path / "broken", bytes(broken)), _made(tmp_path / f"b{number}"))
            except VideoVectorError as error:
                assert error.code  # noqa: PT017 - either outcome is right, and an error has a code
        assert (await reader.probe(_written(tmp_path / "whole", whole))).duration == pytest.approx(1.2)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _made(path: Path) -> Path:
    path.mkdir()
    return path
