"""A doorbell that also rings through the broker.

Rings are sent by a thread of its own, so that a broker that is slow or away holds up nobody; those that come while one
is being sent are sent together.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Final

from attrs import define, field
from dramatiq import Broker

from videovector_adapters.dramatiq.broker import QUEUE, look
from videovector_core.ports import Doorbell
from videovector_core.work import DOORBELL

log = logging.getLogger(__name__)

_TOGETHER: Final = 0.05
"""Seconds that rings are collected before one is sent."""
_AGAIN: Final = 2.0


@define
class BrokerDoorbell:
    """`Doorbell` over `near`, which reaches this machine or this database, and a broker, which reaches the workers."""

    near: Doorbell
    broker: Broker
    _rung: threading.Event = field(factory=threading.Event, init=False)
    _stopped: threading.Event = field(factory=threading.Event, init=False)
    _waiting: set[asyncio.Event] = field(factory=set, init=False)

    def ring(self, topic: str) -> None:
        self.near.ring(topic)
        if topic == DOORBELL:
            self._rung.set()

    async def wait(self, topic: str, seconds: float) -> bool:
        if topic != DOORBELL:
            return await self.near.wait(topic, seconds)
        heard = asyncio.Event()
        self._waiting.add(heard)
        waits = [asyncio.ensure_future(self.near.wait(topic, seconds)), asyncio.ensure_future(heard.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return heard.is_set() or waits[0].result()
        finally:
            self._waiting.discard(heard)
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def hear(self) -> None:
        """Wake those who wait here: a ring came in through the broker. To be called on their event loop."""
        for heard in self._waiting:
            heard.set()

    @contextlib.contextmanager
    def sending(self) -> Iterator[BrokerDoorbell]:
        """Send rings for as long as the context lasts."""
        thread = threading.Thread(target=self._send_all, name="doorbell", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            self._rung.set()
            thread.join(1)

    def _send_all(self) -> None:
        while True:
            self._rung.wait()
            if self._stopped.wait(_TOGETHER):
                return
            self._rung.clear()
            try:
                self.broker.declare_queue(QUEUE)
                self.broker.enqueue(look(DOORBELL))
            except Exception as error:  # noqa: BLE001 - whatever the broker does, work is found without it
                log.warning("the broker cannot be rung (%s); workers look by themselves", type(error).__name__)
                if self._stopped.wait(_AGAIN):
                    return
