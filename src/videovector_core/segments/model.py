"""Segments: slices of a media item, in sets that runs with the same settings share."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from videovector_core.errors import Invalid


class VideoMode(StrEnum):
    """How a video is cut."""

    SMART = "smart"
    FIXED = "fixed"
    CONTENT_AWARE = "content_aware"


class AudioMode(StrEnum):
    """How sound is cut."""

    FIXED = "fixed"
    CONTENT_AWARE = "content_aware"


@frozen
class Segmentation:
    """The settings of a run that decide how its media are cut. Durations are whole seconds, 1 to 300."""

    video: VideoMode = field(default=VideoMode.SMART, converter=VideoMode)
    audio: AudioMode = field(default=AudioMode.CONTENT_AWARE, converter=AudioMode)
    video_seconds: int | None = None
    audio_seconds: int | None = None

    def __attrs_post_init__(self) -> None:
        self._check("video", fixed=self.video is VideoMode.FIXED, seconds=self.video_seconds)
        self._check("audio", fixed=self.audio is AudioMode.FIXED, seconds=self.audio_seconds)

    @staticmethod
    def _check(kind: str, *, fixed: bool, seconds: int | None) -> None:
        name = f"{kind}_segment_duration"
        if fixed and seconds is None:
            raise Invalid(f"Fixed {kind} segmentation needs {name}: give whole seconds from 1 to 300.")
        if not fixed and seconds is not None:
            raise Invalid(f"{name} goes with fixed {kind} segmentation only: leave it out, or choose fixed.")
        if seconds is not None and not 1 <= seconds <= 300:
            raise Invalid(f"{name} is {seconds}; give whole seconds from 1 to 300.")

    def listens(self, media_type: str) -> bool:
        """Whether cutting this kind of media needs to know what is said."""
        aware = {"video": self.video is VideoMode.CONTENT_AWARE, "audio": self.audio is AudioMode.CONTENT_AWARE}
        return aware.get(media_type, False)

    def fingerprint(self, media_type: str, version: str) -> str:
        """Name the settings that matter for one kind of media: the same name means the same cuts."""
        about = {"video": [self.video, self.video_seconds], "audio": [self.audio, self.audio_seconds], "image": []}
        text = json.dumps([version, media_type, about[media_type]])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@frozen
class SegmentSet:
    """All segments of one media item under one set of settings."""

    set_id: str
    user_id: str
    video_id: str
    fingerprint: str
    created_at: datetime
    total: int


@frozen
class Segment:
    """A slice `[start, end)` in seconds; an image has one, from 0 to 0."""

    segment_id: str
    set_id: str
    user_id: str
    video_id: str
    ordinal: int
    start: float
    end: float
