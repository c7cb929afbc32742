"""Files that lack times, begin late, have long gaps or say too little about themselves."""

from __future__ import annotations

import io
import math
import wave
from array import array
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from tests.media.counted import film, number_in
from videovector_adapters.av import AvReader, floor, images, sniff
from videovector_core.errors import ProcessingFailed
from videovector_core.testing.media import tone

STEADY = [n / 25 for n in range(100)]
SPARSE = [0.0, 0.04, 0.3, 0.31, 1.5, 1.6, 4.0, 4.04, 7.0]


async def times_of(reader: AvReader, path: Path, into: Path) -> tuple[list[float], float]:
    """Return the times of the frames and the duration, which both ways of asking agree on."""
    into.mkdir()  # noqa: ASYNC240 - nobody else waits
    signals = await reader.read(path, into)
    assert signals.probe.duration == pytest.approx((await reader.probe(path)).duration, abs=0.005)
    return list(signals.times), signals.probe.duration


@pytest.mark.parametrize("start", [0.0, 5.0])
async def test_no_frame_is_lost_when_matroska_is_copied(reader: AvReader, tmp_path: Path, start: float) -> None:
    """Matroska leaves out the first decoding times of reordered pictures; the copy has every frame, the first too."""
    path = film(tmp_path / "film", STEADY, container="matroska", start=start, options={"bf": "3", "g": "250"})
    assert (await times_of(reader, path, tmp_path / "film.out"))[1] == pytest.approx(4.0, abs=0.01)
    whole = tmp_path / "whole.mp4"
    assert await reader.clip(path, 0.0, None, whole) == "video/mp4"
    times, duration = await times_of(reader, whole, tmp_path / "whole.out")
    assert times == pytest.approx(STEADY, abs=0.002)
    assert duration == pytest.approx(4.0, abs=0.04)
    assert [number_in(await reader.thumbnail(whole, n / 25 + 0.003)) for n in (0, 1, 50, 99)] == [0, 1, 50, 99]


@pytest.mark.parametrize("container", ["matroska", "mp4"])
async def test_a_clip_between_frames_lasts_as_long_as_was_asked(
    reader: AvReader, tmp_path: Path, container: str
) -> None:
    """A clip of a film with gaps begins with the frame that is shown then and shows the last one to its end."""
    path = film(tmp_path / "film", SPARSE, container=container, options={"bf": "3"})
    for start, end, first in ((1.0, 3.0, 3), (4.5, 6.5, 7), (5.0, 5.2, 7)):
        clip = tmp_path / f"{start}.mp4"
        await reader.clip(path, start, end, clip)
        assert (await reader.probe(clip)).duration == pytest.approx(end - start, abs=0.04)
        assert number_in(await reader.thumbnail(clip, 0.0)) == first


async def test_a_header_that_counts_decoding_times_is_not_believed(reader: AvReader, tmp_path: Path) -> None:
    """An MP4 file of reordered pictures with long gaps lasts until its last picture, whatever its header says."""
    path = film(tmp_path / "film", SPARSE, container="mp4", options={"bf": "3"})
    times, duration = await times_of(reader, path, tmp_path / "out")
    assert times == pytest.approx(SPARSE, abs=0.002)
    assert duration >= 7.0


@pytest.mark.parametrize("container", ["h264", "hevc"])
async def test_bare_pictures_are_timed_by_counting(reader: AvReader, tmp_path: Path, container: str) -> None:
    """A stream without a container has frames 1/25 s apart, stills of any of them, and clips."""
    codec = "libx265" if container == "hevc" else "libx264"
    options = {"x265-params": "log-level=none"} if container == "hevc" else {}
    path = film(tmp_path / "film", STEADY, container=container, codec=codec, options=options)
    times, duration = await times_of(reader, path, tmp_path / "out")
    assert times == pytest.approx(STEADY, abs=0.001)
    assert duration == pytest.approx(4.0, abs=0.01)
    assert number_in(await reader.thumbnail(path, 2.001)) == 50
    clip = tmp_path / "clip.mp4"
    await reader.clip(path, 1.0, 2.0, clip)
    assert (await reader.probe(clip)).duration == pytest.approx(1.0, abs=0.04)
    assert number_in(await reader.thumbnail(clip, 0.0)) == 25


async def test_a_program_stream_is_counted(reader: AvReader, tmp_path: Path) -> None:
    """The decoder's guess at the end of an MPEG program stream falls short by frames; its packets tell."""
    path = film(tmp_path / "film", STEADY, container="mpeg", codec="mpeg1video", tick=Fraction(1, 25))
    assert (await reader.probe(path)).duration == pytest.approx(4.0, abs=0.01)


async def test_clips_reach_over_the_turn_of_a_transport_streams_clock(reader: AvReader, tmp_path: Path) -> None:
    """Times of transport streams begin anew after 26.5 hours; clips behind that point are found."""
    path = film(tmp_path / "film", STEADY, container="mpegts", start=95_441.0)
    clip = tmp_path / "clip.mp4"
    await reader.clip(path, 3.4, 3.8, clip)
    assert (await reader.probe(clip)).duration == pytest.approx(0.4, abs=0.04)
    assert number_in(await reader.thumbnail(clip, 0.0)) == 85


async def test_sound_that_mp4_has_no_place_for_is_encoded_anew(reader: AvReader, tmp_path: Path) -> None:
    """MP3 of 8 kHz cannot be copied into MP4, and a clip of the whole is made all the same."""
    source, path, clip = tmp_path / "tone.wav", tmp_path / "low.mp3", tmp_path / "clip.mp4"
    source.write_bytes(tone(2.0))
    with av.open(str(source)) as file, av.open(str(path), "w", format="mp3") as out:
        stream: Any = out.add_stream("libmp3lame", rate=8000, layout="mono")
        for frame in file.decode(audio=0):
            frame.pts = None
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert await reader.clip(path, 0.0, None, clip) == "audio/mp4"
    assert (await reader.probe(clip)).duration == pytest.approx(2.0, abs=0.1)


async def test_a_large_kind_of_tiff_is_a_picture(reader: AvReader, tmp_path: Path) -> None:
    """TIFF with offsets of 64 bits is read like any other."""
    path = tmp_path / "big"
    Image.new("RGB", (40, 30), "red").save(path, "TIFF", big_tiff=True)
    assert (await reader.probe(path)).width == 40


@pytest.mark.parametrize("channels", [3, 9, 32])
@pytest.mark.parametrize("width", [1, 2, 4])
async def test_channels_that_have_no_places_are_mixed(
    reader: AvReader, tmp_path: Path, channels: int, width: int
) -> None:
    """A recording of many channels is heard: a tone that is on all of them is as loud as it was, in wide steps or fine."""
    steps = [math.sin(2 * math.pi * 440 * n / 16_000) / 2 for n in range(16_000)]
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((channels, width, 16_000, 0, "NONE", ""))
        high, zero = 2 ** (8 * width - 1) - 1, 128 if width == 1 else 0
        written = [round(high * step) + zero for step in steps for _ in range(channels)]
        file.writeframes(b"".join(one.to_bytes(width, "little", signed=width > 1) for one in written))
    signals = await reader.read(tmp_path / "sound.wav", tmp_path)
    assert signals.warning is None
    assert signals.audio is not None
    with wave.open(str(signals.audio), "rb") as file:
        heard = array("h", file.readframes(file.getnframes()))
    assert len(heard) == pytest.approx(16_000, abs=50)
    assert max(heard) == pytest.approx(16_384, rel=0.05)
    assert sum(heard) / len(heard) == pytest.approx(0, abs=200)
    assert await reader.thumbnail(tmp_path / "sound.wav", 0.0)
    assert await reader.clip(tmp_path / "sound.wav", 0.0, 0.5, tmp_path / "clip.m4a") == "audio/mp4"


async def test_sound_of_one_sample_a_second_is_left_out(reader: AvReader, tmp_path: Path) -> None:
    """A header that makes hours of every frame is not believed."""
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((1, 2, 1, 0, "NONE", ""))
        file.writeframes(bytes(20_000))
    with pytest.raises(ProcessingFailed, match="Nothing in the file can be decoded"):
        await reader.read(tmp_path / "sound.wav", tmp_path)


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_photos_are_turned_upright(reader: AvReader, tmp_path: Path, orientation: int) -> None:
    """A picture that was stored in any of the eight orientations is measured and shown upright."""
    upright = Image.linear_gradient("L").resize((64, 32))
    exif = Image.Exif()
    exif[0x0112] = orientation
    undo = {6: 8, 8: 6}.get(orientation, orientation)
    stored = upright if undo == 1 else upright.transpose(images._TURNS[undo])
    stored.save(tmp_path / "photo.jpg", exif=exif)
    probe = await reader.probe(tmp_path / "photo.jpg")
    assert (probe.width, probe.height) == (64, 32)
    with Image.open(io.BytesIO(await reader.thumbnail(tmp_path / "photo.jpg", 0.0))) as shown:
        rows = shown.convert("L").resize((1, 32)).tobytes()
        assert (rows[1] < 30, rows[30] > 225) == (True, True)


@pytest.mark.parametrize("exif", [b"IIj\0\x08\0\0\0", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\x08\0\0\0\x01\0\x12\x01\x03"])
async def test_a_photo_is_read_whatever_is_told_about_it(reader: AvReader, tmp_path: Path, exif: bytes) -> None:
    """Damaged Exif data are no reason to refuse a picture that is whole."""
    Image.new("RGB", (64, 32), "red").save(tmp_path / "photo.jpg", exif=b"Exif\0\0" + exif, dpi=(72, 72))
    probe = await reader.probe(tmp_path / "photo.jpg")
    assert (probe.width, probe.height) == (64, 32)
    assert await reader.thumbnail(tmp_path / "photo.jpg", 0.0)


def test_an_old_decoder_is_refused() -> None:
    """Nothing is read with an FFmpeg older than the floor; playlists, whose reader had holes, are no allowed format."""
    floor.check_version()
    with pytest.raises(ImportError, match="upgrade PyAV"):
        floor.check_version({**floor.LEAST, "libavformat": (61, 7, 100)})
    assert not {"hls", "concat", "dash", "applehttp"} & set(sniff.DEMUXERS.split(","))
