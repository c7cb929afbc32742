"""Where one shot ends and the next begins: hard cuts, fades through a plain picture, and dissolves.

The input are the series of `Signals`, one value for each decoded frame, measured on pictures of 18 x 32 cells:

    differences   how much the frame differs from the one before it (0 to 1)
    changed       which part of its cells changed visibly
    spread        how uneven its brightness is; close to 0 when it is plain black, white or any one colour
    span          how much it differs from the frame one second earlier
    residual      how far the frame half a second earlier is from the average of those two
    likeness      how well the brightness of those two correlates (-1 to 1)

A hard cut is a large difference that stands out from its neighbours, touches most of the picture and lasts; a flash
does not last, a caption does not touch most. A dissolve shows half-way the average of what it leads from and to, which
moving pictures do not; a change of brightness shows it as well, but before and after it look alike.

The thresholds were set once on the `cuts` and `negative` clips of the media collection and are not tuned per file.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import accumulate
from typing import Final

from attrs import frozen

LEAST: Final = 0.05
"""The least difference of a hard cut that stands out from its neighbours `STANDS_OUT` times."""
LEAST_IN_QUIET: Final = 0.03
"""The same where it stands out `STANDS_FAR_OUT` times: cuts between dark pictures."""
STANDS_OUT: Final = 2.5
STANDS_FAR_OUT: Final = 5.0
MOST_OF_IT: Final = 0.45
"""The least part of the picture that a hard cut changes."""
LASTS: Final = 0.35
"""The least part of the difference that must still be there half a second later."""
PLAIN: Final = 0.004
"""The spread below which a picture is plain, as in the middle of a fade."""
NEARLY_PLAIN: Final = 0.03
"""The spread below which it may be the middle of a short fade, if it is far plainer than what lies around it."""
VALLEY: Final = 0.25
"""How much plainer: the greatest part of the spread on the plainer side."""
DISSOLVED: Final = 0.045
"""The least difference over one second in a dissolve."""
AVERAGE: Final = 0.25
"""The greatest part of it by which the frame in between may miss the average."""
UNLIKE: Final = 0.9
"""The greatest likeness of the two pictures: above it only the light changed."""
TEXTURED: Final = 0.006
"""The least spread of all frames of a dissolve: below it, it is a fade."""

_NOISE: Final = 0.004
_AROUND: Final = 0.25
_LAG: Final = 1.0
_NEAR: Final = 0.5
_FADING: Final = 1.5
_NEARLY: Final = 1.0
"""How many seconds a fade that never gets plain may be nearly plain; a scene of little contrast is for longer."""
_SLOPE: Final = 3.0


class CutKind(StrEnum):
    """How one shot gives way to the next."""

    HARD = "hard"
    FADE = "fade"
    DISSOLVE = "dissolve"


@frozen
class Cut:
    """The first moment of a new shot, in seconds; of a gradual change its middle. A greater `strength` cuts deeper."""

    time: float
    kind: CutKind = CutKind.HARD
    strength: float = 1.0


def find(
    times: Sequence[float], differences: Sequence[float], features: Mapping[str, Sequence[float]]
) -> tuple[Cut, ...]:
    """Return the cuts of a video in time order; hard cuts only where the further series are missing."""
    hard = list(_hard(times, differences, features))
    taken = [cut.time for cut in hard]
    plain = list(_plain(times, features))
    fades = list(_fades(times, plain, taken))
    around = [(time - _LAG / 2, time + _LAG / 2) for time in taken]
    around += [(times[start] - _SLOPE, times[end - 1] + _SLOPE) for start, end, _ in plain]
    dissolves = _dissolves(times, features, sorted(around))
    return tuple(sorted([*hard, *fades, *dissolves], key=lambda cut: cut.time))


def _hard(
    times: Sequence[float], differences: Sequence[float], features: Mapping[str, Sequence[float]]
) -> Iterator[Cut]:
    sums = [0.0, *accumulate(differences)]
    changed = features.get("changed")
    for index, difference in enumerate(differences):
        if difference < LEAST_IN_QUIET or index == 0 or (changed and changed[index] < MOST_OF_IT):
            continue
        first = max(1, min(index - 2, bisect_left(times, times[index] - _AROUND)))
        last = min(len(times), max(index + 3, bisect_right(times, times[index] + _AROUND)))
        others = max(1, last - first - 1)
        usual = (sums[last] - sums[first] - difference) / others + _NOISE
        if difference < max(differences[first:last]) or not _stands_out(difference, usual):
            continue
        if _lasts(times, features.get("span"), index, difference):
            yield Cut(times[index], CutKind.HARD, difference)


def _stands_out(difference: float, usual: float) -> bool:
    return difference >= (STANDS_OUT * usual if difference >= LEAST else STANDS_FAR_OUT * usual)


def _lasts(times: Sequence[float], span: Sequence[float] | None, index: int, difference: float) -> bool:
    """Tell a cut from a flash: half a second after a cut the picture is still another than half a second before."""
    if not span:
        return True
    later = min(len(times) - 1, bisect_left(times, times[index] + _LAG / 2))
    return later <= index + 1 or span[later] >= LASTS * difference


def _fades(times: Sequence[float], plain: Sequence[tuple[int, int, float]], taken: Sequence[float]) -> Iterator[Cut]:
    """Yield the middle of each plain stretch between two pictures, unless hard cuts already stand at its edges."""
    for start, end, depth in plain:
        inside = start > 0 and end < len(times)
        if inside and not _taken(taken, times[start - 1], times[end]):
            yield Cut((times[start] + times[end]) / 2, CutKind.FADE, depth)


def _plain(times: Sequence[float], features: Mapping[str, Sequence[float]]) -> Iterator[tuple[int, int, float]]:
    """Yield the stretches `[start, end)` of frames far plainer than what lies beside them, and by how much."""
    spread = features.get("spread", ())
    if not spread or min(spread) >= NEARLY_PLAIN:
        return
    before = _highest(times, spread)
    after = _highest([-time for time in reversed(times)], list(reversed(spread)))[::-1]
    for start, end in _valleys(spread, before, after):
        sides = [before[start]] * (start > 0) + [after[end - 1]] * (end < len(spread))
        deepest = min(spread[start:end])
        if (deepest < PLAIN or _low(times, spread, start, end) <= _NEARLY) and sides and deepest <= VALLEY * min(sides):
            yield start, end, min(sides) - deepest


def _valleys(spread: Sequence[float], before: Sequence[float], after: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Yield the stretches `[start, end)` of plain frames, those at the ends included."""
    start: int | None = None
    for index, value in enumerate(spread):
        if value < PLAIN or (value < NEARLY_PLAIN and value <= VALLEY * min(before[index], after[index])):
            start = index if start is None else start
        elif start is not None:
            yield start, index
            start = None
    if start is not None:
        yield start, len(spread)


def _low(times: Sequence[float], spread: Sequence[float], start: int, end: int) -> float:
    """Return for how many seconds the frames around `[start, end)` are nearly plain."""
    while start > 0 and spread[start - 1] < NEARLY_PLAIN:
        start -= 1
    while end < len(spread) and spread[end] < NEARLY_PLAIN:
        end += 1
    return times[end - 1] - times[start]


def _highest(times: Sequence[float], values: Sequence[float]) -> list[float]:
    """Return for each moment the highest value of the time before it, `_FADING` seconds at most."""
    best: list[float] = []
    falling: deque[int] = deque()
    for index, value in enumerate(values):
        while falling and times[falling[0]] < times[index] - _FADING:
            falling.popleft()
        best.append(values[falling[0]] if falling else 0.0)
        while falling and values[falling[-1]] <= value:
            falling.pop()
        falling.append(index)
    return best


def _dissolves(
    times: Sequence[float], features: Mapping[str, Sequence[float]], taken: Sequence[tuple[float, float]]
) -> Iterator[Cut]:
    """Yield the middle of each stretch, outside of those `taken`, in which pictures were the average of their sides."""
    best: tuple[float, float] | None = None
    ended, reached = 0.0, 0
    for index in _averages(times, features):
        time = times[index] - _LAG / 2
        while reached < len(taken) and taken[reached][1] < time:
            reached += 1
        if reached < len(taken) and taken[reached][0] <= time:
            continue
        quality = features["span"][index] - 2 * features["residual"][index]
        if best is not None and time > ended + _NEAR:
            yield Cut(best[1], CutKind.DISSOLVE, best[0])
            best = None
        if best is None or quality > best[0]:
            best = (quality, time)
        ended = time
    if best is not None:
        yield Cut(best[1], CutKind.DISSOLVE, best[0])


def _averages(times: Sequence[float], features: Mapping[str, Sequence[float]]) -> Iterator[int]:
    """Yield the frames whose last second looks like a dissolve between textured pictures."""
    if not {"span", "residual", "likeness", "spread"} <= features.keys():
        return
    spread, likeness, residual = features["spread"], features["likeness"], features["residual"]
    for index, span in enumerate(features["span"]):
        if span < DISSOLVED or residual[index] > AVERAGE * span or likeness[index] > UNLIKE:
            continue
        before = bisect_right(times, times[index] - _LAG) - 1
        if before >= 0 and min(spread[before : index + 1]) >= TEXTURED:
            yield index


def _taken(taken: Sequence[float], start: float, end: float) -> bool:
    """Tell whether a hard cut lies in `[start, end]`."""
    return bisect_right(taken, end) > bisect_left(taken, start)
