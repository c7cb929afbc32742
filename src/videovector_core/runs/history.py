"""What earlier runs tell about one that has not begun: segments that are cut, answers that are kept, what calls took."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import Factory, frozen

from videovector_core.access.model import Caller
from videovector_core.media.model import MediaItem
from videovector_core.prompts.model import Prompt
from videovector_core.runs.model import LlmCall, Run
from videovector_core.runs.ports import RunsTx
from videovector_core.runs.together import asked_about
from videovector_core.runs.tokens import Interval
from videovector_core.segments.model import Segmentation

MAX_LOOKED_AT: Final = 100
"""Earlier runs that are looked at."""
_RUNS: Final = 5
_CALLS: Final = 200
_ENOUGH: Final = 4
"""Segments from which on what was asked about them says something about others."""


@frozen
class Measured:
    """What calls took that asked for the same schema: tokens for each segment, and the share that had to be mended."""

    input_tokens: Interval
    output_tokens: Interval
    wrong: float


@frozen
class History:
    """`covered` are media whose answers are probably kept, `counted` the segments of those that are cut.

    Of those that are `synthesised` the media-level result is kept, should their segments say the same once more.
    """

    covered: frozenset[str] = frozenset()
    synthesised: frozenset[str] = frozenset()
    counted: Mapping[str, int] = Factory(dict)
    measured: Measured | None = None


@frozen
class Intent:
    """What decides whether an earlier run is alike."""

    prompt: Prompt
    segmentation: Segmentation
    model: str
    listens: bool
    batched: bool = False
    """Whether segments are going to be asked about together; calls about several tell nothing otherwise."""

    def alike(self, run: Run) -> bool:
        """Whether the run put the same schema to the same model."""
        return (run.effective_model, run.prompt.json_schema) == (self.model, self.prompt.json_schema)

    def same(self, run: Run) -> bool:
        """Whether the run asked the very same of media that were cut the same way."""
        asked = (run.segmentation, run.enable_transcription, run.prompt.prompt_text, run.prompt.video_level)
        wanted = (self.segmentation, self.listens, self.prompt.prompt_text, self.prompt.video_level)
        return self.alike(run) and asked == wanted


async def history(tx: RunsTx, caller: Caller, intent: Intent, media: Sequence[MediaItem]) -> History:
    """Look at the earlier runs of the media."""
    runs: dict[str, Run | None] = {}
    covered: set[str] = set()
    synthesised: set[str] = set()
    counted: dict[str, int] = {}
    for medium in await tx.runs.of_media(caller.user_id, [item.video_id for item in media]):
        if medium.run_id not in runs and len(runs) < MAX_LOOKED_AT:
            runs[medium.run_id] = await tx.runs.get(caller.user_id, medium.run_id)
        run = runs.get(medium.run_id)
        if run is None:
            continue
        if run.segmentation == intent.segmentation and medium.set_id is not None:
            counted.setdefault(medium.video_id, medium.total_segments)
        if intent.same(run):
            covered.add(medium.video_id)
        if (run.effective_model, run.prompt.video_level) == (intent.model, intent.prompt.video_level):
            synthesised.add(medium.video_id)
    alike = [run for run in runs.values() if run is not None and intent.alike(run)]
    calls = [call for run in alike[:_RUNS] for call in await tx.calls.calls(run.run_id, limit=_CALLS)]
    return History(frozenset(covered), frozenset(synthesised), counted, _measured(calls, batched=intent.batched))


def _measured(calls: Sequence[LlmCall], *, batched: bool) -> Measured | None:
    answered = [
        (call, _about(call))
        for call in calls
        if call.purpose == "metadata_extraction" and call.status in {"success", "invalid_output"} and call.input_tokens
    ]
    told = [(call, about) for call, about in answered if batched or about == 1]
    if sum(about for _, about in told) < _ENOUGH:
        return None
    return Measured(
        Interval.of([call.input_tokens / about for call, about in told]),
        Interval.of([call.output_tokens / about for call, about in told]),
        sum(call.status == "invalid_output" for call, _ in told) / len(told),
    )


def _about(call: LlmCall) -> int:
    """Return how many segments a call asked about."""
    return asked_about(json.loads(call.schema_used or "{}")) if call.segment_id is None else 1
