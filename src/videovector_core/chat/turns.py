"""Working on a turn: durable, step by step, and told as it goes.

Everything is kept before it is used: what was decided before any tool runs, what a tool found before anybody is told
of it. So a worker that dies is followed by one that goes on at the same place; no decision is asked for twice and no
tool that has a result runs again. A turn that somebody ended meanwhile is left as it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import attrs
from attrs import evolve, field, frozen

from videovector_core.chat import rules
from videovector_core.chat.arguments import Refusal, written
from videovector_core.chat.citations import Answer, result_ids
from videovector_core.chat.deciding import EARLIER, Decider
from videovector_core.chat.ending import answered, end, locked
from videovector_core.chat.forgetting import GONE, Gone, forget, missing
from videovector_core.chat.model import (
    CallStatus,
    EventName,
    Phase,
    ResultSet,
    Step,
    Story,
    ToolCall,
    Turn,
    TurnEvent,
    TurnStatus,
    Use,
    advance,
    call_id,
)
from videovector_core.chat.ports import ChatTx, topic
from videovector_core.chat.telling import further, not_done, phase, plain, shown, stamp
from videovector_core.chat.tools import Found, Tools
from videovector_core.errors import ProcessingFailed, Refused, Unavailable, VideoVectorError
from videovector_core.ports import Begin, Clock, Doorbell
from videovector_core.search.model import Hit
from videovector_core.work import Lease, NewWork, WorkItem

T = TypeVar("T")

TURN: Final = "chat.turn"
_LOOK: Final = 1.0
"""Seconds after which a turn that is worked on looks whether somebody ended it, when nobody rings."""


def work_on(turn: Turn) -> NewWork:
    """Return the work of answering a turn."""
    return NewWork(TURN, turn.user_id, turn.turn_id, max_attempts=6)


@frozen
class Caps:
    """What one turn may take."""

    calls: int = 8
    steps: int = 10
    seconds: float = 60.0
    """Of work; what passes while nobody works on it does not count."""
    tokens: int = 200_000


class Ended(Exception):
    """Somebody ended the turn, or removed it."""


class TimeUp(Exception):
    """The turn has worked for as long as it may."""


@frozen
class Turns:
    """The handler of turns."""

    begin: Begin[ChatTx]
    clock: Clock
    doorbell: Doorbell
    tools: Tools
    decider: Decider
    caps: Caps = Caps()
    timer: Callable[[], float] = field(default=time.monotonic)

    async def handle(self, item: WorkItem, lease: Lease[ChatTx]) -> None:
        """Answer a turn, from wherever it stands."""
        async with self.begin() as tx:
            turn = await tx.chat.turn(item.user_id, item.key)
            if turn is None or turn.status.final:
                return
            events = await tx.chat.events([turn.turn_id])
            earlier = await tx.chat.latest(turn.session_id, before=turn.ordinal, limit=EARLIER)
        told = [one for one in earlier if one.status is TurnStatus.COMPLETED]
        try:
            await _Working(self, lease, Story.of(turn, events), told).go()
        except Ended:
            return

    async def lost(self, tx: ChatTx, item: WorkItem, error: VideoVectorError) -> None:
        """Fail a turn that was given up."""
        turn = await locked(tx, item.user_id, item.key)
        if turn is not None and not turn.status.final:
            await end(tx, turn, TurnStatus.FAILED, self.clock.now(), error)


@attrs.define
class _Working:
    """One worker's go at a turn."""

    on: Turns
    lease: Lease[ChatTx]
    story: Story
    earlier: Sequence[Turn]
    since: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.since = self.on.timer()

    async def go(self) -> None:
        """Decide and do in turn until there is an answer."""
        if self.story.turn.status is TurnStatus.PENDING:
            await self._begin()
        while (answer := self.story.answer) is None:
            for number, use in self.story.open:
                await self._use(number, use)
            if self.story.answer is None:
                await self._decide()
        await self._finish(answer)

    async def _begin(self) -> None:
        turn = self.story.turn
        now = self.on.clock.now()
        begun = evolve(
            turn,
            status=advance(turn.status, TurnStatus.RUNNING),
            started_at=now,
            stats=evolve(turn.stats, planner=self.on.decider.planner),
        )
        await self._keep(begun, (EventName.STATE, {"phase": Phase.PLANNING, "message": None}, None))

    async def _decide(self) -> None:
        """Ask for the next step and keep it before anything is done about it."""
        cap = self._cap()
        step = None
        if cap not in {"seconds", "tokens"}:
            try:
                step = await self._within(self.on.decider.next(self.story, self.earlier, tools=cap is None))
            except TimeUp:
                cap = cap or "seconds"
        if step is None:
            step = Step(rules.closing(self.story))
        stats = self.story.turn.stats
        stats = evolve(
            stats,
            model_calls=stats.model_calls + int(self.on.decider.planner == "model"),
            input_tokens=stats.input_tokens + step.input_tokens,
            output_tokens=stats.output_tokens + step.output_tokens,
            capped=stats.capped or cap,
        )
        memo = {"step": attrs.asdict(step)}
        await self._keep(
            evolve(self.story.turn, stats=stats), (EventName.STATE, {"phase": phase(step), "message": None}, memo)
        )

    def _cap(self) -> str | None:
        """Name the cap that is reached, if one is."""
        caps, stats = self.on.caps, self.story.turn.stats
        if self._spent() >= caps.seconds:
            return "seconds"
        if stats.tokens >= caps.tokens:
            return "tokens"
        if len(self.story.calls) >= caps.calls:
            return "tool_calls"
        return "steps" if len(self.story.steps) >= caps.steps - 1 else None

    async def _use(self, number: int, use: Use) -> None:
        """Carry one call out, and keep what came of it before anybody is told."""
        one = call_id(number)
        call = next((known for known in self.story.calls if known.tool_call_id == one), None)
        if call is None:
            started = stamp(self.on.clock.now())
            call = ToolCall(one, use.name, written(use.arguments), started_at=started)
            await self._keep(self.story.turn, (EventName.CALL, {"tool_call": shown(call)}, None))
        begun = self.on.timer()
        done, results = await self._done(number, call, use)
        done = evolve(done, elapsed_ms=round((self.on.timer() - begun) * 1000, 1))
        stats = self.story.turn.stats
        turn = evolve(self.story.turn, stats=evolve(stats, tool_calls=stats.tool_calls + 1))
        data = {"tool_call": shown(done), "result_set": plain(results) if results is not None else None}
        await self._keep(turn, (EventName.RESULT, data, {"told": done.told}))

    async def _done(self, number: int, call: ToolCall, use: Use) -> tuple[ToolCall, ResultSet | None]:
        if number > self.on.caps.calls:
            why = f"A turn may use {self.on.caps.calls} tool calls, and they are used up."
            return not_done(call, CallStatus.REFUSED, why), None
        try:
            found: Found = await self._within(self.on.tools.run(self.story, call.tool_call_id, use))
        except TimeUp:
            return not_done(call, CallStatus.FAILED, "The time of this turn is used up."), None
        except Refusal as error:
            return not_done(call, CallStatus.REFUSED, str(error)), None
        except Unavailable as error:
            if error.code == Unavailable.default_code:
                raise  # a house of ours is away: the engine waits for it
            return not_done(call, CallStatus.FAILED, error.message), None
        except (Refused, ProcessingFailed) as error:
            if isinstance(error, ProcessingFailed) and error.transient:
                raise
            return not_done(call, CallStatus.FAILED, error.message), None
        results = found.results
        named = results.id if results is not None else None
        return evolve(
            call, status=CallStatus.COMPLETED, summary=found.summary, told=found.told, result_set_id=named
        ), results

    async def _finish(self, step: Step) -> None:
        """Make the answer out of what was said, with the rows as they are now; what rested on deleted media goes."""
        story, planner = self.story, self.on.decider.planner
        hits = await self._rows(story)
        gone = missing(story, hits)
        made = Answer(GONE, (), 0) if gone else answered(story, step, hits, planner)
        stats = evolve(story.turn.stats, removed_citations=made.removed, elapsed_ms=self._spent() * 1000)
        async with self.lease.commit() as tx:
            found = await locked(tx, story.turn.user_id, story.turn.turn_id)
            turn = evolve(_still(found), content=made.content, citations=made.citations, stats=stats)
            ended = await end(tx, turn, TurnStatus.COMPLETED, self.on.clock.now())
            if gone:
                await forget(tx, ended, await tx.chat.events([turn.turn_id]), Gone(gone))

    async def _rows(self, story: Story) -> dict[str, Hit]:
        """Read the rows behind all results of a turn as they are now."""
        ids = result_ids([story])
        if not ids:
            return {}
        within = await self.on.tools.within(story.turn)
        return await self.on.tools.search.hydrate(within.caller, within.runs, ids)

    async def _keep(self, turn: Turn, *entries: tuple[EventName, dict[str, Any], dict[str, Any] | None]) -> None:
        """Keep a part of the turn: what it tells, what it remembers, and the time it took so far."""
        now = self.on.clock.now()
        async with self.lease.step() as tx:
            _still(await tx.chat.turn(turn.user_id, turn.turn_id, lock=True))
            turn = evolve(turn, stats=evolve(turn.stats, elapsed_ms=self._spent() * 1000))
            await tx.chat.save_turn(turn)
            last = await tx.chat.last(turn.turn_id)
            kept = [
                TurnEvent(turn.turn_id, last + n, name, now, data, memo)
                for n, (name, data, memo) in enumerate(entries, 1)
            ]
            await tx.chat.append(kept)
        self.since = self.on.timer()
        self.story = further(self.story, turn, kept)

    def _spent(self) -> float:
        return self.story.turn.stats.elapsed_ms / 1000 + self.on.timer() - self.since

    async def _within(self, doing: Awaitable[T]) -> T:
        """Wait for something, not longer than the turn may take, and not beyond its end."""
        task = asyncio.ensure_future(doing)
        try:
            async with asyncio.timeout(max(0.0, self.on.caps.seconds - self._spent())):
                while not task.done():
                    self.lease.progress()
                    await self._rung(task)
                    if not task.done():
                        await self._check()
                return task.result()
        except TimeoutError:
            raise TimeUp from None
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _rung(self, task: asyncio.Future[Any]) -> None:
        ring = asyncio.ensure_future(self.on.doorbell.wait(topic(self.story.turn.turn_id), _LOOK))
        try:
            await asyncio.wait([task, ring], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ring.cancel()
            await asyncio.gather(ring, return_exceptions=True)

    async def _check(self) -> None:
        async with self.on.begin() as tx:
            _still(await tx.chat.turn(self.story.turn.user_id, self.story.turn.turn_id))


def _still(turn: Turn | None) -> Turn:
    """Return a turn that is under way; one that is not ends the work on it."""
    if turn is None or turn.status.final:
        raise Ended
    return turn
