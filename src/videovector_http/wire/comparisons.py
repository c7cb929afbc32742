"""Two runs side by side."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from videovector_http.wire.base import Shape
from videovector_http.wire.common import PromptId, RunId, SegmentId, VideoId
from videovector_http.wire.envelopes import PaginationMeta


class FieldDifference(Shape):
    """A field of which two segments say different things; null where one says nothing."""

    path: Annotated[str, Meta(examples=["scene.people[].name"])]
    first: Any = None
    second: Any = None


class SegmentComparison(Shape):
    """One stretch of a media item in two runs; an id is null where that run has no segment with these times."""

    start_time: float
    end_time: float
    segment_id: SegmentId | None = None
    other_segment_id: SegmentId | None = None
    equal: Annotated[bool, Meta(description="Both runs have it and say the same.")]
    fields: list[FieldDifference]


class ComparisonCounts(Shape):
    """Of all stretches of the media item."""

    equal: int
    different: int
    only_first: int
    only_second: int
    fields: Annotated[dict[str, int], Meta(description="How often each field differs.", examples=[{"mood": 3}])]


class RunComparison(Shape):
    """What changed between two runs, and what came out differently in one media item."""

    run_id: RunId
    other_run_id: RunId
    video_id: VideoId
    prompt_id: PromptId
    other_prompt_id: PromptId
    changed_settings: Annotated[
        list[str], Meta(description="Of the runs and of the prompts as they were run.", examples=[["json_schema"]])
    ]
    fields_added: list[str]
    fields_removed: list[str]
    fields_redefined: list[str]
    counts: Annotated[ComparisonCounts, Meta(description="On the first page only.")] | None = None
    data: list[SegmentComparison]
    pagination: PaginationMeta
