"""What a search answers: moments, with the reasons for their rank."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from videovector_core.media.model import MediaItem
from videovector_core.runs.model import Run, SegmentResult, VideoResult
from videovector_core.search.fusion import Part


@frozen
class MatchedField:
    """A field of a result that matched by itself. `score` is cosine similarity mapped to 0..1."""

    path: str
    instance_key: str
    score: float
    value: str = ""
    label: str = ""
    instance_path: str = ""
    instance_label: str = ""


@frozen
class Hit:
    """One moment, or one whole media item, that was found.

    `similarity` is cosine similarity mapped to 0..1, `None` where nothing was compared. `parts` explains the rank: what
    each ranking added. For a frame, `image_time` is its second in the media item.
    """

    run: Run
    item: MediaItem
    result: SegmentResult | None = None
    video_result: VideoResult | None = None
    similarity: float | None = None
    fused: float | None = None
    parts: dict[str, Part] = field(factory=dict)
    fields: tuple[MatchedField, ...] = ()
    reranked: float | None = None
    """What the reranker gave, where there is one: the hits are in this order then."""
    text_score: float | None = None
    image_score: float | None = None
    text_rank: int | None = None
    image_rank: int | None = None
    image_time: float | None = None
    preview: SegmentResult | None = None
    """Of a media-level hit: a segment to show for it."""

    @property
    def result_id(self) -> str:
        """The id of the result that was found."""
        found = self.result or self.video_result
        return found.result_id if found else ""

    @property
    def start(self) -> float:
        """Second at which the moment starts."""
        return self.result.start if self.result else 0.0

    @property
    def end(self) -> float:
        """Second at which the moment ends."""
        return self.result.end if self.result else self.item.duration

    @property
    def metadata(self) -> dict[str, Any]:
        """The extracted fields."""
        if self.result is not None:
            return self.result.document()
        return self.video_result.metadata if self.video_result else {}

    @property
    def text(self) -> str:
        """The text that was searched."""
        found = self.result or self.video_result
        return found.metadata_text if found else ""


def unit(cosine: float) -> float:
    """Map a cosine (-1 to 1) to 0..1, higher is nearer."""
    return round(min(1.0, max(0.0, (cosine + 1.0) / 2.0)), 6)
