"""The doorbell between processes: LISTEN and NOTIFY on one channel, with the topic as the message.

Waiters of this process are woken at once. The others are told after the commit, by a transaction of its own: NOTIFY
inside the working transaction would take a lock that all notifying commits of the server queue for. Rings that come
while one is being sent are sent together. A ring that is lost costs a waiter its patience and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator
from typing import Any, Final

import psycopg
from attrs import define, field

log = logging.getLogger(__name__)

_CHANNEL: Final = "videovector"
_TOGETHER: Final = 0.005
"""Seconds that rings are collected before they are sent."""
_AGAIN: Final = 1.0
_SEND: Final = "SELECT pg_notify(%s, %s || topic) FROM unnest(%s::text[]) AS g (topic)"


@define
class PgDoorbell:
    """`Doorbell` over PostgreSQL; rings and waits work from the start, other processes are reached inside `open`."""

    dsn: str
    origin: str = field(factory=lambda: secrets.token_hex(6))
    _waiting: dict[str, set[asyncio.Event]] = field(factory=dict, init=False)
    _unsent: set[str] = field(factory=set, init=False)
    _rung: asyncio.Event = field(factory=asyncio.Event, init=False)
    _listens: asyncio.Event = field(factory=asyncio.Event, init=False)

    def ring(self, topic: str) -> None:
        self._wake(topic)
        self._unsent.add(topic)
        self._rung.set()

    async def wait(self, topic: str, seconds: float) -> bool:
        event = asyncio.Event()
        waiting = self._waiting.setdefault(topic, set())
        waiting.add(event)
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        else:
            return True
        finally:
            waiting.discard(event)
            if not waiting and self._waiting.get(topic) is waiting:
                del self._waiting[topic]

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[PgDoorbell]:
        """Listen to other processes, and tell them, for as long as the context lasts."""
        tasks = [asyncio.create_task(self._kept(part)) for part in (self._listening, self._sending)]
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._listens.wait(), _AGAIN)
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _wake(self, topic: str) -> None:
        for event in self._waiting.get(topic, ()):
            event.set()

    async def _kept(self, part: Any) -> None:
        """Run a part on a connection of its own, and again on a new one when the database went away."""
        while True:
            with contextlib.suppress(psycopg.Error):
                async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
                    await part(connection)
            log.info("the doorbell lost its connection; trying again")
            await asyncio.sleep(_AGAIN)

    async def _listening(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute(f"LISTEN {_CHANNEL}")
        for topic in list(self._waiting):  # whoever waited while nobody listened looks once for himself
            self._wake(topic)
        self._listens.set()
        async for message in connection.notifies():
            origin, _, topic = message.payload.partition(" ")
            if origin != self.origin:
                self._wake(topic)

    async def _sending(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute("SET synchronous_commit = off")
        while True:
            await self._rung.wait()
            await asyncio.sleep(_TOGETHER)
            self._rung.clear()
            topics, self._unsent = list(self._unsent), set()
            await connection.execute(_SEND, [_CHANNEL, f"{self.origin} ", topics])
