"""Following the event log: every reader gets every event that it wants, once and in order, from a place that it names.

The log is the truth and the doorbell only wakes. What is new is read once for all readers of a tenant (`_Tail`); a
reader that has fallen behind reads the log itself, one batch at a time, so a reader costs one batch however long it
stalls. Sequence numbers have no gaps, so a number that is missing is an event that is no longer kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC
from typing import Final

from attrs import define, field, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Gone, Limited, NotFound
from videovector_core.events.model import Event, EventFilter
from videovector_core.events.ports import EventsTx
from videovector_core.ports import Begin, Clock, Doorbell

log = logging.getLogger(__name__)

START: Final = f"evt_{0:032x}"
"""The place before the first event of a tenant."""


class CursorExpired(Gone):
    """Events after the reader's place are no longer kept: `details` has `after`, and the `oldest` that is still there."""

    default_code = "cursor_expired"


@frozen
class StreamPace:
    """Times of streams in seconds, and how many a user may have open in one process."""

    poll: float = 2.0
    heartbeat: float = 14.0
    idle: float = 3600.0
    retention: float = 24 * 3600.0
    most: int = 10
    kept: int = 1024
    """Events of a tenant that are held for its readers."""


@frozen
class Place:
    """Where a reader stands: it has seen everything up to `sequence`, whose event is `event_id`."""

    sequence: int
    event_id: str


@define
class _Tail:
    """The newest events of one tenant: all of those after `floor`, up to `position`."""

    begin: Begin[EventsTx]
    doorbell: Doorbell
    user_id: str
    pace: StreamPace
    newest: deque[Event] = field(factory=deque)
    floor: int = -1
    position: int = -1
    readers: int = 0
    _moved: asyncio.Event = field(factory=asyncio.Event)

    async def run(self) -> None:
        """Read what is appended, for as long as there are readers."""
        while True:
            # whoever rings while the log is read must be heard, so the waiting starts first
            ring = asyncio.create_task(self.doorbell.wait(f"events:{self.user_id}", self.pace.poll))
            try:
                await asyncio.sleep(0)
                while await self._read() >= self.pace.kept:
                    pass
                await ring
            except Exception:
                log.exception("reading the event log failed; trying again")
                await asyncio.sleep(self.pace.poll)
            finally:
                ring.cancel()

    async def _read(self) -> int:
        async with self.begin() as tx:
            if self.position < 0:
                self.floor = self.position = await tx.events.last(self.user_id)
            found = await tx.events.after(self.user_id, self.position, wanted=EventFilter(), limit=self.pace.kept)
        self._keep(found)
        self._moved.set()
        self._moved = asyncio.Event()
        return len(found)

    def _keep(self, found: list[Event]) -> None:
        for event in found:
            if event.sequence != self.position + 1:
                self.newest.clear()
                self.floor = event.sequence - 1
            self.newest.append(event)
            self.position = event.sequence
        while len(self.newest) > self.pace.kept:
            self.floor = self.newest.popleft().sequence

    def behind(self, at: int, *, wanted: EventFilter, batch: int) -> tuple[list[Event], int]:
        """Return wanted events after `at` from what is held, and the place that was reached; no more than a batch."""
        found: list[Event] = []
        for index in range(at - self.floor, len(self.newest)):
            event = self.newest[index]
            at = event.sequence
            if wanted.admits(event):
                found.append(event)
                if len(found) == batch:
                    break
        return found, at

    async def beyond(self, at: int, seconds: float) -> None:
        """Wait until there is something after `at`, at most so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.position <= at:
                    await self._moved.wait()


@define
class Streams:
    """Follows the event logs of tenants, for many readers at once."""

    begin: Begin[EventsTx]
    clock: Clock
    doorbell: Doorbell
    pace: StreamPace = StreamPace()
    _tails: dict[str, tuple[_Tail, asyncio.Task[None]]] = field(factory=dict, init=False)
    _open: Counter[str] = field(factory=Counter, init=False)

    @contextlib.contextmanager
    def admitted(self, caller: Caller) -> Iterator[None]:
        """Count a stream of the caller while it is open.

        Raises:
            Limited: code `stream_limit_exceeded`, when the caller has as many as allowed.
        """
        if self._open[caller.user_id] >= self.pace.most:
            raise Limited(
                f"You have {self.pace.most} event streams open; close one, or follow several runs in one stream.",
                retry_after=5,
                code="stream_limit_exceeded",
            )
        self._open[caller.user_id] += 1
        try:
            yield
        finally:
            self._open[caller.user_id] -= 1
            self._open += Counter()

    async def place(self, caller: Caller, event_id: str | None) -> Place:
        """Return the place after an event, or the present end of the log.

        Raises:
            NotFound: the caller has no such event, and could not have had it and lost it to retention.
            CursorExpired: it is too old to be kept.
        """
        caller.require(Scope.READ)
        async with self.begin() as tx:
            if event_id is None:
                last = await tx.events.last(caller.user_id)
                newest = await tx.events.after(caller.user_id, last - 1, wanted=EventFilter(), limit=1)
                return Place(last, newest[-1].event_id if newest else START)
            sequence = 0 if event_id == START else await tx.events.sequence_of(caller.user_id, event_id)
            if sequence is not None:
                return Place(sequence, event_id)
            if not self._too_old(event_id):
                raise NotFound.of("event", event_id)
            raise await _expired(tx, caller.user_id, event_id, 0)

    async def follow(
        self, user_id: str, place: Place, wanted: EventFilter, *, batch: int = 100
    ) -> AsyncGenerator[list[Event], None]:
        """Yield wanted events after a place in lists of at most `batch`, and an empty list as a sign of life.

        It ends when nothing came for `idle` seconds.

        Raises:
            CursorExpired: the reader was so slow that events were forgotten before it read them.
        """
        now = asyncio.get_running_loop().time
        at, last_id, spoke, heard = place.sequence, place.event_id, now(), now()
        with self._joined(user_id) as tail:
            while now() - heard < self.pace.idle:
                await tail.beyond(at, spoke + self.pace.heartbeat - now())
                found: list[Event] = []
                if at < tail.position and at >= tail.floor:
                    found, at = tail.behind(at, wanted=wanted, batch=batch)
                elif at < tail.position:
                    found, at = await self._older(user_id, Place(at, last_id), wanted, batch)
                if found:
                    last_id, heard = found[-1].event_id, now()
                if found or now() - spoke >= self.pace.heartbeat:
                    yield found
                    spoke = now()

    async def _older(self, user_id: str, place: Place, wanted: EventFilter, batch: int) -> tuple[list[Event], int]:
        async with self.begin() as tx:
            last = await tx.events.last(user_id)
            following = await tx.events.after(user_id, place.sequence, wanted=EventFilter(), limit=1)
            if last > place.sequence and (not following or following[0].sequence != place.sequence + 1):
                raise await _expired(tx, user_id, place.event_id, place.sequence)
            found = await tx.events.after(user_id, place.sequence, wanted=wanted, limit=batch)
        if len(found) == batch:
            return found, found[-1].sequence
        return found, max([last, *(event.sequence for event in found)])

    @contextlib.contextmanager
    def _joined(self, user_id: str) -> Iterator[_Tail]:
        if user_id not in self._tails:
            tail = _Tail(self.begin, self.doorbell, user_id, self.pace)
            self._tails[user_id] = tail, asyncio.create_task(tail.run(), name=f"tail of {user_id}")
        tail, task = self._tails[user_id]
        tail.readers += 1
        try:
            yield tail
        finally:
            tail.readers -= 1
            if not tail.readers:
                del self._tails[user_id]
                task.cancel()

    def _too_old(self, event_id: str) -> bool:
        """Say whether an id was made before what is kept: ids begin with the milliseconds since 1970."""
        prefix, _, digits = event_id.partition("_")
        try:
            made = int(digits[:12], 16) / 1000 if prefix == "evt" and len(digits) == 32 else None
        except ValueError:
            return False
        return made is not None and made < self.clock.now().astimezone(UTC).timestamp() - self.pace.retention


async def _expired(tx: EventsTx, user_id: str, event_id: str, sequence: int) -> CursorExpired:
    oldest = await tx.events.after(user_id, sequence, wanted=EventFilter(), limit=1)
    return CursorExpired(
        "Events after this place are no longer kept; read the resources again and connect without Last-Event-ID.",
        details={"after": event_id, "oldest": oldest[0].event_id if oldest else None},
    )
