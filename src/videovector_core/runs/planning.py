"""Choosing how a media item is cut."""

from __future__ import annotations

from collections.abc import Sequence

from videovector_core.models.ports import Transcript
from videovector_core.segments import slices
from videovector_core.segments.cuts import Cut
from videovector_core.segments.model import AudioMode, Segmentation, VideoMode
from videovector_core.signals import MediaType


def cut(
    how: Segmentation, media_type: MediaType, duration: float, cuts: Sequence[float | Cut], transcript: Transcript
) -> list[tuple[float, float]]:
    """Return the slices `(start, end)` in seconds that cover the item without gap or overlap."""
    if media_type is MediaType.IMAGE:
        return slices.image()
    if media_type is MediaType.VIDEO:
        if how.video is VideoMode.FIXED:
            return slices.fixed(duration, how.video_seconds or 1)
        if how.video is VideoMode.SMART:
            return slices.smart(duration, cuts)
        return slices.content_aware_video(duration, cuts, transcript)
    if how.audio is AudioMode.FIXED:
        return slices.fixed(duration, how.audio_seconds or 1)
    return slices.content_aware_audio(duration, transcript)
