"""Webhooks over PostgreSQL and in memory keep the same promises; writers that commit out of order skip nobody."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import define, field

from tests.faults import faults_webhooks
from tests.http.api import serving
from tests.postgres import postgres_dsn, postgres_server
from videovector_adapters.memory.webhooks import Answered, MemoryPoster
from videovector_adapters.postgres.database import Database
from videovector_adapters.wiring import RandomIds, SystemClock
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_core.events.model import EventFilter, NewEvent
from videovector_core.events.stream import Place
from videovector_core.webhooks.model import DeliveryStatus

__all__ = ["postgres_dsn", "postgres_server"]

pytestmark = pytest.mark.real
URL = "https://receiver.example/hook"


@define
class Room:
    """An application over a database, a tenant, and whoever receives."""

    vv: VideoVector
    caller: Caller
    poster: MemoryPoster = field(init=False)

    def __attrs_post_init__(self) -> None:
        assert isinstance(self.vv.ports.poster, MemoryPoster)
        self.poster = self.vv.ports.poster

    async def tell(self, count: int = 1) -> list[str]:
        """Append events in one transaction."""
        async with self.vv.begin() as tx:
            kept = await tx.events.append(
                self.caller.user_id, [NewEvent("media.created", {"n": n}) for n in range(count)]
            )
            return [event.event_id for event in kept]

    async def hook(self, url: str = URL, **more: Any) -> Any:
        """Make a webhook."""
        return (await self.vv.webhooks.create(self.caller, name="w", url=url, events=["media.created"], **more)).webhook

    async def settled(self, webhook_id: str, count: int) -> list[Any]:
        """Wait until so many deliveries of a webhook have ended."""
        while True:
            async with self.vv.begin() as tx:
                found = await tx.deliveries.of(webhook_id, status=None, limit=10_000)
            ended = [one for one in found if one.completed_at is not None]
            if len(ended) >= count:
                return ended
            await asyncio.sleep(0.02)


@pytest.fixture(params=["memory", "postgres"])
def dsn(request: pytest.FixtureRequest) -> str | None:
    """A database of its own, or none for the tables in memory."""
    return request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None


@pytest.fixture
async def room(dsn: str | None) -> AsyncIterator[Room]:
    """An application whose engine runs, in memory and over PostgreSQL."""
    async with contextlib.AsyncExitStack() as stack:
        instead: dict[str, Any] = {}
        if dsn is not None:
            database = await stack.enter_async_context(Database.open(dsn, RandomIds()))
            instead = {"begin": database.begin, "clock": SystemClock(), "ids": RandomIds(),
                       "doorbell": database.doorbell}  # fmt: skip
        api = await stack.enter_async_context(serving(**instead))
        yield Room(api.vv, Caller(api.user_id))


async def test_every_event_reaches_every_webhook_once(room: Room) -> None:
    """What is committed after a webhook was made arrives, whatever else is going on."""
    hooks = [await room.hook(f"https://r{n}.example/") for n in range(3)]
    told = [event_id for _ in range(20) for event_id in await room.tell(5)]
    for hook in hooks:
        ended = await room.settled(hook.webhook_id, 100)
        assert sorted(one.event_id for one in ended) == sorted(told)
        assert {one.status for one in ended} == {DeliveryStatus.DELIVERED}
    assert len(room.poster.sent) == 300


async def test_what_is_stored_is_what_was_sent(room: Room) -> None:
    """A delivery keeps the exact text, whatever is in it."""
    hook = await room.hook(metadata={"\u0000": "\ud800", "e": 1e22, "z": -0.0})
    await room.tell()
    (ended,) = await room.settled(hook.webhook_id, 1)
    assert room.poster.sent[0].body == ended.body.encode()
    assert (await room.vv.webhooks.get(room.caller, hook.webhook_id)).metadata == hook.metadata


async def test_the_row_of_a_creation_key_is_one(room: Room) -> None:
    """Sixteen requests at once with one key make one webhook and answer alike."""
    made = await asyncio.gather(
        *(
            room.vv.webhooks.create(room.caller, name="w", url=URL, events=["media.created"], key="k", fingerprint="f")
            for _ in range(16)
        )
    )
    assert len({one.webhook.webhook_id for one in made}) == 1
    assert len({one.secret for one in made}) == 1
    assert sum(not one.replayed for one in made) == 1
    await room.vv.webhooks.delete(room.caller, made[0].webhook.webhook_id)
    again = await room.vv.webhooks.create(
        room.caller, name="w", url=URL, events=["media.created"], key="k", fingerprint="f"
    )
    assert (again.webhook.webhook_id, again.replayed) == (made[0].webhook.webhook_id, False)
    assert again.secret != made[0].secret


async def test_a_changed_webhook_is_kept_as_it_was_changed(room: Room) -> None:
    """Every field comes back as it was saved."""
    hook = await room.hook(index_ids=["idx_1"])
    await room.vv.webhooks.rotate(room.caller, hook.webhook_id)
    changed = await room.vv.webhooks.update(room.caller, hook.webhook_id, {"index_ids": None, "name": "other"})
    assert await room.vv.webhooks.get(room.caller, hook.webhook_id) == changed
    assert (changed.previous_secret, changed.index_ids) == (hook.secret, None)


async def test_old_deliveries_and_events_are_forgotten_and_what_waits_is_not(room: Room) -> None:
    """Retention removes what ended long ago, and no event before it was handed over."""
    hook = await room.hook()
    await room.tell(3)
    await room.settled(hook.webhook_id, 3)
    now = room.vv.ports.clock.now()
    async with room.vv.begin() as tx:
        assert await tx.webhooks.waiting(now) == []
        await tx.webhooks.move(room.caller.user_id, 1)
        assert await tx.webhooks.waiting(now) == [room.caller.user_id]
        await tx.webhooks.move(room.caller.user_id, 3)
        assert await tx.deliveries.forget(now, 2) == 2
        assert await tx.deliveries.forget(now, 2) == 1
    await room.vv.keep_house()
    async with room.vv.begin() as tx:
        assert await tx.work.pending("events.retention", prefix="") == 1


async def test_one_stuck_receiver_among_fifty_delays_nobody(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that never answers holds one place; the others get everything meanwhile."""
    stuck = asyncio.Event()
    answering = room.poster.post

    async def post(_: MemoryPoster, url: str, *arguments: Any, **options: Any) -> Answered:
        if "stuck" in url:
            await stuck.wait()
        return await answering(url, *arguments, **options)

    monkeypatch.setattr(MemoryPoster, "post", post)
    bad = await room.hook("https://stuck.example/")
    hooks = [await room.hook(f"https://r{n}.example/") for n in range(49)]
    for _ in range(4):
        await room.tell(5)
    for hook in hooks:
        assert len(await room.settled(hook.webhook_id, 20)) == 20
    async with room.vv.begin() as tx:
        waiting = await tx.deliveries.of(bad.webhook_id, status=None, limit=100)
    assert {one.status for one in waiting} == {DeliveryStatus.PENDING}
    stuck.set()
    await room.settled(bad.webhook_id, 20)


async def test_sixteen_writers_that_commit_out_of_order_skip_nobody(room: Room) -> None:
    """A reader that follows while writers hold their transactions open gets the log, and nothing twice."""
    received: list[str] = []
    hook = await room.hook()

    async def follow() -> None:
        async for found in room.vv.streams.follow(room.caller.user_id, Place(0, ""), EventFilter(), batch=7):
            received.extend(event.event_id for event in found)
            if len(received) >= 16 * 10:
                return

    async def write(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(10):
            async with room.vv.begin() as tx:
                await tx.work.counts()
                await asyncio.sleep(chance.random() * 0.01)
                await tx.events.append(room.caller.user_id, [NewEvent("media.created")])
                await asyncio.sleep(chance.random() * 0.005)

    reader = asyncio.create_task(follow())
    await asyncio.gather(*(write(seed) for seed in range(16)))
    await asyncio.wait_for(reader, 30)
    async with room.vv.begin() as tx:
        log = await tx.events.after(room.caller.user_id, 0, wanted=EventFilter(), limit=1000)
    assert received == [event.event_id for event in log]
    ended = await room.settled(hook.webhook_id, 160)
    assert sorted(one.event_id for one in ended) == sorted(received)


@pytest.mark.parametrize("seed", range(2))
async def test_a_deliverer_that_is_killed_loses_nothing(seed: int) -> None:
    """A sample of the fault trials that `make faults` runs many of."""
    assert await faults_webhooks.trial(seed) is None
