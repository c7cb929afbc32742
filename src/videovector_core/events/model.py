"""Events: facts that happened, told once to streams, webhooks and automations."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, TypeAlias, get_args

from attrs import field, frozen

WebhookEvent: TypeAlias = Literal[
    "media.created",
    "media.processing.started",
    "media.processing.completed",
    "media.processing.failed",
    "prompt_run.started",
    "prompt_run.completed",
    "prompt_run.failed",
    "prompt_run.cancelled",
    "prompt_run.partial_completed",
    "prompt_run.progress",
    "export.ready",
    "export.failed",
    "import_job.started",
    "import_job.completed",
    "import_job.failed",
    "import_job.partial_completed",
    "import_job.progress",
]
WEBHOOK_EVENTS: Final[tuple[str, ...]] = get_args(WebhookEvent)
"""The names that webhooks may subscribe to, in the order of the API reference."""

STREAM_EVENTS: Final = (
    *WEBHOOK_EVENTS,
    "segment.processing.completed",
    "segment.processing.failed",
    "segment.retry.completed",
    "segment.retry.failed",
    "video_level.completed",
    "video_level.failed",
)
"""The names that the event stream carries."""


@frozen
class NewEvent:
    """An event that is about to be kept; `payload` is plain JSON and holds no secret and no URL that expires."""

    event_type: str
    payload: dict[str, Any] = field(factory=dict)
    run_id: str | None = None
    video_id: str | None = None
    segment_id: str | None = None
    index_id: str | None = None


@frozen
class Event:
    """A kept event. `sequence` counts without a gap within a tenant."""

    sequence: int
    event_id: str
    event_type: str
    user_id: str
    created_at: datetime
    payload: dict[str, Any]
    run_id: str | None = None
    video_id: str | None = None
    segment_id: str | None = None
    index_id: str | None = None


@frozen
class EventFilter:
    """What a reader of the log wants; `None` wants all. The conditions are joined by AND."""

    run_id: str | None = None
    index_id: str | None = None
    video_ids: frozenset[str] | None = None
    event_types: frozenset[str] | None = None

    def admits(self, event: Event) -> bool:
        """Say whether the reader wants this event."""
        return (
            (self.run_id is None or event.run_id == self.run_id)
            and (self.index_id is None or event.index_id == self.index_id)
            and (self.video_ids is None or event.video_id in self.video_ids)
            and (self.event_types is None or event.event_type in self.event_types)
        )
