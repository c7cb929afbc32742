"""Where speech can be cut, and the best way to do it.

Every place has a price: less than nothing at a change of shot, nothing at the end of a sentence in a long pause, much
in the middle of a word. The cheapest chain of slices is found by going through the places once and asking for each
which earlier one it is best reached from.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from videovector_core.models.ports import Transcript

_SENTENCE_ENDS: Final = (".", "!", "?", "…", "。", "！", "？", "؟", "।", "॥", "۔", "።", "։")  # noqa: RUF001 - these are meant
_CLOSING: Final = "\"'”’»)]」』"  # noqa: RUF001 - these are meant
_SHORTEST_PAUSE: Final = 0.15
_IN_SPEECH: Final = 40.0
_BLIND: Final = 20.0
"""What it costs more to cut where there is not even a change of shot."""
_IN_SILENCE: Final = 1.0
_UNFINISHED: Final = 0.6
_SHORT: Final = 0.6
"""What a pause of no length costs; one of a second costs nothing for its length."""
_NEW_SHOT: Final = -0.6
"""A change of shot is worth a bound, though it makes slices shorter than wanted."""
_NEAR_CUT: Final = 1.5
"""Within how many seconds of a cut a pause takes its place."""
_SENTENCE_GAP: Final = 0.5
"""Within how many seconds of a sentence's last word the pause after it begins."""


@frozen(order=True)
class Place:
    """A second at which a slice may end, and what that costs."""

    time: float
    price: float


def spoken(transcript: Transcript) -> list[tuple[float, float]]:
    """Return the stretches with voice, joined where they touch; from the phrases where no detector said."""
    found = transcript.speech or tuple((phrase.start, phrase.end) for phrase in transcript.phrases)
    joined: list[tuple[float, float]] = []
    for start, end in sorted((start, end) for start, end in found if end > start):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def places(duration: float, transcript: Transcript, cuts: Sequence[float]) -> list[Place]:
    """Return everywhere a slice may end, with prices: pauses, changes of shot, and a grid of last resort."""
    voices = spoken(transcript)
    ends = _sentence_ends(transcript)
    found = [*_pauses(duration, voices, ends, cuts), *_cuts(voices, cuts)]
    return sorted(
        {place.time: place for place in sorted(found, key=lambda p: -p.price) if 0 < place.time < duration}.values()
    )


def best(duration: float, where: Sequence[Place], least: float, wanted: float, most: float) -> list[float]:
    """Return the inner bounds of the cheapest chain of slices of `least` to `most` seconds, near `wanted`.

    The whole is one slice when it is no longer than `least`. Where the places leave no way, a grid of expensive ones
    fills in, so there always is one.
    """
    if duration <= 2 * least:
        return []
    grid = [Place(least / 2 * number, _IN_SPEECH + _BLIND) for number in range(1, int(duration / (least / 2)) + 1)]
    stops = [Place(0.0, 0.0), *sorted([*where, *(p for p in grid if p.time < duration)]), Place(duration, 0.0)]
    times = [stop.time for stop in stops]
    cost, came = [0.0] + [float("inf")] * (len(stops) - 1), [0] * len(stops)
    for index in range(1, len(stops)):
        for before in range(bisect_left(times, times[index] - most), bisect_right(times, times[index] - least)):
            length = times[index] - times[before]
            price = cost[before] + stops[index].price + ((length - wanted) / wanted) ** 2
            if price < cost[index]:
                cost[index], came[index] = price, before
    bounds, index = [], came[-1]
    while index:
        bounds.append(times[index])
        index = came[index]
    return bounds[::-1]


def _pauses(
    duration: float, voices: Sequence[tuple[float, float]], ends: Sequence[float], cuts: Sequence[float]
) -> Iterator[Place]:
    """Yield a place in every pause, several in long ones."""
    edges = [0.0, *(edge for voice in voices for edge in voice), duration]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        length = end - start
        if length < _SHORTEST_PAUSE:
            continue
        finished = not ends or _near(ends, start, _SENTENCE_GAP)
        price = _SHORT * max(0.0, 1.0 - length) + (0.0 if finished else _UNFINISHED)
        middle = (start + end) / 2
        yield Place(middle, price + (_NEW_SHOT if _near(cuts, middle, length / 2 + _NEAR_CUT) else 0.0))
        for number in range(1, int(length)):
            yield Place(start + number, price + _IN_SILENCE)


def _cuts(voices: Sequence[tuple[float, float]], cuts: Sequence[float]) -> Iterator[Place]:
    """Yield the changes of shot: wanted in silence, dear in the middle of speech."""
    starts = [start for start, _ in voices]
    for cut in cuts:
        index = bisect_right(starts, cut) - 1
        inside = index >= 0 and cut < voices[index][1]
        yield Place(cut, _IN_SPEECH if inside else _NEW_SHOT)


def _near(sorted_times: Sequence[float], time: float, reach: float) -> bool:
    return bisect_right(sorted_times, time + reach) > bisect_left(sorted_times, time - reach)


def _sentence_ends(transcript: Transcript) -> list[float]:
    """Return when sentences end, by word where words have times, else by phrase."""
    ends: list[float] = []
    for phrase in transcript.phrases:
        spoken_parts = [(word.text, word.end) for word in phrase.words] or [(phrase.text, phrase.end)]
        ends += [end for text, end in spoken_parts if text.strip().rstrip(_CLOSING).endswith(_SENTENCE_ENDS)]
    return sorted(ends)
