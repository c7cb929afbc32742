"""A trivial authenticated GET through the whole stack against a bare handler with the same read, in the same process and on the same database."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

from litestar import Litestar, get

from tests.bench.rows import Row
from tests.http.api import Api, serving
from videovector_adapters.postgres.database import Database, PgBuckets
from videovector_adapters.postgres.embedded import EmbeddedPostgres
from videovector_adapters.postgres.migrate import migrate
from videovector_adapters.wiring import RandomIds
from videovector_core.access.leases import Limiter
from videovector_core.access.model import Caller
from videovector_core.access.ratelimit import Limits, RateLimits
from videovector_http import logs

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
    with Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230 - nothing waits for it
        async with serving(about=about, **ports) as api:
            return await _both(api, database, nowhere)


async def _both(api: Api, database: Database, nowhere: TextIO) -> list[Row]:
    """Compare without and with the line that each request leaves in the log."""
    index = await api.vv.indexes.create(Caller(api.user_id), name="bench")

    @get("/indexes/{index_id:str}")
    async def bare(index_id: str) -> dict[str, Any]:
        async with database.begin() as tx:
            found = await tx.indexes.get(api.user_id, index_id)
        return {"index_id": found.index_id, "name": found.name} if found else {}

    simple = Litestar([bare], openapi_config=None, logging_config=None)
    headers = dict(api.client.headers)
    rows = []
    for level, told in (("warning", "and no line in the log"), ("info", "and a line of JSON in the log")):
        _log(level, nowhere)
        ratios, rate = [], (0.0, 0.0)
        for _ in range(TURNS):
            ours = await _rate(api.app, f"/api/v2/indexes/{index.index_id}", headers)
            theirs = await _rate(simple, f"/indexes/{index.index_id}", {})
            ratios.append(ours / theirs)
            rate = (ours, theirs)
        middle = sorted(ratios)[len(ratios) // 2]
        last = f"last turn {rate[0]:.0f} against {rate[1]:.0f} requests/s"
        beside = f"a bare handler with the same read; {last}; at least 0.5"
        rows.append(Row(f"authenticated GET, the whole stack {told}", middle, "x", beside))
    return rows


def _log(level: str, nowhere: TextIO) -> None:
    """Log as a server does, to nowhere."""
    with contextlib.redirect_stderr(nowhere):
        logs.configure(level, "json")


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
