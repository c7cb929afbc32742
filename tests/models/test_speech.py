"""Speech to text, from voice activity to words."""

from __future__ import annotations

import csv
import itertools
import re
import wave
from array import array

import av
import pytest
import pytest_asyncio
from hypothesis import example, given
from hypothesis import strategies as st

from videovector_adapters.local.catalog import WHISPER
from videovector_adapters.local.clients import LocalTranscriber
from videovector_adapters.local.speech import Heard, Languages, forward, phrases
from videovector_adapters.local.voice import LONGEST, STEP, WINDOW, Hysteresis, Packer, Span, length, placed
from videovector_core.segments import slices
from videovector_core.testing.models import TranscriberContract

SPOKEN = [
    "speech__whisper.cpp__jfk.wav",
    *(f"speech__TTS__LJ001-000{number}.wav" for number in range(1, 7)),
    "speech__DeepSpeech__arctic_a0024.wav",
]


def write_wav(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples)
    return path


def decoded(source, into):
    """Decode any sound to what a transcriber takes."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    with av.open(str(source)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return write_wav(into, b"".join(frame.to_ndarray().tobytes() for frame in frames))


def words(text):
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def edits(one, other):
    """Return the Levenshtein distance between two lists of words."""
    row = list(range(len(other) + 1))
    for position, word in enumerate(one, 1):
        before, row[0] = row[0], position
        for at, against in enumerate(other, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != against))
    return row[-1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transcriber(weights_for):
    transcriber = LocalTranscriber(weights_for(*WHISPER["tiny.en"]), name="tiny.en")
    yield transcriber
    await transcriber.close()


@pytest.fixture(scope="module")
def clip(media, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    return lambda name: decoded(media(name), folder / f"{name}.wav")


@pytest.fixture
def speech(clip):
    return clip("speech__whisper.cpp__jfk.wav")


@pytest.fixture
def silence(tmp_path):
    return write_wav(tmp_path / "silence.wav", bytes(2 * 16_000 * 40))


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="module")
class TestLocalTranscriber(TranscriberContract):
    """Whisper tiny.en, in its child."""

    async def test_word_error_rate(self, transcriber, clip, media):
        """At most 6 in 100 words of JFK, LJSpeech and ARCTIC are wrong, all words counted together."""
        with media("MANIFEST.tsv").open() as file:
            truth = {row["file"]: row["ground_truth"] for row in csv.DictReader(file, delimiter="\t")}
        wrong = total = 0
        for name in SPOKEN:
            said = await transcriber.transcribe(clip(name))
            expected = words(truth[name].partition(":")[2] if "arctic" in name else truth[name])
            wrong += edits(expected, words(" ".join(phrase.text for phrase in said.phrases)))
            total += len(expected)
        assert total > 140
        assert wrong / total <= 0.06

    async def test_long_pauses_are_told_apart_from_speech(self, transcriber, clip, tmp_path):
        """Two sentences with ten seconds of silence between them keep their places in time."""
        with wave.open(str(clip("speech__DeepSpeech__arctic_a0024.wav"))) as file:
            once = file.readframes(file.getnframes())
        gap = bytes(2 * 16_000 * 10)
        said = await transcriber.transcribe(write_wav(tmp_path / "twice.wav", once + gap + once))
        edge = len(once) / 32_000
        assert [phrase.text for phrase in said.phrases[:1]] == [phrase.text for phrase in said.phrases[1:]]
        assert said.phrases[0].end < edge + 0.5
        assert said.phrases[1].start > edge + 9.5
        assert all(end < edge + 0.5 or start > edge + 9.5 for start, end in said.speech)

    async def test_sentences_are_cut_in_the_silence_between_them(self, transcriber, clip, tmp_path):
        """Sentences joined with 0.6 s of silence: each joint is a gap in speech, and every bound lies in one of the joints."""
        sound, joints = b"", []
        for name in (*SPOKEN[1:7], *reversed(SPOKEN[1:7])):
            with wave.open(str(clip(name))) as file:
                sound += file.readframes(file.getnframes())
            joints.append((len(sound) / 32_000, len(sound) / 32_000 + 0.6))
            sound += bytes(2 * 9600)
        said = await transcriber.transcribe(write_wav(tmp_path / "joined.wav", sound))
        assert all(not any(a <= (start + end) / 2 <= b for a, b in said.speech) for start, end in joints)
        bounds = [end for _, end in slices.content_aware_audio(len(sound) / 32_000, said)[:-1]]
        assert len(bounds) >= 2
        assert all(any(start <= bound <= end for start, end in joints) for bound in bounds), (bounds, joints)

    @pytest.mark.parametrize("name", ["speech__DeepSpeech__ru.wav", "speech__faster-whisper__stereo_diarization.wav"])
    async def test_other_voices_do_no_harm(self, transcriber, clip, name):
        """A language that the model does not know, and two voices at once, give some transcript and no error."""
        assert (await transcriber.transcribe(clip(name))).speech

    async def test_noise_and_an_empty_file_say_nothing(self, transcriber, tmp_path):
        """A hum and a file without a sample are no speech."""
        hum = array("h", [int(3000 * ((step // 80) % 2) - 1500) for step in range(16_000 * 3)]).tobytes()
        for samples in (hum, b""):
            assert not (await transcriber.transcribe(write_wav(tmp_path / "noise.wav", samples))).phrases

    async def test_the_language_is_detected(self, weights_for, clip):
        """The base model knows Russian when it hears it, and its name is in the transcript."""
        base = LocalTranscriber(weights_for(*WHISPER["base"]))
        said = await base.transcribe(clip("speech__DeepSpeech__ru.wav"))
        await base.close()
        assert base.name == "base"
        assert said.language == "ru"
        assert "\N{CYRILLIC SMALL LETTER YA}" in " ".join(phrase.text for phrase in said.phrases)


probabilities = st.lists(st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0]), max_size=60).map(
    lambda few: [value for value in few for _ in range(40)]
)


@given(probabilities)
@example([0.0] * 50 + [1.0] * 3000)
@example([0.9, 0.4] * 2000)
def test_spans_are_in_order_and_short_enough(heard):
    """Spans are apart, in order, no longer than the speech model hears, and cover every frame that is surely voice."""
    hysteresis = Hysteresis()
    spans = [*hysteresis.feed(heard), *hysteresis.finish()]
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))
    assert all(0 <= span.start < span.end <= len(heard) * STEP + 1e-9 for span in spans)
    assert all(span.end - span.start <= LONGEST * STEP + 1e-9 for span in spans)
    covered = {frame for span in spans for frame in range(round(span.start / STEP), round(span.end / STEP))}
    assert {frame for frame, value in enumerate(heard) if value == 1.0} <= covered


@given(st.lists(st.tuples(st.floats(0, 12), st.floats(0.2, 28)), max_size=30))
def test_windows_hold_all_speech_and_stay_short(gaps):
    """Every span lies in the pieces of one window, windows run forward and none is longer than it may be."""
    spans, at = [], 0.0
    for gap, voice in gaps:
        spans.append(Span(at + gap, at + gap + voice))
        at += gap + voice
    packer = Packer(at + 1)
    found = [window for span in spans for window in packer.push(span)] + list(packer.finish())
    pieces = [piece for window in found for piece in window]
    assert all(one.end <= other.start + 1e-9 for one, other in itertools.pairwise(pieces))
    assert all(length(window) <= WINDOW for window in found)
    for span in spans:
        assert any(piece.start <= span.start + 1e-9 and span.end <= piece.end + 1e-9 for piece in pieces)


@given(st.floats(-1, 30), st.floats(-1, 30))
def test_words_of_a_window_lie_in_its_pieces(one, other):
    """A word of the joined pieces lies inside one of them, and does not cover the pause that was left out."""
    pieces = [Span(2.0, 10.0), Span(100.0, 110.0)]
    found = placed(pieces, min(one, other), max(one, other))
    assert any(piece.start <= found.start <= found.end <= piece.end for piece in pieces)


def test_seconds_of_a_window_become_seconds_of_the_file():
    """Times are those of the file, before and after a pause that was left out."""
    pieces = [Span(2.0, 10.0), Span(100.0, 110.0)]
    assert placed(pieces, 1.0, 2.0) == Span(3.0, 4.0)
    assert placed(pieces, 9.0, 10.5) == Span(101.0, 102.5)
    assert placed(pieces, 7.5, 9.0) == Span(100.0, 101.0)


def test_phrases_end_at_pauses_and_sentences():
    """A pause or the end of a sentence starts a new phrase; a title or an initial does not."""
    said = ["Hello", " Mr.", " J.", " Bond.", " How", " are", " you?"]
    timed = [Heard(at * 0.3, at * 0.3 + 0.2, text, 1.0) for at, text in enumerate(said)]
    late = Heard(9.0, 9.2, " Well", 1.0)
    cut = ["".join(word.text for word in run).strip() for run in phrases([*timed, late])]
    assert cut == ["Hello Mr. J. Bond.", "How are you?", "Well"]


@given(st.lists(st.tuples(st.floats(-1, 40), st.floats(-1, 40)), max_size=20))
def test_words_run_forward(times):
    """Whatever times a model gives, words run forward inside their window."""
    moved = forward([Heard(start, end, "x", 1.0) for start, end in times], 5.0, 30.0)
    flat = [5.0, *(second for word in moved for second in (word.start, word.end)), 30.0]
    assert flat == sorted(flat)


def test_the_language_of_most_seconds_wins():
    """Uncertain windows vote by length; a certain one settles what follows."""
    languages = Languages()
    languages.hear("de", 0.5, 10)
    languages.hear("jw", 0.6, 20)
    assert languages.settled is None
    assert languages.winner == "jv"
    languages.hear("de", 0.9, 30)
    assert languages.settled == languages.winner == "de"
