"""Who an answer is written for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import field, frozen

from videovector_core.access.model import Caller
from videovector_core.markers import Marks, Place
from videovector_core.media.model import MediaItem
from videovector_core.signals import MediaType
from videovector_http.context import Context
from videovector_http.wire.convert import out
from videovector_http.wire.markers import MarkerInfo


@frozen
class Reader:
    """Who reads an answer: `context` mints their links, `marks` are their markers on what is shown."""

    context: Context
    marks: Marks = field(factory=Marks)

    def marker(self, target_type: str, target_id: str) -> MarkerInfo:
        """Return the marker on something; an empty one when there is none."""
        found = self.marks.on(target_type, target_id)
        return out(found, MarkerInfo) if found is not None else MarkerInfo()

    def field_markers(self, result_id: str) -> dict[str, MarkerInfo]:
        """Return the markers on the fields of a result, by field path."""
        return {path: out(one, MarkerInfo) for path, one in self.marks.fields(result_id).items()}

    def links(self, item: MediaItem, segment_id: str) -> dict[str, Any]:
        """Return the links of a segment and their durable counterparts."""
        shows = moves(item)
        folder = item.uri.rsplit("/", 1)[0]
        return {
            "segment_uri": self.context.link(item.user_id, "segment", segment_id),
            "gcs_uri": f"{folder}/segments/{segment_id}",
            "thumbnail_uri": self.context.link(item.user_id, "thumbnail", segment_id),
            "thumbnail_gcs_uri": f"{folder}/thumbnails/{segment_id}.jpg",
            "gif_uri": self.context.link(item.user_id, "segment-gif", segment_id) if shows else None,
            "gif_gcs_uri": f"{folder}/gifs/{segment_id}.gif" if shows else None,
        }


def moves(item: MediaItem) -> bool:
    """Say whether a GIF can be made of a media item."""
    return item.media_type is not MediaType.AUDIO


async def marked(context: Context, caller: Caller, places: Iterable[Place]) -> Reader:
    """Return the caller as the reader of an answer about these things."""
    return Reader(context, await context.vv.markers.on(caller, places))
