"""What segments ask of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from videovector_core.page import After
from videovector_core.segments.model import Segment, SegmentSet


class SegmentStore(Protocol):
    """Keeps segment sets; there is at most one for each media item and fingerprint."""

    async def find_set(self, video_id: str, fingerprint: str) -> SegmentSet | None:
        """Return the set of a media item with that fingerprint, of whatever tenant."""
        ...

    async def add_set(self, segment_set: SegmentSet, segments: Sequence[Segment]) -> bool:
        """Keep a set with its segments; false, and nothing kept, when that set exists."""
        ...

    async def latest_set(self, video_id: str) -> SegmentSet | None:
        """Return the newest set of a media item."""
        ...

    async def page(self, set_id: str, *, limit: int, after: After | None) -> list[Segment]:
        """Return segments in order of time; the key is (ordinal,)."""
        ...

    async def get(self, user_id: str, segment_id: str) -> Segment | None:
        """Return a segment of the tenant."""
        ...

    async def remove(self, video_id: str) -> None:
        """Forget all sets of a media item."""
        ...


class SegmentsTx(Protocol):
    """The slice of a transaction that segments touch."""

    @property
    def segments(self) -> SegmentStore: ...
