"""The clip that the demo shows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Stream

from tests.needs import needs
from videovector_http.demo.clip import Clip, build_clip
from videovector_http.demo.parts import BIKES, BUNNY, CALL, CITY, READING, Part, PartMissing

PARTS = (BIKES, BUNNY, CALL, CITY, READING)
CUTS = [30, 76, 137, 187, 242, 250, 366, 440, 572]


def there(part: Part) -> bool:
    """Tell whether a recording is installed."""
    try:
        return part.find().is_file()
    except PartMissing:
        return False


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The built clip."""
    needs(all(map(there, PARTS)), "the recordings of the demo: make setup")
    return build_clip(tmp_path_factory.mktemp("clip"))


def small_pictures(path: Path) -> Iterator[np.ndarray]:
    """Yield every frame as 48x27 grey values."""
    with av.open(path) as container:
        for frame in container.decode(video=0):
            yield frame.reformat(48, 27, "gray").to_ndarray().astype(int)


def seconds(stream: Stream) -> float:
    """Tell how long a stream lasts by its container."""
    assert stream.duration
    assert stream.time_base
    return float(stream.duration * stream.time_base)


@pytest.mark.real
def test_the_clip_has_pictures_and_sound_of_the_same_length(clip: Clip) -> None:
    """It lasts 27.88 s, in a size and in formats that every player shows."""
    with av.open(clip.path) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height, video.frames) == ("h264", 640, 360, 697)
        assert (audio.codec_context.name, audio.rate) == ("aac", 16_000)
        assert [seconds(video), seconds(audio)] == pytest.approx([27.88, 27.88], abs=0.1)


@pytest.mark.real
def test_the_cuts_are_where_the_page_says(clip: Clip) -> None:
    """The nine largest changes between frames, motion aside, are the documented cuts."""
    pictures = list(small_pictures(clip.path))
    change = np.array([0.0] + [np.abs(b - a).mean() for a, b in pairwise(pictures)])
    sudden = np.array([change[n] - np.median(change[max(0, n - 5) : n + 6]) for n in range(len(change))])
    assert sorted(np.argsort(sudden)[-len(CUTS) :].tolist()) == CUTS


@pytest.mark.real
def test_the_answers_of_the_queries_lie_in_the_clip(clip: Clip) -> None:
    """Every query of the demo has its answer inside the clip's 27.88 s."""
    assert all(0 <= query.start < query.end and query.start < 27.88 for query in clip.queries)


def test_a_recording_that_is_absent_says_how_to_get_it() -> None:
    """The message names the command."""
    absent = Part("no-such-distribution", "a.mp4", "0" * 64, "Nothing", "nobody", "none")
    with pytest.raises(PartMissing, match="make setup"):
        absent.find()


def test_a_recording_that_differs_is_refused() -> None:
    """A file with another sha256 is not used."""
    wrong = Part("attrs", "attr/__init__.py", "0" * 64, "Something else", "somebody", "MIT")
    with pytest.raises(PartMissing, match="not the file that the demo expects"):
        wrong.find()
