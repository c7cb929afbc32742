"""How much of the rate limits is left."""

from __future__ import annotations

from litestar import get, post
from litestar.di import NamedDependency

from videovector_core.access.model import Caller
from videovector_core.access.ratelimit import CATEGORIES, Standing
from videovector_http.context import Context
from videovector_http.gate import OWN
from videovector_http.wire.usage import RateLimitCategoryStatus, RateLimitStatus

PLAN = "self-hosted"


@get("/rate-limit/status", opt={"scope": OWN})
async def status(context: NamedDependency[Context], caller: NamedDependency[Caller]) -> RateLimitStatus:
    """Say how much of each category is left; categories without limits are not listed."""
    return await _status(context, caller)


@post("/rate-limit/refresh", opt={"scope": OWN, "keyed": False}, status_code=200)
async def refresh(context: NamedDependency[Context], caller: NamedDependency[Caller]) -> RateLimitStatus:
    """Read the limits anew; here they are one setting of the server, so this is the status."""
    return await _status(context, caller)


async def _status(context: Context, caller: Caller) -> RateLimitStatus:
    found = {}
    if context.limiter is not None:
        for name in CATEGORIES:
            standing = await context.limiter.standing(caller.key_id or caller.user_id, name)
            if standing is not None:
                found[name] = _category(standing)
    return RateLimitStatus(user_id=caller.user_id, plan_id=PLAN, categories=found)


def _category(standing: Standing) -> RateLimitCategoryStatus:
    minute, hour = standing.minute, standing.hour
    return RateLimitCategoryStatus(
        minute_used=minute.used,
        minute_limit=minute.limit,
        minute_remaining=minute.remaining,
        hour_used=hour.used,
        hour_limit=hour.limit,
        hour_remaining=hour.remaining,
        reset_at=standing.tightest.reset_at,
    )


ROUTES = [status, refresh]
