"""The stream of processing events."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from videovector_http.wire.base import Shape
from videovector_http.wire.common import IndexId, JsonObject, RunId, SegmentId, Time, UserId, VideoId


class ProcessingEvent(Shape):
    """The data of one event; its id and its type are also the event's own."""

    event_id: Annotated[str, Meta(description="Grows; send it as `Last-Event-ID` to go on after it.")]
    event_type: Annotated[str, Meta(examples=["prompt_run.progress"])]
    user_id: UserId
    run_id: RunId | None = None
    video_id: VideoId | None = None
    segment_id: SegmentId | None = None
    index_id: IndexId | None = None
    created_at: Time
    payload: JsonObject
