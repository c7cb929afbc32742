"""What filter search asks of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from videovector_core.page import After
from videovector_core.runs.model import SegmentResult
from videovector_core.search.filters import Filter


@frozen
class FilterScope:
    """Where conditions look: runs, and media of the indexes or, when `playground`, media in no index."""

    user_id: str
    run_ids: tuple[str, ...]
    index_ids: tuple[str, ...] | None = None
    video_ids: tuple[str, ...] | None = None
    playground: bool = False


@frozen
class Place:
    """A result that meets the conditions, and where it stands: media in order of arrival, then time."""

    run_id: str
    segment_id: str
    created_at: datetime
    start: float

    @property
    def key(self) -> After:
        """The sort key: (media created_at in ISO, start second, segment id, run id)."""
        return (self.created_at.isoformat(), self.start, self.segment_id, self.run_id)


@frozen
class Unfiltered:
    """A successful result that filters do not know."""

    user_id: str
    run_id: str
    segment_id: str


class FilterStore(Protocol):
    """Answers conditions exactly as `videovector_core.search.matching.matches` does, over successful segment results.

    Results of hidden media are not there. What a transaction saved is seen by those that begin after its commit.
    """

    async def page(
        self, scope: FilterScope, wanted: Filter, *, limit: int, after: After | None = None
    ) -> Sequence[Place]:
        """Return up to `limit` results in rising order of `Place.key`, from after a key on."""
        ...

    async def lacking(self, *, after: tuple[str, str], limit: int) -> Sequence[Unfiltered]:
        """Return successful results that filters do not know, locked, by run and segment, from after such a pair on."""
        ...

    async def add(self, results: Sequence[SegmentResult]) -> None:
        """Make successful results known to filters; those that are known stay as they are."""
        ...


class FiltersTx(Protocol):
    """The slice of a transaction that filters touch."""

    @property
    def filters(self) -> FilterStore:
        """The conditions."""
        ...
