"""What a run would come to, before it is begun: each number with the interval that it should lie in.

Segments are bounded by the rules of cutting, and calls by segments: one for each, two where an answer has to be mended.
Tokens are bounded by characters, of which a token has two to six. Earlier runs narrow all of this: media that are cut
already have a known number of segments, calls that asked for the same schema tell what such a call takes, and what the
same contract found is kept and paid for once, so media that it went through may need no call at all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import Factory, frozen

from videovector_core.fields import leaves
from videovector_core.media.model import MediaItem
from videovector_core.models.ports import ExtractionRequest, Usage
from videovector_core.models.table import Terms
from videovector_core.prompts.model import Prompt, VideoLevel
from videovector_core.runs.history import History, Measured
from videovector_core.segments.model import AudioMode, Segmentation, VideoMode
from videovector_core.segments.slices import CUTTING
from videovector_core.signals import MediaType

PICTURE_TOKENS: Final = 300
MOST_PICTURE_TOKENS: Final = 800
"""Of a picture of 512 pixels. An endpoint that counts more goes beyond a first estimate; later ones are measured."""
MOST_PICTURES: Final = 8
FRAME_CHARACTERS: Final = 480
"""What every question says besides the prompt, its schema and the evidence."""
SPEECH_CHARACTERS: Final = 15.0
"""Of a second of speech."""
CALL_SECONDS: Final = 2.0
_SPREAD: Final = 0.5
"""By how much calls may take less or more than any that was measured."""
_TYPICAL: Final = {"smart": 8.0, "video": 20.0, "audio": 25.0}
_OWN: Final = "local"


@frozen
class Interval:
    """A guess, and the least and the most that it should come to."""

    low: float = 0.0
    expected: float = 0.0
    high: float = 0.0

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def times(self, low: float, expected: float, high: float) -> Interval:
        """Multiply each of the three by its own factor."""
        return Interval(self.low * low, self.expected * expected, self.high * high)

    def whole(self) -> dict[str, int]:
        """Return the three as whole numbers, the interval not narrowed."""
        return {"low": math.floor(self.low), "expected": round(self.expected), "high": math.ceil(self.high)}

    def plain(self) -> dict[str, float]:
        """Return the three as numbers."""
        return {"low": self.low, "expected": self.expected, "high": self.high}


@frozen
class Plan:
    """What is to be run: the settings of a run that has not begun, and what earlier ones tell about it."""

    prompt: Prompt
    segmentation: Segmentation
    media: Sequence[MediaItem]
    model: str
    terms: Terms
    listens: bool = True
    history: History = Factory(History)


@frozen
class Estimate:
    """What a run would come to; `cost` is in the currency of the operator's prices, `None` without any."""

    segments: Interval
    calls: Interval
    input_tokens: Interval
    output_tokens: Interval
    seconds: Interval
    cost: Interval | None

    def plain(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "segments": self.segments.whole(),
            "model_calls": self.calls.whole(),
            "input_tokens": self.input_tokens.whole(),
            "output_tokens": self.output_tokens.whole(),
            "tokens": (self.input_tokens + self.output_tokens).whole(),
            "processing_seconds": self.seconds.plain(),
            "cost": self.cost.plain() if self.cost else None,
        }


def estimated(plan: Plan) -> Estimate:
    """Estimate a run."""
    cut = plan.history.counted
    by_item = {
        item.video_id: _exactly(cut[item.video_id]) if item.video_id in cut else segments_of(plan.segmentation, item)
        for item in plan.media
    }
    segments = _sum(by_item.values())
    calls, input_tokens, output_tokens = Interval(), Interval(), Interval()
    for item in plan.media:
        asked, said, heard = _item(plan, item, by_item[item.video_id])
        calls, output_tokens, input_tokens = calls + asked, output_tokens + said, input_tokens + heard
    if plan.model == _OWN:
        input_tokens = output_tokens = Interval()
    return Estimate(
        segments, calls, input_tokens, output_tokens, _seconds(plan, calls), _cost(plan, input_tokens, output_tokens)
    )


def segments_of(how: Segmentation, item: MediaItem) -> Interval:
    """Bound the segments of an item by the rules of `segments.slices`; exact for fixed slices and images."""
    if item.media_type is MediaType.IMAGE:
        return Interval(1, 1, 1)
    video = item.media_type is MediaType.VIDEO
    fixed = how.video_seconds if video and how.video is VideoMode.FIXED else None
    fixed = how.audio_seconds if not video and how.audio is AudioMode.FIXED else fixed
    if fixed:
        count = max(1, math.ceil(item.duration / fixed))
        # the decoder's measure of the length may differ from the container's by a frame or so
        return Interval(max(1, count - 1), count, count + 1)
    if video and how.video is VideoMode.SMART:
        least, most, typical = CUTTING.smart_least, CUTTING.smart_most, _TYPICAL["smart"]
    elif video:
        least, most, typical = CUTTING.video_least, CUTTING.video_most, _TYPICAL["video"]
    else:
        least, most, typical = CUTTING.audio_least, CUTTING.audio_most, _TYPICAL["audio"]
    high = max(1, math.floor(item.duration / least) + 1)
    low = max(1, math.ceil(item.duration / most) - 1)
    return Interval(low, min(max(low, round(item.duration / typical)), high), high)


def question_tokens(prompt_text: str, schema: Mapping[str, Any], request: Any) -> int:
    """Guess the tokens of one question and its answer, to be taken from a budget."""
    characters = FRAME_CHARACTERS + len(prompt_text) + len(json.dumps(schema))
    pictures = 0
    if isinstance(request, ExtractionRequest):
        found = request.evidence
        characters += sum(len(phrase.text) for phrase in found.transcript.phrases)
        characters += sum(len(text) for _, text in found.on_screen)
        pictures = len(found.pictures)
    else:
        characters += len(json.dumps(list(getattr(request, "evidence", ())), default=str))
    return characters // 4 + pictures * PICTURE_TOKENS + round(_answer(schema).expected)


def _item(plan: Plan, item: MediaItem, segments: Interval) -> tuple[Interval, Interval, Interval]:
    """Return calls, output tokens and input tokens of one item."""
    known = plan.history.measured
    calls, said, heard = _bounded(plan, item, segments) if known is None else _like(known, plan, segments)
    if plan.prompt.video_level is not None:
        asked, answered, read = _synthesis(plan.prompt.video_level, _spoken(plan, item), said)
        calls, said, heard = calls + asked, said + answered, heard + read
    if item.video_id in plan.history.covered:
        return Interval(0, 0, calls.high), Interval(0, 0, said.high), Interval(0, 0, heard.high)
    return calls, said, heard


def _bounded(plan: Plan, item: MediaItem, segments: Interval) -> tuple[Interval, Interval, Interval]:
    """Bound what is asked of segments by what they could hold at the most."""
    schema = plan.prompt.json_schema
    answer = _answer(schema)
    said = Interval(segments.low * answer.low, segments.expected * answer.expected, segments.high * 2 * answer.high)
    speech = _spoken(plan, item)
    asked = FRAME_CHARACTERS + len(plan.prompt.prompt_text) + len(json.dumps(schema))
    pictures = 0 if item.media_type is MediaType.AUDIO else MOST_PICTURES
    heard = Interval(
        segments.low * (FRAME_CHARACTERS / 2 + len(plan.prompt.prompt_text)) / 6,
        (segments.expected * (asked + 200) + speech / 2) / 4 + segments.expected * pictures / 2 * PICTURE_TOKENS,
        segments.high * 2 * ((asked + 3000) / 2 + pictures * MOST_PICTURE_TOKENS + answer.high) + speech * 8,
    )
    return segments.times(1, 1.02, 2), said, heard


def _like(known: Measured, plan: Plan, segments: Interval) -> tuple[Interval, Interval, Interval]:
    """Bound what is asked of segments by what was measured: half of the least, one and a half times the most."""
    often = 1 + known.wrong
    calls = Interval(segments.low, segments.expected * often, segments.high * min(2.0, 1.1 + 2 * known.wrong) + 1)
    per, answer = known.input_tokens, known.output_tokens
    prompt = len(plan.prompt.prompt_text) / 3
    heard = Interval(
        calls.low * per.low * (1 - _SPREAD), calls.expected * per.mean, calls.high * (per.high * (1 + _SPREAD) + prompt)
    )
    said = Interval(
        calls.low * answer.low * (1 - _SPREAD), calls.expected * answer.mean, calls.high * answer.high * (1 + _SPREAD)
    )
    return calls, said, heard


def _synthesis(level: VideoLevel, speech: float, said: Interval) -> tuple[Interval, Interval, Interval]:
    """Bound calls, output tokens and input tokens of a media-level result, made of `said` and characters of speech."""
    about = FRAME_CHARACTERS + len(level.instructions_text) + len(json.dumps(level.json_schema))
    whole, parts = _answer(level.json_schema), 1 + said.high * 4 / 100_000
    read = Interval(
        FRAME_CHARACTERS / 12,
        about / 4 + said.expected + speech / 8,
        2 * parts * about + 2 * said.high + speech * 2,
    )
    return Interval(1, 1, 2 * parts), Interval(whole.low, whole.expected, 2 * parts * whole.high), read


def _spoken(plan: Plan, item: MediaItem) -> float:
    """Return the characters that may be said in an item."""
    return item.duration * SPEECH_CHARACTERS if plan.listens and item.media_type is not MediaType.IMAGE else 0.0


def _exactly(count: int) -> Interval:
    return Interval(count, count, count)


def _answer(schema: Mapping[str, Any]) -> Interval:
    """Bound the tokens of one answer by the fields that it may fill."""
    found = leaves(schema)
    many = sum(any(step.many for step in leaf.path.steps) for leaf in found)
    return Interval(0, 10 + 15 * len(found) + 25 * many, 100 + 150 * len(found) + 1000 * many)


def _seconds(plan: Plan, calls: Interval) -> Interval:
    moving = sum(item.duration for item in plan.media if item.media_type is MediaType.VIDEO)
    heard = sum(item.duration for item in plan.media if item.has_audio) if plan.listens else 0.0
    own = plan.model == _OWN
    expected = 1 + 0.3 * moving + 0.3 * heard + calls.expected * (0.5 if own else CALL_SECONDS) / 4
    return Interval(expected / 20, expected, expected * 10 + calls.high * CALL_SECONDS)


def _cost(plan: Plan, heard: Interval, said: Interval) -> Interval | None:
    prices = plan.terms.prices
    if prices is None:
        return None
    low, expected, high = (
        prices.of(Usage(round(a), round(b)))
        for a, b in ((heard.low, said.low), (heard.expected, said.expected), (heard.high, said.high))
    )
    return Interval(low, expected, high)


def _sum(intervals: Iterable[Interval]) -> Interval:
    total = Interval()
    for one in intervals:
        total += one
    return total
