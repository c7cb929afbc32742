"""Whether the server lives, and whether what it needs is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from litestar import Response, get
from litestar.di import NamedDependency

from videovector_core import __version__
from videovector_http.context import Context
from videovector_http.gate import PUBLIC
from videovector_http.wire.health import Health, HealthCheck


@get("/health", opt={"scope": PUBLIC})
async def health(context: NamedDependency[Context]) -> Response[Health]:
    """200 when everything that the server needs answers, 503 otherwise."""
    checks = {
        "database": await _check(_database(context)),
        "vectors": await _check(context.vv.ports.vectors.count()),
    }
    good = all(check.status == "ok" for check in checks.values())
    body = Health(status="ok" if good else "degraded", version=__version__, checks=checks)
    return Response(body, status_code=200 if good else 503)


async def _database(context: Context) -> int:
    async with context.vv.begin() as tx:
        return len(await tx.access.users())


async def _check(attempt: Awaitable[object]) -> HealthCheck:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(3):
            await attempt
    except Exception as error:  # noqa: BLE001 - whatever is wrong is the answer
        return HealthCheck(status="failed", message=type(error).__name__)
    return HealthCheck(status="ok", elapsed_ms=round((time.perf_counter() - started) * 1000, 2))


ROUTES = [health]
