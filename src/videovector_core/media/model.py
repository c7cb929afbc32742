"""A media item and its life."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from videovector_core.signals import MediaType


class MediaStatus(StrEnum):
    """Where a media item stands with regard to runs."""

    NOT_PROCESSED = "not_processed"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"


@frozen
class MediaItem:
    """An uploaded or imported file. Without `index_id` it lies in the caller's playground. `duration` is in seconds."""

    video_id: str
    user_id: str
    title: str
    media_type: MediaType = field(converter=MediaType)
    sha256: str
    size: int
    file_name: str
    mime_type: str
    duration: float
    created_at: datetime
    index_id: str | None = None
    status: MediaStatus = field(default=MediaStatus.NOT_PROCESSED, converter=MediaStatus)
    updated_at: datetime | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    has_audio: bool = False
    source_uri: str | None = None

    @property
    def uri(self) -> str:
        """The durable identifier; its bucket names this server's own store, and only signed links play."""
        return uri_of(self.video_id, self.file_name)


def uri_of(video_id: str, file_name: str) -> str:
    """Return the durable identifier of an item."""
    return f"gs://videovector/{video_id}/{re.sub(r'[^A-Za-z0-9._-]+', '-', file_name) or 'media'}"


def title_of(file_name: str) -> str:
    """Take a title from a file name: without folders and extension, at most 255 characters."""
    base = re.split(r"[/\\]", file_name)[-1]
    return (base.rsplit(".", 1)[0] or base or "untitled")[:255]
