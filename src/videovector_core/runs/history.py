"""What earlier runs tell about one that has not begun: segments that are cut, answers that are kept, what calls took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import Factory, frozen

from videovector_core.access.model import Caller
from videovector_core.media.model import MediaItem
from videovector_core.prompts.model import Prompt
from videovector_core.runs.model import LlmCall, Run
from videovector_core.runs.ports import RunsTx
from videovector_core.segments.model import Segmentation

MAX_LOOKED_AT: Final = 100
"""Earlier runs that are looked at."""
_RUNS: Final = 5
_CALLS: Final = 200
_ENOUGH: Final = 4
"""Calls from which on they say something about others."""


@frozen
class Range:
    """The least, the mean and the most that was seen."""

    low: float
    mean: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Range:
        """Sum some values up; there must be one."""
        return cls(min(values), sum(values) / len(values), max(values))


@frozen
class Measured:
    """What calls took that asked for the same schema: tokens of each, and the share whose answer had to be mended."""

    input_tokens: Range
    output_tokens: Range
    wrong: float


@frozen
class History:
    """`covered` are media whose answers are probably kept, `counted` the segments of those that are cut."""

    covered: frozenset[str] = frozenset()
    counted: Mapping[str, int] = Factory(dict)
    measured: Measured | None = None


@frozen
class Intent:
    """What decides whether an earlier run is alike."""

    prompt: Prompt
    segmentation: Segmentation
    model: str
    listens: bool

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
    alike = [run for run in runs.values() if run is not None and intent.alike(run)]
    calls = [call for run in alike[:_RUNS] for call in await tx.calls.calls(run.run_id, limit=_CALLS)]
    return History(frozenset(covered), counted, _measured(calls))


def _measured(calls: Sequence[LlmCall]) -> Measured | None:
    answered = [
        call
        for call in calls
        if call.purpose == "metadata_extraction" and call.status in {"success", "invalid_output"} and call.input_tokens
    ]
    if len(answered) < _ENOUGH:
        return None
    return Measured(
        Range.of([call.input_tokens for call in answered]),
        Range.of([call.output_tokens for call in answered]),
        sum(call.status == "invalid_output" for call in answered) / len(answered),
    )
