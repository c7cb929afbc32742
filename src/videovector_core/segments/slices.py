"""Cutting a media item into slices that cover it without gap or overlap.

Everything here is pure. A slice is `(start, end)` in seconds; slices are in order, the first begins at 0, each begins
where the one before ends, and the last ends at the item's duration. What is left over at the end and shorter than
`Cutting.remainder` is joined to the slice before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from attrs import frozen

from videovector_core.models.ports import Transcript
from videovector_core.segments import pauses
from videovector_core.segments.cuts import Cut

Slice: TypeAlias = tuple[float, float]


@frozen
class Cutting:
    """The numbers behind the modes, in seconds; with a change of them `runs.pipeline.CUT_VERSION` rises."""

    remainder: float = 1.0
    smart_least: float = 3.0
    smart_most: float = 30.0
    video_least: float = 5.0
    video_most: float = 60.0
    video_wanted: float = 20.0
    audio_least: float = 10.0
    audio_most: float = 60.0
    audio_wanted: float = 30.0
    silent: float = 30.0


CUTTING: Final = Cutting()


def image() -> list[Slice]:
    """Return the one slice of a still picture."""
    return [(0.0, 0.0)]


def fixed(duration: float, seconds: float, *, cutting: Cutting = CUTTING) -> list[Slice]:
    """Cut every `seconds`."""
    count = max(0, math.ceil(duration / seconds) - 1)
    return _covering(duration, (seconds * number for number in range(1, count + 1)), cutting.remainder)


def smart(duration: float, cuts: Sequence[float | Cut], *, cutting: Cutting = CUTTING) -> list[Slice]:
    """Cut at shots: those under 3 s are joined to a neighbour, those over 30 s split.

    Of two cuts that stand too close the deeper one stays. A shot that is too long is split at its deepest inner cut,
    evenly where it has none.
    """
    known = _inside(duration, cuts, cutting.smart_least)
    kept: list[tuple[float, float]] = []
    for time, strength in known:
        if not kept or time - kept[-1][0] >= cutting.smart_least:
            kept.append((time, strength))
        elif strength > kept[-1][1]:
            kept[-1] = (time, strength)
    edges = [0.0, *(time for time, _ in kept), duration]
    bounds = list(edges)
    for start, end in pairwise(edges):
        bounds.extend(_split(start, end, known, cutting))
    return _covering(duration, bounds, cutting.remainder)


def content_aware_video(
    duration: float, cuts: Sequence[float | Cut], transcript: Transcript, *, cutting: Cutting = CUTTING
) -> list[Slice]:
    """Cut where shots change and nobody is in the middle of a sentence, into slices of 5 to 60 s."""
    places = pauses.places(duration, transcript, [time for time, _ in _inside(duration, cuts, 0.0)])
    bounds = pauses.best(duration, places, cutting.video_least, cutting.video_wanted, cutting.video_most)
    return _covering(duration, bounds, cutting.remainder)


def content_aware_audio(duration: float, transcript: Transcript, *, cutting: Cutting = CUTTING) -> list[Slice]:
    """Cut in the pauses of speech, best after sentences, into slices of 10 to 60 s; silence into 30 s."""
    if not pauses.spoken(transcript):
        return fixed(duration, cutting.silent, cutting=cutting)
    places = pauses.places(duration, transcript, [])
    bounds = pauses.best(duration, places, cutting.audio_least, cutting.audio_wanted, cutting.audio_most)
    return _covering(duration, bounds, cutting.remainder)


def _inside(duration: float, cuts: Sequence[float | Cut], margin: float) -> list[tuple[float, float]]:
    """Return time and strength of the cuts that lie at least `margin` from both ends, in order."""
    known = {(cut.time, cut.strength) if isinstance(cut, Cut) else (float(cut), 1.0) for cut in cuts}
    return sorted(
        (time, strength) for time, strength in known if 0 < time < duration and margin <= time <= duration - margin
    )


def _split(start: float, end: float, known: Sequence[tuple[float, float]], cutting: Cutting) -> list[float]:
    """Return the inner bounds of a shot that is too long."""
    bounds: list[float] = []
    waiting = [(start, end)]
    while waiting:
        first, last = waiting.pop()
        if last - first <= cutting.smart_most:
            continue
        least = cutting.smart_least
        inner = [(strength, -time) for time, strength in known if first + least <= time <= last - least]
        if inner:
            middle = -max(inner)[1]
            bounds.append(middle)
            waiting += [(first, middle), (middle, last)]
        else:
            parts = math.ceil((last - first) / cutting.smart_most)
            bounds += [first + (last - first) * part / parts for part in range(1, parts)]
    return bounds


def _covering(duration: float, bounds: Iterable[float], remainder: float) -> list[Slice]:
    """Turn inner bounds into slices; the last ends exactly at `duration`."""
    edges = [0.0, *sorted({bound for bound in bounds if 0 < bound < duration})]
    if len(edges) > 1 and duration - edges[-1] < remainder:
        edges.pop()
    return list(zip(edges, [*edges[1:], max(duration, 0.0)], strict=True))
