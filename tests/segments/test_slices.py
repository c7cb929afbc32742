"""The invariants of cutting, for every mode and any input."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videovector_core.models.ports import Phrase, Transcript, Word
from videovector_core.segments import pauses, slices
from videovector_core.segments.cuts import Cut
from videovector_core.segments.slices import CUTTING, Slice

unhurried = settings(deadline=None, max_examples=60)
durations = st.floats(0.05, 4000, allow_nan=False)
moments = st.floats(-5, 4100, allow_nan=False)
cut_lists = st.lists(moments | st.builds(Cut, moments, strength=st.floats(0, 1)), max_size=60)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    """Speech of any shape: phrases with and without words, intervals that touch, overlap or stick out."""
    edges = sorted(draw(st.lists(moments, max_size=40)))
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    endings = st.sampled_from(["", ".", "?", ",", '."', "。"])
    phrases = [
        Phrase(start, end, text, (Word(start, end, text),) if draw(st.booleans()) else ())
        for start, end in spans
        for text in ["words" + draw(endings)]
    ]
    return Transcript(tuple(phrases), "en", tuple(spans) if draw(st.booleans()) else ())


def covers(found: list[Slice], duration: float) -> None:
    assert found[0][0] == 0.0
    assert found[-1][1] == duration
    assert all(start < end for start, end in found)
    assert all(one[1] == other[0] for one, other in pairwise(found))
    assert len(found) == 1 or found[-1][1] - found[-1][0] >= CUTTING.remainder - 1e-9


@unhurried
@given(durations, st.integers(1, 300))
def test_fixed_slices_cover_the_item(duration: float, seconds: int) -> None:
    """Fixed slices are exactly as long as asked, except the last, which ends with the item."""
    found = slices.fixed(duration, seconds)
    covers(found, duration)
    assert all(end - start == pytest.approx(seconds) for start, end in found[:-1])
    assert found[-1][1] - found[-1][0] <= seconds + CUTTING.remainder


@unhurried
@given(durations, cut_lists)
def test_smart_slices_cover_the_item_within_their_bounds(duration: float, cuts: list[float | Cut]) -> None:
    """Smart slices last 3 to 30 s unless the whole item is shorter."""
    found = slices.smart(duration, cuts)
    covers(found, duration)
    assert all(end - start <= CUTTING.smart_most + 1e-9 for start, end in found)
    assert len(found) == 1 or min(end - start for start, end in found) >= CUTTING.smart_least - 1e-9


@unhurried
@given(durations, cut_lists)
def test_smart_bounds_are_cuts_or_even_splits(duration: float, cuts: list[float | Cut]) -> None:
    """Smart cutting invents a bound only inside a shot of more than 30 s."""
    known = {0.0, duration, *(cut.time if isinstance(cut, Cut) else cut for cut in cuts)}
    found = slices.smart(duration, cuts)
    for _, bound in found[:-1]:
        if bound not in known:
            before = max(time for time in known if time < bound)
            after = min(time for time in known if time > bound)
            assert after - before > CUTTING.smart_most - 2 * CUTTING.smart_least


@unhurried
@given(durations, cut_lists, transcripts())
def test_content_aware_video_covers_the_item_within_its_bounds(
    duration: float, cuts: list[float | Cut], transcript: Transcript
) -> None:
    """Content-aware slices of a video last 5 to 60 s unless the whole is shorter."""
    found = slices.content_aware_video(duration, cuts, transcript)
    covers(found, duration)
    assert len(found) == 1 or all(4.999 <= end - start <= 60.001 for start, end in found)


@unhurried
@given(durations, transcripts())
def test_content_aware_audio_covers_the_item_within_its_bounds(duration: float, transcript: Transcript) -> None:
    """Content-aware slices of sound last 10 to 60 s unless the whole is shorter."""
    found = slices.content_aware_audio(duration, transcript)
    covers(found, duration)
    if pauses.spoken(transcript):
        assert len(found) == 1 or all(9.999 <= end - start <= 60.001 for start, end in found)


@unhurried
@given(st.lists(st.tuples(st.floats(1.0, 8.0), st.floats(0.3, 2.0)), min_size=12, max_size=60))
def test_sound_is_cut_in_its_pauses(turns: list[tuple[float, float]]) -> None:
    """Where speech pauses often enough, every bound lies in a pause and none in a voice."""
    at, speech = 0.0, []
    for voice, pause in turns:
        speech.append((at, at + voice))
        at += voice + pause
    found = slices.content_aware_audio(at, Transcript(speech=tuple(speech)))
    assert all(not start < bound < end for _, bound in found[:-1] for start, end in speech)


def test_a_sentence_end_beats_a_comma() -> None:
    """Of two pauses of the same length the one after a full stop is taken; sound of about one slice is not cut."""
    phrases = (Phrase(0, 13.0, "one two,"), Phrase(13.6, 16.0, "three."), Phrase(16.6, 32.0, "Four five six."))
    speech = tuple((phrase.start, phrase.end) for phrase in phrases)
    assert slices.content_aware_audio(32.0, Transcript(phrases, "en", speech)) == [(0.0, 32.0)]
    bounds = pauses.best(32.0, pauses.places(32.0, Transcript(phrases, "en", speech), []), 10, 16, 60)
    assert bounds == [pytest.approx(16.3)]


def test_silence_is_cut_every_thirty_seconds() -> None:
    """Sound in which nobody speaks is cut every 30 s, and a remainder under a second is joined."""
    assert slices.content_aware_audio(90.5, Transcript()) == [(0.0, 30.0), (30.0, 60.0), (60.0, 90.5)]


def test_a_pause_near_a_cut_takes_its_place() -> None:
    """A change of shot in the middle of a sentence moves to the pause beside it."""
    speech = ((0.0, 11.2), (11.8, 30.0))
    found = slices.content_aware_video(30.0, [11.0], Transcript(speech=speech))
    assert found == [(0.0, pytest.approx(11.5)), (pytest.approx(11.5), 30.0)]


def test_short_shots_join_at_the_deeper_cut() -> None:
    """Of two cuts under three seconds apart the deeper one stays."""
    found = slices.smart(20.0, [Cut(8.0, strength=0.1), Cut(9.0, strength=0.3)])
    assert found == [(0.0, 9.0), (9.0, 20.0)]


def test_a_long_shot_is_split_at_its_deepest_inner_cut() -> None:
    """A shot over 30 s, made of joined ones, is split at the deepest cut inside it."""
    cuts = [Cut(2.0 * number, strength=number / 100) for number in range(1, 21)]
    found = slices.smart(42.0, cuts)
    assert all(end - start <= 30 for start, end in found)
    assert {bound for _, bound in found[:-1]} <= {cut.time for cut in cuts}


def test_an_image_has_one_slice_without_length() -> None:
    """A still picture is one slice from 0 to 0."""
    assert slices.image() == [(0.0, 0.0)]


def test_hours_of_cuts_and_speech_take_seconds() -> None:
    """Ten hours of busy speech and cuts are cut without quadratic cost: each place looks back one slice at most."""
    speech = tuple((4.0 * number, 4.0 * number + 3.2) for number in range(9000))
    found = slices.content_aware_video(36_000.0, [1.7 * n for n in range(20_000)], Transcript(speech=speech))
    covers(found, 36_000.0)
