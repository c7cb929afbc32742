"""The media door: bombs, liars and runaways are refused or stopped, and the parent goes on."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from tests.media.counted import film
from videovector_adapters.av import AvReader, MediaLimits
from videovector_core.errors import Invalid, TooLarge, VideoVectorError
from videovector_core.testing.media import film as avi
from videovector_core.testing.media import picture, tone


async def test_a_picture_bomb_is_refused_before_it_is_decoded(reader: AvReader, tmp_path: Path) -> None:
    """A small PNG file of 180 megapixels is over the limit, and so is one that claims two thousand million."""
    for width, height in ((13_400, 13_400), (50_000, 50_000)):
        path = tmp_path / "bomb.png"
        path.write_bytes(picture(width, 1) if width > 20_000 else picture(width, height))
        data = bytearray(path.read_bytes())
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        path.write_bytes(data)
        with pytest.raises(TooLarge) as caught:
            await reader.probe(path)
        assert caught.value.code == "validation_media_limit"


async def test_an_animation_of_thousands_of_frames_is_one_picture(reader: AvReader, tmp_path: Path) -> None:
    """A GIF of 5,000 frames is read as its first one."""
    frames = [Image.new("P", (8, 8), number % 2) for number in range(5000)]
    path = tmp_path / "long.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=10)
    into = tmp_path / "out"
    into.mkdir()
    assert len((await reader.read(path, into)).frames) == 1


async def test_a_film_of_a_million_seconds_is_refused(reader: AvReader, tmp_path: Path) -> None:
    """One frame a second for longer than the limit is refused from its header."""
    path = film(tmp_path / "long", [0.0, 1.0, 500_000.0, 1_000_000.0], container="matroska", tick=Fraction(1, 10))
    with pytest.raises(Invalid) as caught:
        await reader.probe(path)
    assert caught.value.code == "validation_media_limit"
    assert "s; the most" in caught.value.message


async def test_more_streams_than_allowed_are_refused(tmp_path: Path) -> None:
    """The number of streams is limited before any is decoded."""
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w", format="matroska") as out:
        streams = [out.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(20)]
        for stream in streams:
            frame = av.AudioFrame(format="s16", layout="mono", samples=80)
            frame.sample_rate, frame.time_base, frame.pts = 8000, Fraction(1, 8000), 0
            out.mux(stream.encode(frame))
    reader = AvReader(MediaLimits(streams=19))
    with pytest.raises(Invalid) as caught:
        await reader.probe(path)
    await reader.close()
    assert caught.value.code == "validation_media_limit"


async def test_limits_on_bytes_pixels_seconds_and_frames_hold(tmp_path: Path) -> None:
    """Each limit refuses what is over it, with a code."""
    path, into = tmp_path / "film", tmp_path / "out"
    path.write_bytes(avi([50] * 30))
    into.mkdir()
    for limits in (MediaLimits(size=1000), MediaLimits(pixels=100), MediaLimits(seconds=1.0), MediaLimits(frames=9)):
        reader = AvReader(limits)
        with pytest.raises((Invalid, TooLarge)) as caught:
            await reader.read(path, into)
        await reader.close()
        assert caught.value.code in {"validation_media_limit", "request_too_large"}


async def test_a_file_that_lies_about_its_length_is_measured(reader: AvReader, tmp_path: Path) -> None:
    """A WAV file whose header claims a day lasts as long as its samples."""
    data = bytearray(tone(2.0))
    data[40:44] = struct.pack("<I", 8000 * 2 * 86_400)
    path, into = tmp_path / "liar.wav", tmp_path / "out"
    path.write_bytes(data)
    into.mkdir()
    try:
        found = await reader.read(path, into)
    except Invalid as error:
        assert error.code == "validation_media_limit"  # noqa: PT017 - both are honest
    else:
        assert found.probe.duration == pytest.approx(2.0, abs=0.05)


async def test_a_path_that_is_no_file_is_refused(reader: AvReader, tmp_path: Path) -> None:
    """Directories and devices are no media."""
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(Invalid):
            await reader.probe(path)


async def test_a_child_that_has_too_little_memory_fails_alone(tmp_path: Path) -> None:
    """Running out of memory is an error of that file; the next one is read."""
    reader = AvReader(memory=700 * 1024 * 1024)
    big, small = tmp_path / "big.png", tmp_path / "small.png"
    big.write_bytes(picture(9_900, 9_900))
    small.write_bytes(picture(20, 20))
    try:
        with pytest.raises(Exception, match=r"memory|died"):
            await reader.probe(big)
        assert (await reader.probe(small)).width == 20
    finally:
        await reader.close()


async def test_the_child_has_none_of_the_parents_secrets(
    reader: AvReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment of the process that decodes holds what it needs to run, and nothing more."""
    monkeypatch.setenv("VIDEOVECTOR_SECRET_KEY", "canary")
    path = tmp_path / "a.wav"
    path.write_bytes(tone(1))
    await reader.probe(path)
    (child,) = reader._brief._all
    assert b"canary" not in _environment(child.pid)


def _environment(pid: int | None) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_a_picture_whose_parts_are_not_found_is_refused(reader: AvReader, tmp_path: Path) -> None:
    """An AVIF file with a head and no place for its picture is a damaged picture, not a failure of ours."""
    whole, codes = io.BytesIO(), dict[bytes, str]()
    Image.new("RGB", (64, 48), "red").save(whole, "AVIF")
    for box in (b"iloc", b"iinf", b"pitm", b"iprp", b"mdat"):
        path = tmp_path / f"{box.decode()}.avif"
        path.write_bytes(whole.getvalue().replace(box, b"free"))
        try:
            await reader.read(path, tmp_path)
        except VideoVectorError as error:
            codes[box] = error.code
    assert b"iloc" in codes
    assert set(codes.values()) <= {"validation_unsupported_media_type", "media_decode_error"}
