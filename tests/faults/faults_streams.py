"""Two hundred streams are open when the server is told to stop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from tests.events.stopping import stopped_and_resumed
from tests.faults.plant import temporary
from tests.server import Server

PROMISE = "200 streams open at SIGTERM: the server ends within 30 s, and every stream goes on with no gap and no repeat"
USERS = 20


async def trial(_: int) -> str | None:
    """Open ten streams for each of twenty users, stop and start; return what is wrong, or nothing."""
    with temporary() as folder:
        server = await asyncio.to_thread(Server(folder / "data").start)
        try:
            await stopped_and_resumed(server, await asyncio.to_thread(_keys, server))
        except AssertionError as error:
            return str(error)[:1500] or "a stream missed an event, or had one twice"
        finally:
            server.kill()
    return None


def _keys(server: Server) -> list[str]:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda number: _key(server, number), range(USERS)))


def _key(server: Server, number: int) -> str:
    return server.run("keys", "create", "--user", f"user-{number}", "--name", "streams", "--scopes", "write")
