"""Cut detection on series that are made from drawn pictures by the formulas that `cuts` names."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videovector_core.segments import cuts
from videovector_core.segments.cuts import CutKind

CELLS = 96
RATE = 25
Picture = list[float]


def scene(seed: int, seconds: float, *, restless: float = 1.0) -> list[Picture]:
    """Return frames of a made-up scene: cells of any brightness that flicker a little and drift."""
    source = random.Random(seed)
    base = [source.uniform(30, 220) for _ in range(CELLS)]
    drift = [source.uniform(-0.3, 0.3) for _ in range(CELLS)]
    return [
        [cell + drift[i] * n * restless / 5 + source.gauss(0, restless) for i, cell in enumerate(base)]
        for n in range(int(seconds * RATE))
    ]


def mixed(one: Picture, other: Picture, part: float) -> Picture:
    return [a * (1 - part) + b * part for a, b in zip(one, other, strict=True)]


def plain(level: float) -> Picture:
    return [level] * CELLS


def found(frames: list[Picture], rate: float = RATE) -> list[cuts.Cut]:
    """Measure the frames and return their cuts."""
    times = [number / rate for number in range(len(frames))]
    rows = [measured(frames, times, number) for number in range(len(frames))]
    series = {name: [row[name] for row in rows] for name in rows[0]}
    return list(cuts.find(times, series.pop("differences"), series))


def measured(frames: list[Picture], times: list[float], number: int) -> dict[str, float]:
    now, last = frames[number], frames[max(0, number - 1)]
    first = next(n for n in range(number + 1) if times[n] > times[number] - 1.0 - 1e-6)
    first = max(0, first - 1) if times[first] > times[number] - 1.0 + 1e-6 else first
    then, between = frames[first], frames[(first + number + 1) // 2]
    return {
        "differences": gap(now, last),
        "changed": sum(abs(a - b) > 12 for a, b in zip(now, last, strict=True)) / CELLS,
        "spread": deviation(now) / 255,
        "span": gap(now, then),
        "residual": gap(between, mixed(then, now, 0.5)),
        "likeness": likeness(then, now),
    }


def gap(one: Picture, other: Picture) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / CELLS / 255


def deviation(picture: Picture) -> float:
    mean = sum(picture) / CELLS
    return math.sqrt(sum((cell - mean) ** 2 for cell in picture) / CELLS)


def likeness(one: Picture, other: Picture) -> float:
    means = sum(one) / CELLS, sum(other) / CELLS
    shared = sum((a - means[0]) * (b - means[1]) for a, b in zip(one, other, strict=True)) / CELLS
    return shared / (deviation(one) * deviation(other) + 1.0)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(2, 4), st.floats(2, 4))
def test_hard_cuts_are_found_to_the_frame(seed: int, one: float, other: float) -> None:
    """Between two scenes there is exactly one hard cut, at the first frame of the second."""
    first = scene(seed, one)
    (cut,) = found(first + scene(seed + 1, other))
    assert (cut.time, cut.kind) == (len(first) / RATE, CutKind.HARD)


@pytest.mark.parametrize("seconds", [0.4, 0.8, 1.2, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_dissolves_are_found_in_their_middle(seed: int, seconds: float) -> None:
    """Two scenes that melt into each other have one cut, inside the dissolve."""
    count = int(seconds * RATE)
    one, other = scene(seed, 3 + seconds), scene(seed + 100, 3 + seconds)
    melting = [mixed(one[3 * RATE + n], other[n], (n + 1) / (count + 1)) for n in range(count)]
    (cut,) = found(one[: 3 * RATE] + melting + other[count:])
    assert cut.kind is CutKind.DISSOLVE
    assert abs(cut.time - 3 - seconds / 2) <= max(seconds / 2, 0.12)


@pytest.mark.parametrize(("seconds", "hold"), [(0.3, 0.0), (0.6, 0.2), (1.0, 0.0), (1.5, 3.0)])
@pytest.mark.parametrize("level", [16.0, 235.0])
def test_fades_are_found_in_the_plain_middle(seconds: float, hold: float, level: float) -> None:
    """A scene that fades to black or white and the next that comes up from it have one cut, in between."""
    count = int(seconds * RATE)
    one, other = scene(1, 3 + seconds), scene(2, 3 + seconds)
    down = [mixed(one[3 * RATE + n], plain(level), (n + 1) / (count + 1)) for n in range(count)]
    up = [mixed(plain(level), other[n], (n + 1) / (count + 1)) for n in range(count)]
    held = [plain(level)] * max(1, int(hold * RATE))
    (cut,) = found(one[: 3 * RATE] + down + held + up + other[count:])
    assert cut.kind is CutKind.FADE
    assert abs(cut.time - (3 + seconds + hold / 2)) <= 0.15


def test_coming_up_from_black_at_the_start_is_no_cut() -> None:
    """A film that fades in at its beginning and out at its end has no cut for that."""
    frames = scene(3, 8)
    for n in range(2 * RATE):
        frames[n] = mixed(plain(16), frames[n], n / (2 * RATE))
        frames[-1 - n] = mixed(plain(16), frames[-1 - n], n / (2 * RATE))
    assert found(frames) == []


def test_a_flash_is_no_cut() -> None:
    """One bright frame changes everything and nothing lasts of it."""
    frames = scene(4, 6)
    frames[70] = [min(255.0, cell + 120) for cell in frames[70]]
    assert found(frames) == []


def test_a_caption_is_no_cut() -> None:
    """A third of the picture that changes at once, and stays, is no new shot."""
    frames = scene(5, 6)
    for n in range(75, len(frames)):
        frames[n][: CELLS // 3] = [235.0] * (CELLS // 3)
    assert found(frames) == []


def test_light_that_changes_slowly_is_no_cut() -> None:
    """The same picture growing darker over two seconds is the same shot."""
    frames = scene(6, 8)
    for n in range(75, len(frames)):
        dim = max(0.4, 1 - (n - 75) / 80)
        frames[n] = [16 + (cell - 16) * dim for cell in frames[n]]
    assert found(frames) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.integers(0, 100))
def test_any_series_gives_cuts_in_order_inside_the_video(values: list[float], seed: int) -> None:
    """Whatever the measures say, cuts rise and lie between the first and the last frame."""
    source = random.Random(seed)
    times = [0.0]
    for _ in values[1:]:
        times.append(times[-1] + source.choice([0.001, 0.04, 1.3, 20.0]))
    names = ("changed", "spread", "span", "residual", "likeness")
    features = {name: [source.choice(values) for _ in values] for name in names}
    where = [cut.time for cut in cuts.find(times, values, features)]
    assert all(0 <= time <= times[-1] for time in where)
    assert all(one <= other for one, other in pairwise(where))


def test_no_frames_have_no_cuts() -> None:
    """Sound and pictures have empty series and no cuts."""
    assert cuts.find([], [], {name: [] for name in ("changed", "spread", "span", "residual", "likeness")}) == ()
