"""Whether the process lives, and whether what it needs is there."""

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
    """200 when the server can take requests: everything that it needs answers, and it is not stopping. Otherwise 503."""
    checks = {
        "database": await _check(_database(context)),
        "vectors": await _check(context.vv.ports.vectors.count()),
    }
    good = all(check.status == "ok" for check in checks.values())
    status = "draining" if context.stopping.is_set() else "ok" if good else "degraded"
    body = Health(status=status, version=__version__, checks=checks)  # type: ignore[arg-type]  # one of the three words
    return Response(body, status_code=200 if status == "ok" else 503)


@get("/health/live", opt={"scope": PUBLIC})
async def live() -> Health:
    """200 as long as the process answers at all; nothing else is asked."""
    return Health(status="ok", version=__version__)


async def _database(context: Context) -> None:
    async with context.vv.begin() as tx:
        await tx.access.user("user_health")


async def _check(attempt: Awaitable[object]) -> HealthCheck:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(3):
            await attempt
    except Exception as error:  # noqa: BLE001 - whatever is wrong is the answer
        return HealthCheck(status="failed", message=type(error).__name__)
    return HealthCheck(status="ok", elapsed_ms=round((time.perf_counter() - started) * 1000, 2))


ROUTES = [health, live]
