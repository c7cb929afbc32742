"""A trivial authenticated GET through the whole stack against a bare handler with the same read, in the same process and on the same database."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from litestar import Litestar, get

from tests.bench.rows import Row
from tests.http.api import serving
from videovector_adapters.postgres.database import Database, PgBuckets
from videovector_adapters.postgres.embedded import EmbeddedPostgres
from videovector_adapters.postgres.migrate import migrate
from videovector_adapters.wiring import RandomIds
from videovector_core.access.leases import Limiter
from videovector_core.access.model import Caller
from videovector_core.access.ratelimit import Limits, RateLimits

REQUESTS = 1000
TURNS = 5
AT_ONCE = 8


async def bench() -> list[Row]:
    """Take turns, so that both sides meet the same machine; report the middle of the ratios."""
    with tempfile.TemporaryDirectory(prefix="videovector-bench-") as folder:
        async with EmbeddedPostgres(Path(folder)) as dsn:
            await migrate(dsn)
            async with Database.open(dsn, RandomIds()) as database:
                return await _compared(database)


async def _compared(database: Database) -> list[Row]:
    rates = RateLimits({name: Limits(10**8, 10**9) for name in ("read", "write")})
    buckets = PgBuckets(database)
    about = {"limiter": Limiter(buckets, rates)}
    ports = {"begin": database.begin, "doorbell": database.doorbell, "buckets": buckets, "ids": RandomIds()}
    async with serving(about=about, **ports) as api:
        index = await api.vv.indexes.create(Caller(api.user_id), name="bench")

        @get("/indexes/{index_id:str}")
        async def bare(index_id: str) -> dict[str, Any]:
            async with database.begin() as tx:
                found = await tx.indexes.get(api.user_id, index_id)
            return {"index_id": found.index_id, "name": found.name} if found else {}

        simple = Litestar([bare], openapi_config=None, logging_config=None)
        ratios, rate = [], (0.0, 0.0)
        for _ in range(TURNS):
            ours = await _rate(api.app, f"/api/v2/indexes/{index.index_id}", dict(api.client.headers))
            theirs = await _rate(simple, f"/indexes/{index.index_id}", {})
            ratios.append(ours / theirs)
            rate = (ours, theirs)
    middle = sorted(ratios)[len(ratios) // 2]
    beside = (
        f"a bare handler with the same read; last turn {rate[0]:.0f} against {rate[1]:.0f} requests/s; at least 0.5"
    )
    return [Row("authenticated GET, the whole stack", middle, "x", beside)]


async def _rate(app: Any, path: str, headers: dict[str, str]) -> float:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    places = iter(range(REQUESTS))
    started = time.perf_counter()

    async def one() -> None:
        for _ in places:
            await _called(app, path, raw)

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return REQUESTS / (time.perf_counter() - started)


async def _called(app: Any, path: str, headers: list[tuple[bytes, bytes]]) -> None:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    statuses: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 200))

    await app(scope, receive, send)
    assert statuses[0] == 200, statuses
