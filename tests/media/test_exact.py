"""Times are those of the frames: read off the numbers that generated films carry."""

from __future__ import annotations

import io
import random
from bisect import bisect_right
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageSequence

from tests.media.counted import film, number_in
from videovector_adapters.av import AvReader

STEADY = [n / 25 for n in range(200)]
SLOW = [n / 10 for n in range(80)]


def uneven() -> list[float]:
    """Return times with gaps of 5 ms to 1.6 s, as screen recordings have them."""
    source, times = random.Random(7), [0.0]
    while times[-1] < 12:
        times.append(round(times[-1] + source.choice([0.005, 0.02, 0.04, 0.04, 0.04, 0.3, 1.6]), 3))
    return times


FILMS: dict[str, tuple[list[float], dict[str, Any]]] = {
    "steady mp4 with reordered frames": (STEADY, {"container": "mp4", "options": {"bf": "3"}, "sound": True}),
    "steady mkv of one key frame": (STEADY, {"container": "matroska", "options": {"g": "1000", "bf": "2"}}),
    "uneven mkv": (uneven(), {"container": "matroska", "options": {"g": "12"}}),
    "uneven mp4": (uneven(), {"container": "mp4", "options": {"bf": "2"}}),
    "ts that starts late": (STEADY, {"container": "mpegts", "start": 3600.5, "options": {"g": "25"}}),
    "webm": (SLOW, {"container": "webm", "codec": "libvpx", "options": {"deadline": "realtime", "cpu-used": "8"}}),
    "mp4 turned on its side": (SLOW, {"container": "mp4", "degrees": -90}),
    "mp4 with wide pixels": (SLOW, {"container": "mp4", "pixel": Fraction(2)}),
    "avi": (SLOW, {"container": "avi", "codec": "mpeg4", "tick": Fraction(1, 10)}),
}


@pytest.mark.parametrize("name", FILMS)
async def test_every_still_shows_the_frame_of_its_time(reader: AvReader, tmp_path: Path, name: str) -> None:
    """Series hold the times that were written; stills, thumbnails at any second and clips show the right frame."""
    times, manner = FILMS[name]
    path = film(tmp_path / "film", times, **manner)
    into = tmp_path / "out"
    into.mkdir()
    signals = await reader.read(path, into)
    turns = 1 if manner.get("degrees") else 0
    assert list(signals.times) == pytest.approx(times, abs=0.0011)
    assert signals.probe.duration == pytest.approx(times[-1] + 0.04, abs=0.11)
    for still in (*signals.thumbnails, *signals.frames):
        assert number_in(still.path.read_bytes(), turns=turns) == number_at(times, still.time)
    source = random.Random(3)
    inside = [source.choice(times) + 0.003 for _ in range(8)]
    for second in [0.0, times[-1] + 5, *inside]:
        shown = number_in(await reader.thumbnail(path, second), turns=turns)
        assert shown == number_at(times, second)


async def test_a_clip_holds_exactly_its_frames(reader: AvReader, tmp_path: Path) -> None:
    """A clip begins with the frame shown at its start and ends before the frame at its end."""
    path = film(tmp_path / "film", STEADY, container="mp4", options={"bf": "3", "g": "250"}, sound=True)
    clip, into = tmp_path / "clip.mp4", tmp_path / "out"
    into.mkdir()
    assert await reader.clip(path, 2.0, 5.0, clip) == "video/mp4"
    signals = await reader.read(clip, into)
    assert signals.probe.duration == pytest.approx(3.0, abs=0.045)
    assert list(signals.times) == pytest.approx([n / 25 for n in range(75)], abs=0.001)
    numbers = [number_in(still.path.read_bytes()) for still in signals.thumbnails]
    assert numbers == [50, 75, 100]


async def test_a_whole_file_is_copied_when_browsers_play_its_streams(reader: AvReader, tmp_path: Path) -> None:
    """H.264 and AAC from another container come out the same, without loss."""
    path = film(tmp_path / "film", STEADY, container="mpegts", start=100.0, sound=True)
    whole, into = tmp_path / "whole.mp4", tmp_path / "out"
    into.mkdir()
    assert await reader.clip(path, 0.0, None, whole) == "video/mp4"
    signals = await reader.read(whole, into)
    assert (signals.probe.container, signals.probe.video_codec, len(signals.times)) == ("mp4", "h264", len(STEADY))
    lead = 1024 / 16_000  # a transport stream cannot say that the encoder's first samples are not to be heard
    assert number_in(await reader.thumbnail(whole, 4.0 + lead + 0.003)) == 100


async def test_a_gif_is_short_and_small(reader: AvReader, tmp_path: Path) -> None:
    """A preview has 30 frames of a tenth of a second at most and is 320 pixels wide at most."""
    path = film(tmp_path / "film", STEADY, container="mp4")
    with Image.open(io.BytesIO(await reader.gif(path, 1.0, 9.0))) as preview:
        assert getattr(preview, "n_frames", 1) == 30
        assert max(preview.size) <= 320
        assert [number_in(frame.convert("RGB")) for frame in ImageSequence.Iterator(preview)][::10] == [25, 50, 75]


def number_at(times: list[float], second: float) -> int:
    """Return the number of the frame that is shown at `second`."""
    return max(0, bisect_right(times, second + 0.0012) - 1)
