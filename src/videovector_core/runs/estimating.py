"""What a run would come to, before it is begun: each number with the interval that it should lie in.

Segments are bounded by the rules of cutting, and calls by segments: one for each, two where an answer has to be mended,
fewer where short ones are asked about together. Tokens are bounded by characters. Earlier runs narrow all of this: media
that are cut already have a known number of segments, calls that asked for the same schema tell what such a call takes,
and what the same contract found is kept and paid for once, so media that it went through may need no call at all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from attrs import Factory, frozen

from videovector_core.media.model import MediaItem
from videovector_core.models.ports import Usage
from videovector_core.models.table import Terms
from videovector_core.prompts.model import Prompt, VideoLevel
from videovector_core.runs.evidence import MAX_PICTURES
from videovector_core.runs.history import History, Measured
from videovector_core.runs.tokens import FRAME_CHARACTERS, MOST_PICTURE_TOKENS, PICTURE_TOKENS, Interval, answer_tokens
from videovector_core.segments.model import AudioMode, Segmentation, VideoMode
from videovector_core.segments.slices import CUTTING
from videovector_core.signals import MediaType

PICTURES_A_SECOND: Final = 2.0
"""Of moving pictures one is kept for each second, and one after each cut."""
EVIDENCE_CHARACTERS: Final = 2000
"""Of what is read on a segment's pictures, and of their names, at the most."""
MENDED: Final = 1.5
"""How often segments are asked about in tokens, at the most: an answer that has to be mended is a rare one."""
SPEECH_CHARACTERS: Final = 15.0
"""Of a second of speech."""
CALL_SECONDS: Final = 2.0
_SPREAD: Final = 0.5
"""By how much calls may take less or more than any that was measured."""
_TYPICAL: Final = {"smart": 8.0, "video": 20.0, "audio": 25.0}
_OWN: Final = "local"


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
    least, most, typical = _lengths(how, item)
    if least == most:
        count = max(1, math.ceil(item.duration / least))
        # the decoder's measure of the length may differ from the container's by a frame or so
        return Interval(max(1, count - 1), count, count + 1)
    high = max(1, math.floor(item.duration / least) + 1)
    low = max(1, math.ceil(item.duration / most) - 1)
    return Interval(low, min(max(low, round(item.duration / typical)), high), high)


def _lengths(how: Segmentation, item: MediaItem) -> tuple[float, float, float]:
    """Return how many seconds a segment has at the least, at the most and usually."""
    video = item.media_type is MediaType.VIDEO
    fixed = how.video_seconds if video and how.video is VideoMode.FIXED else None
    fixed = how.audio_seconds if not video and how.audio is AudioMode.FIXED else fixed
    if fixed:
        return fixed, fixed, fixed
    if video and how.video is VideoMode.SMART:
        return CUTTING.smart_least, CUTTING.smart_most, _TYPICAL["smart"]
    if video:
        return CUTTING.video_least, CUTTING.video_most, _TYPICAL["video"]
    return CUTTING.audio_least, CUTTING.audio_most, _TYPICAL["audio"]


def _item(plan: Plan, item: MediaItem, segments: Interval) -> tuple[Interval, Interval, Interval]:
    """Return calls, output tokens and input tokens of one item."""
    known = plan.history.measured
    calls, said, heard = _bounded(plan, item, segments) if known is None else _like(known, plan, item, segments)
    if plan.prompt.video_level is not None:
        asked, answered, read = _synthesis(plan.prompt.video_level, _spoken(plan, item), said)
        if item.video_id in plan.history.synthesised:
            asked, answered, read = (one.times(0, 1, 1) for one in (asked, answered, read))
        calls, said, heard = calls + asked, said + answered, heard + read
    if item.video_id in plan.history.covered:
        return Interval(0, 0, calls.high), Interval(0, 0, said.high), Interval(0, 0, heard.high)
    return calls, said, heard


def _bounded(plan: Plan, item: MediaItem, segments: Interval) -> tuple[Interval, Interval, Interval]:
    """Bound what is asked of segments by what they could hold at the most."""
    schema, often = plan.prompt.json_schema, MENDED * _together(plan, item)[2]
    calls, speech, pictures = _calls(plan, item, segments, 0.02, 1.0), _spoken(plan, item), _pictures(item, segments)
    said = segments.by(answer_tokens(schema)).times(1, 1, often)
    asked = FRAME_CHARACTERS + len(plan.prompt.prompt_text) + len(json.dumps(schema))
    most = segments.high * (asked + EVIDENCE_CHARACTERS) / 2 + speech * 4 + pictures.high * MOST_PICTURE_TOKENS
    heard = Interval(
        calls.low * (FRAME_CHARACTERS / 2 + len(plan.prompt.prompt_text)) / 6,
        (segments.expected * (asked + 200) + speech / 2) / 4 + pictures.expected * PICTURE_TOKENS,
        often * most + said.high,
    )
    return calls, said, heard


def _like(known: Measured, plan: Plan, item: MediaItem, segments: Interval) -> tuple[Interval, Interval, Interval]:
    """Bound what is asked of segments by what was measured: half of the least, one and a half times the most."""
    wrong = min(1.0, 0.1 + 2 * known.wrong)
    asked = segments.times(1, 1 + known.wrong, 1 + wrong) + Interval(0, 0, 1)
    spread, shared = (1 - _SPREAD, 1.0, 1 + _SPREAD), _together(plan, item)
    prompt = Interval(0, 0, len(plan.prompt.prompt_text) / 3)
    heard = asked.by(known.input_tokens.times(*spread) + prompt).times(*shared)
    said = asked.by(known.output_tokens.times(*spread)).times(*shared)
    return _calls(plan, item, segments, known.wrong, wrong) + Interval(0, 0, 1), said, heard


def _calls(plan: Plan, item: MediaItem, segments: Interval, expected: float, wrong: float) -> Interval:
    """Bound the calls about segments, of which a share is expected, and at the most, to be asked about once more.

    Batches may hold all segments that there is room for, or two each and be in vain.
    """
    calls = segments.times(1, 1 + expected, 1 + wrong)
    batch = plan.terms.batch
    if not _is_batched(plan, item):
        return calls
    return Interval(max(1.0, calls.low / batch), max(1.0, calls.expected / batch), calls.high + segments.high / 2)


def _is_batched(plan: Plan, item: MediaItem) -> bool:
    """Whether any segment of the item may be asked about with others."""
    if plan.terms.batch < 2 or item.media_type is MediaType.IMAGE:
        return False
    return _lengths(plan.segmentation, item)[0] <= plan.terms.batch_seconds


def _together(plan: Plan, item: MediaItem) -> tuple[float, float, float]:
    """How much of what single calls take is asked in batches: what all share once, or all of it once more in vain."""
    return (1 / plan.terms.batch, 1.0, 2.0) if _is_batched(plan, item) else (1.0, 1.0, 1.0)


def _pictures(item: MediaItem, segments: Interval) -> Interval:
    """Bound the pictures that are shown of an item's segments."""
    if item.media_type is not MediaType.VIDEO:
        return Interval(0, 1, 1) if item.media_type is MediaType.IMAGE else Interval()
    shown = segments.times(0, MAX_PICTURES, MAX_PICTURES)
    kept = item.duration * PICTURES_A_SECOND + 1
    return Interval(0, min(shown.expected, item.duration + 1), min(shown.high, kept))


def _synthesis(level: VideoLevel, speech: float, said: Interval) -> tuple[Interval, Interval, Interval]:
    """Bound calls, output tokens and input tokens of a media-level result, made of `said` and characters of speech."""
    about = FRAME_CHARACTERS + len(level.instructions_text) + len(json.dumps(level.json_schema))
    whole, parts = answer_tokens(level.json_schema), 1 + said.high * 4 / 100_000
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
