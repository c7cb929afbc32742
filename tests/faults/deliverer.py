"""A process that does nothing but hand over events and deliver them, to be killed: `python -m tests.faults.deliverer DSN`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from ipaddress import ip_network

from videovector_adapters import memory
from videovector_adapters.egress import Egress
from videovector_adapters.postgres.database import Database
from videovector_adapters.wiring import RandomIds, SystemClock
from videovector_core.app import VideoVector
from videovector_core.work import Engine, Pace


@contextlib.asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[VideoVector]:
    """Put an application over a database together that may reach the loopback."""
    async with Database.open(dsn, RandomIds()) as database:
        yield VideoVector(
            memory.ports(
                begin=database.begin,
                clock=SystemClock(),
                ids=RandomIds(),
                doorbell=database.doorbell,
                poster=Egress((ip_network("127.0.0.0/8"),)),
            )
        )


def deliverer(vv: VideoVector, lease: float) -> Engine:  # type: ignore[type-arg]  # of whatever the application has
    """Return an engine that only tells webhooks."""
    kinds = {name: kind for name, kind in vv.kinds.items() if name.startswith("webhook.")}
    return Engine(vv.begin, kinds, vv.ports.doorbell, Pace.for_lease(lease))


async def main() -> None:
    """Deliver until killed."""
    async with opened(sys.argv[1]) as vv:
        await deliverer(vv, 1.0).run()


if __name__ == "__main__":
    asyncio.run(main())
