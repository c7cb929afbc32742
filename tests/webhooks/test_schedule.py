"""When deliveries are tried, held and given up, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, field

from tests.stateful.virtual import simulate
from videovector_adapters import memory
from videovector_adapters.memory import Database
from videovector_adapters.memory.database import Time
from videovector_adapters.memory.parts import CountingIds, MemoryClock, MemoryDoorbell
from videovector_adapters.memory.webhooks import Answered, MemoryPoster, Sent
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_core.errors import ProcessingFailed, VideoVectorError
from videovector_core.events.model import EventFilter, NewEvent
from videovector_core.webhooks.delivery import Keeping
from videovector_core.webhooks.model import Delivery, DeliveryStatus, Outcome, Webhook, WebhookStatus
from videovector_core.work import Pace

START = 1_800_000_000.0
DAY = 86_400.0
POLL = 60.0
KEEPING = Keeping(timedelta(hours=4), timedelta(hours=10))


@define
class Room:
    """An application whose time is the loop's, and when its receiver was sent something."""

    vv: VideoVector
    poster: MemoryPoster
    caller: Caller = field(factory=lambda: Caller("user_1"))
    times: list[float] = field(factory=list)

    def answers(self, answer: Callable[[Sent], Answered | VideoVectorError]) -> None:
        """Let the receiver answer so, and note when it does."""

        def noting(sent: Sent) -> Answered | VideoVectorError:
            self.times.append(asyncio.get_running_loop().time())
            return answer(sent)

        self.poster.answer = noting

    async def hook(self) -> Webhook:
        """Make a webhook."""
        made = await self.vv.webhooks.create(
            self.caller, name="w", url="https://receiver.example/", events=["media.created"]
        )
        return made.webhook

    async def tell(self, count: int = 1) -> None:
        """Append events."""
        async with self.vv.begin() as tx:
            await tx.events.append(self.caller.user_id, [NewEvent("media.created")] * count)

    async def look(self, hook: Webhook) -> tuple[Webhook, list[Delivery]]:
        """Return how a webhook and its deliveries stand."""
        found = await self.vv.webhooks.deliveries(self.caller, hook.webhook_id, limit=100)
        return await self.vv.webhooks.get(self.caller, hook.webhook_id), found


@contextlib.asynccontextmanager
async def living() -> AsyncIterator[Room]:
    """Run an engine in virtual time."""
    loop = asyncio.get_running_loop()
    ids, doorbell, poster = CountingIds(), MemoryDoorbell(), MemoryPoster()
    database = Database(ids, doorbell, Time(source=lambda: START + loop.time()))
    clock = MemoryClock(database.time)
    vv = VideoVector(
        memory.ports(begin=database.begin, clock=clock, ids=ids, doorbell=doorbell, poster=poster), keeping=KEEPING
    )
    engine = asyncio.create_task(vv.engine(Pace(lease=900, renew=300, sweep=300, poll=POLL)).run())
    try:
        yield Room(vv, poster)
    finally:
        engine.cancel()
        await asyncio.gather(engine, return_exceptions=True)


def virtually(scenario: Callable[[Room], Coroutine[Any, Any, None]]) -> None:
    """Play a scenario in virtual time."""

    async def main() -> None:
        async with living() as room:
            await scenario(room)

    simulate(main(), 1)


def test_the_schedule_is_exact() -> None:
    """Without jitter, an attempt is due exactly as long after the one before as the schedule says."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    one = Delivery("del_1", "wh_1", "user_1", "evt_1", "media.created", "{}", now, now)
    waits = []
    while one.completed_at is None:
        one = one.after(Outcome(503, error="down", retry=True), now, spread=0)
        waits.append((one.due_at - now).total_seconds())
        now = one.due_at
    assert (waits[:-1], one.attempts, one.status) == ([30, 120, 600, 3600, 21_600], 6, DeliveryStatus.FAILED)


@pytest.mark.parametrize(
    "failing", [lambda _: Answered(503), lambda _: ProcessingFailed("No.", code="unreachable", transient=True)]
)
def test_what_may_pass_is_tried_six_times(failing: Callable[[Sent], Answered | VideoVectorError]) -> None:
    """After 5xx and network failures the attempts come 30 s, 2 min, 10 min, 1 h and 6 h apart, a tenth more at most."""

    async def scenario(room: Room) -> None:
        room.answers(failing)
        hook = await room.hook()
        await room.tell()
        await asyncio.sleep(60)
        _, (waiting,) = await room.look(hook)
        assert waiting.status is DeliveryStatus.RETRYING
        assert waiting.next_retry_at is not None
        await asyncio.sleep(9 * 3600)
        _, (ended,) = await room.look(hook)
        assert (ended.status, ended.attempts, ended.next_retry_at) == (DeliveryStatus.FAILED, 6, None)
        gaps = [after - before for before, after in zip(room.times, room.times[1:], strict=False)]
        for gap, wanted in zip(gaps, (30, 120, 600, 3600, 21_600), strict=True):
            assert wanted <= gap <= wanted * 1.1 + POLL + 1

    virtually(scenario)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 408, 425, 429, 499])
def test_what_is_final_is_tried_once(status: int) -> None:
    """A redirect is not followed and a 4xx not repeated."""

    async def scenario(room: Room) -> None:
        room.answers(lambda _: Answered(status, {"location": "http://169.254.169.254/"}))
        hook = await room.hook()
        await room.tell()
        await asyncio.sleep(8 * 3600)
        webhook, (ended,) = await room.look(hook)
        assert (ended.status, ended.attempts, len(room.times)) == (DeliveryStatus.FAILED, 1, 1)
        assert (webhook.status, webhook.failure_count) == (WebhookStatus.ACTIVE, 1)

    virtually(scenario)


def test_a_blocked_address_fails_without_its_detail() -> None:
    """What may not be reached is given up at once; the record names the code."""

    async def scenario(room: Room) -> None:
        room.answers(lambda _: ProcessingFailed("It may not be reached.", code="blocked_address"))
        hook = await room.hook()
        await room.tell()
        await asyncio.sleep(8 * 3600)
        _, (ended,) = await room.look(hook)
        assert (ended.status, ended.attempts) == (DeliveryStatus.FAILED, 1)
        assert ended.error_message == "blocked_address: It may not be reached."

    virtually(scenario)


def test_gone_disables() -> None:
    """410 ends a webhook: what waits is given up, and `active` puts it to work again with a clean record."""

    async def scenario(room: Room) -> None:
        room.answers(lambda _: Answered(410))
        hook = await room.hook()
        await room.tell(50)
        await asyncio.sleep(60)
        webhook, found = await room.look(hook)
        assert webhook.status is WebhookStatus.DISABLED
        assert {one.status for one in found} == {DeliveryStatus.FAILED}
        assert len(room.times) <= 8
        room.answers(lambda _: Answered())
        await room.tell()
        await asyncio.sleep(60)
        again = await room.vv.webhooks.update(room.caller, hook.webhook_id, {"status": "active"})
        assert (again.status, again.failure_count) == (WebhookStatus.ACTIVE, 0)
        await room.tell()
        await asyncio.sleep(60)
        _, found = await room.look(hook)
        assert [one.status for one in found].count(DeliveryStatus.DELIVERED) == 1

    virtually(scenario)


def test_twenty_lost_deliveries_in_a_row_disable() -> None:
    """A success in between starts the count anew."""

    async def scenario(room: Room) -> None:
        answers = iter([Answered(404)] * 19 + [Answered()] + [Answered(404)] * 100)
        room.answers(lambda _: next(answers))
        hook = await room.hook()
        for number in range(1, 50):
            await room.tell()
            await asyncio.sleep(61)
            webhook, _ = await room.look(hook)
            assert (webhook.status is WebhookStatus.DISABLED) == (number >= 40), number
            if number == 40:
                return

    virtually(scenario)


def test_a_paused_webhook_holds_for_a_day() -> None:
    """What comes while a webhook is paused is sent when it goes on, and given up after 24 hours."""

    async def scenario(room: Room) -> None:
        room.answers(lambda _: Answered())
        hook = await room.hook()
        await room.vv.webhooks.update(room.caller, hook.webhook_id, {"status": "paused"})
        await room.tell(2)
        await asyncio.sleep(DAY + 2 * 3600)
        await room.tell(3)
        await asyncio.sleep(3600)
        assert not room.times
        await room.vv.webhooks.update(room.caller, hook.webhook_id, {"status": "active"})
        await asyncio.sleep(60)
        _, found = await room.look(hook)
        counted = [one.status for one in found]
        assert (counted.count(DeliveryStatus.DELIVERED), counted.count(DeliveryStatus.FAILED)) == (3, 2)

    virtually(scenario)


def test_a_receiver_that_fails_is_asked_one_at_a_time_and_recovers() -> None:
    """A hundred deliveries do not hammer a receiver that is down, and all arrive when it is back."""

    async def scenario(room: Room) -> None:
        room.answers(lambda _: Answered(500))
        hook = await room.hook()
        await room.tell(100)
        await asyncio.sleep(20)
        assert len(room.times) <= 20
        room.answers(lambda _: Answered())
        await asyncio.sleep(3600)
        webhook, found = await room.look(hook)
        assert {one.status for one in found} == {DeliveryStatus.DELIVERED}
        assert (webhook.failure_count, len(found)) == (0, 100)

    virtually(scenario)


def test_deliveries_and_events_are_forgotten_by_themselves() -> None:
    """A server that runs forgets events and deliveries when their time has come."""

    async def scenario(room: Room) -> None:
        room.answers(lambda _: Answered())
        hook = await room.hook()
        await room.vv.keep_house()
        await room.tell(3)
        await asyncio.sleep(9 * 3600)
        await room.tell()
        assert len((await room.look(hook))[1]) == 3
        await asyncio.sleep(6 * 3600)
        assert len((await room.look(hook))[1]) == 1
        async with room.vv.begin() as tx:
            assert await tx.events.after("user_1", 0, wanted=EventFilter(), limit=10) == []

    virtually(scenario)
