"""Rate limits by credential and category."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.api import error, serving
from videovector_core.access.leases import Limiter
from videovector_core.access.ratelimit import Limits, RateLimits
from videovector_core.testing.buckets import MemoryBuckets


@pytest.fixture
async def api():
    async with serving() as one:
        yield one


def limited(**limits: int) -> dict[str, Any]:
    """Return a context whose limits are these, per minute."""
    rates = RateLimits({name: Limits(count, 10_000) for name, count in limits.items()})
    return {"limiter": Limiter(MemoryBuckets(), rates)}


async def test_requests_over_the_limit_are_429():
    """Each category counts by itself; 429 says when to come back, and X-Forwarded-For changes nothing."""
    async with serving(about=limited(read=3, write=1)) as api:
        answers = [
            await api.client.get("/indexes", headers={"X-Forwarded-For": f"10.0.0.{n}", "Forwarded": f"for={n}"})
            for n in range(5)
        ]
        assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
        assert [one.headers["x-ratelimit-remaining"] for one in answers[:3]] == ["2", "1", "0"]
        assert answers[0].headers["x-ratelimit-limit"] == "3"
        refused = error(answers[3])
        assert refused["code"] == "rate_limit_exceeded"
        assert 1 <= int(answers[3].headers["retry-after"]) == refused["retry_after"] <= 61
        assert (await api.client.post("/indexes", json={"name": "a"})).status_code == 201
        assert (await api.client.post("/indexes", json={"name": "a"})).status_code == 429
        other = await api.as_user("other")
        assert (await api.client.get("/indexes", headers=other)).status_code == 200


async def test_the_status_shows_what_is_left():
    """The status counts by category and window, and asking for it is a read like any other."""
    async with serving(about=limited(read=10, search=5)) as api:
        await api.client.get("/indexes")
        found = (await api.client.get("/rate-limit/status")).json()
        assert set(found["categories"]) == {"read", "search"}
        read = found["categories"]["read"]
        assert (read["minute_used"], read["minute_limit"], read["minute_remaining"]) == (2, 10, 8)
        assert found["user_id"] == api.user_id
        assert isinstance(read["reset_at"], int)
        again = (await api.client.post("/rate-limit/refresh")).json()
        assert again["categories"]["read"]["minute_used"] == 3


async def test_without_limits_nothing_is_listed(api):
    """A server with limits off has no categories to show."""
    assert (await api.client.get("/rate-limit/status")).json()["categories"] == {}
