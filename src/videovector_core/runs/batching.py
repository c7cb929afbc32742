"""Which segments are asked about in one call.

Segments of one media item that a worker has in hand at the same time are put together: a batch is sent when it is full,
when its question would not fit the model with another segment, or when for a moment none of the item's segments was on
its way to it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from attrs import define, field

from videovector_core.errors import ProcessingFailed
from videovector_core.models.table import Terms

LINGER: Final = 0.1
"""Seconds in which a worker that has finished some segments takes the next ones in hand; little beside a call."""
_SHARED: Final = frozenset({"rate_limited", "cancelled", "run_cap_reached"})
"""Failures that asking alone would only repeat."""

M = TypeVar("M")
Send: TypeAlias = Callable[[Sequence[M]], Awaitable[Mapping[int, Any]]]


@define
class Batch:
    """Segments that are asked about together; `answers` are by place, and whoever has none is asked alone."""

    members: list[Any] = field(factory=list)
    tokens: int = 0
    closed: asyncio.Event = field(factory=asyncio.Event)
    answers: asyncio.Future[Mapping[int, Any]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.answers = asyncio.get_running_loop().create_future()

    async def lead(self, gathering: Gathering, send: Send[Any]) -> None:
        """Send it when it is closed. Whoever leads and is stopped leaves the others to be asked alone."""
        try:
            while not await _within(LINGER, self.closed):
                if not gathering.coming:
                    gathering.close()
            self.answers.set_result(await send(self.members) if len(self.members) > 1 else {})
        except ProcessingFailed as error:
            if error.code in _SHARED:
                self.answers.set_exception(error)
                self.answers.exception()  # seen: perhaps nobody else waits
        finally:
            self.closed.set()
            if not self.answers.done():
                self.answers.set_result({})


@define
class Gathering:
    """The segments of one media item of a run that are on their way to be asked about."""

    coming: int = 0
    batch: Batch | None = None

    def close(self) -> None:
        """Let the open batch be sent."""
        if self.batch is not None:
            self.batch.closed.set()
            self.batch = None


@define
class Place:
    """One segment's place among those that are on their way; to be left once, by joining or without."""

    gathering: Gathering
    terms: Terms
    _left: bool = field(default=False, init=False)

    async def join(self, member: M, *, tokens: int, send: Send[M]) -> Any | None:
        """Be asked about with others; `None` where that gave no answer, and then the member is to be asked alone."""
        gathering = self.gathering
        if self._left:
            return None
        room = self.terms.context
        if gathering.batch is not None and room is not None and gathering.batch.tokens + tokens > room:
            gathering.close()
        first = gathering.batch is None
        batch = gathering.batch = gathering.batch or Batch()
        place = len(batch.members)
        batch.members.append(member)
        batch.tokens += tokens
        if len(batch.members) >= self.terms.batch:
            gathering.close()
        self.leave()
        if first:
            await batch.lead(gathering, send)
        return (await asyncio.shield(batch.answers)).get(place)

    def leave(self) -> None:
        """Be on the way no more."""
        if not self._left:
            self._left = True
            self.gathering.coming -= 1


@define
class Batches:
    """All gatherings of one process."""

    _gatherings: dict[tuple[str, str], Gathering] = field(factory=dict, init=False)

    @contextlib.contextmanager
    def coming(self, run_id: str, video_id: str, *, seconds: float, terms: Terms) -> Iterator[Place | None]:
        """Announce a segment of so many seconds; `None` where such a segment is always asked about alone."""
        if terms.batch < 2 or seconds > terms.batch_seconds:
            yield None
            return
        gathering = self._gatherings.setdefault((run_id, video_id), Gathering())
        gathering.coming += 1
        place = Place(gathering, terms)
        try:
            yield place
        finally:
            place.leave()
            if not gathering.coming and gathering.batch is None:
                self._gatherings.pop((run_id, video_id), None)


async def _within(seconds: float, event: asyncio.Event) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
