"""Fades and dissolves between real scenes, encoded and read back."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from videovector_adapters.av import AvReader
from videovector_core.segments import cuts

pytestmark = pytest.mark.real
RATE = 25
SCENE = 60
"""Frames of each scene that are shown by themselves between two transitions."""
LONGEST = 37
BUNNY = "cuts__big-buck-bunny-480p-30s__video.mp4"
SHOTS = (
    (BUNNY, 20),
    ("negative__moviepy__example.mp4", 0),
    (BUNNY, 380),
    ("negative__interactive-examples__flower.mp4", 0),
    (BUNNY, 555),
    ("negative__auto-editor__example.mp4", 100),
    ("robust__mediabunny__video-h265.mp4", 0),
    ("negative__moviepy__example.mp4", 200),
    ("negative__auto-editor__example.mp4", 600),
)
"""Files, and the frame from which on there is no cut for as long as is needed."""
Frame = np.ndarray[Any, Any]
Span = tuple[float, float]


@pytest.fixture
async def reader() -> AsyncIterator[AvReader]:
    """Decode in a child process."""
    one = AvReader()
    yield one
    await one.close()


@pytest.mark.parametrize("kind", ["dissolve", "fade to black", "fade to white"])
async def test_nine_of_ten_are_found(reader: AvReader, shared_media: Path, tmp_path: Path, kind: str) -> None:
    """Of transitions of half a second to one and a half, at least nine in ten have a cut inside; cuts elsewhere are few."""
    scenes = [scene(shared_media / name, first) for name, first in SHOTS]
    path, spans = made(tmp_path / "a.mp4", [*scenes, *scenes[::2], *scenes[1::2]], kind)
    signals = await reader.read(path, tmp_path)
    found = [cut.time for cut in cuts.find(signals.times, signals.differences, signals.features)]
    hit = [any(start <= cut <= end for cut in found) for start, end in spans]
    assert sum(hit) >= 0.9 * len(spans), [span for span, good in zip(spans, hit, strict=True) if not good]
    elsewhere = [cut for cut in found if not any(start - 0.2 <= cut <= end + 0.2 for start, end in spans)]
    assert len(elsewhere) <= 0.2 * len(spans), elsewhere


def scene(path: Path, first: int) -> list[Frame]:
    """Return some seconds of one shot of a real clip, small."""
    with av.open(str(path)) as file:
        wanted = itertools.islice(file.decode(video=0), first, first + SCENE + 2 * LONGEST)
        return [frame.to_ndarray(width=320, height=180, format="rgb24") for frame in wanted]


def made(path: Path, scenes: list[list[Frame]], kind: str) -> tuple[Path, list[Span]]:
    """Write the scenes with transitions between them, and return when these begin and end."""
    chance, spans, written = random.Random(kind), list[Span](), 0
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "26"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        begun = 0  # frames of the scene that were used up by the transition before it
        for one, other in itertools.pairwise(scenes):
            length = chance.randrange(RATE // 2, LONGEST)
            alone = one[begun : begun + SCENE]
            for picture in [*alone, *between(one[begun + SCENE :], other, length, kind)]:
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            begun = length
            spans.append(((written + SCENE) / RATE, (written + SCENE + length) / RATE))
            written += SCENE + length
        out.mux(stream.encode(None))
    return path, spans


def between(one: list[Frame], other: list[Frame], length: int, kind: str) -> Iterator[Frame]:
    """Make the frames of a transition, in which both scenes stay in motion."""
    level = np.full_like(other[0], 255 if "white" in kind else 0)
    for number in range(length):
        part = (number + 1) / (length + 1)
        ends, comes = one[min(number, len(one) - 1)], other[number]
        if kind == "dissolve":
            yield mixed(ends, comes, part)
        elif part < 0.5:
            yield mixed(ends, level, 2 * part)
        else:
            yield mixed(level, comes, 2 * part - 1)


def mixed(one: Frame, other: Frame, part: float) -> Frame:
    """Mix two frames; `part` of the second."""
    return np.rint(one * (1 - part) + other * part).astype(np.uint8)
