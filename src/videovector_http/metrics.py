"""Numbers for Prometheus: requests by route, and background work by kind. No label is ever what a client wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field
from litestar import Request, Response, get
from litestar.di import NamedDependency
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from videovector_core.access.model import Scope
from videovector_core.access.secrets import Secret
from videovector_core.errors import Unauthenticated
from videovector_http.context import Context
from videovector_http.gate import PUBLIC, allow

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@define
class Metrics:
    """What one application counts, in a registry of its own."""

    registry: CollectorRegistry = field(factory=CollectorRegistry)
    requests: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    work: Gauge = field(init=False)

    def __attrs_post_init__(self) -> None:
        where = self.registry
        self.requests = Counter(
            "videovector_requests", "Requests answered.", ("method", "route", "status"), registry=where
        )
        self.seconds = Histogram(
            "videovector_request_seconds",
            "Seconds until the whole answer was sent.",
            ("method", "route"),
            registry=where,
            buckets=_BUCKETS,
        )
        self.work = Gauge("videovector_work_items", "Background work by state.", ("kind", "state"), registry=where)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        method = method if method in _METHODS else "OTHER"
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)

    def rendered(self, work: Mapping[tuple[str, Any], int]) -> bytes:
        """Write everything in the text format of Prometheus."""
        self.work.clear()
        for (kind, state), count in work.items():
            self.work.labels(kind, str(state)).set(count)
        return generate_latest(self.registry)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@get("/metrics", opt={"scope": PUBLIC}, include_in_schema=True, media_type="text/plain")
async def metrics(
    request: Request[Any, Any, Any], context: NamedDependency[Context], counted: NamedDependency[Metrics]
) -> Response[bytes]:
    """Numbers of this process for Prometheus: with the bearer of VIDEOVECTOR_METRICS_TOKEN, or an admin credential."""
    await _admitted(context, dict(request.headers))
    async with context.vv.begin() as tx:
        work = await tx.work.counts()
    return Response(counted.rendered(work), media_type="text/plain; version=0.0.4")


async def _admitted(context: Context, headers: dict[str, str]) -> None:
    if context.metrics_token is None:
        allow(await context.caller(headers), Scope.ADMIN)
    elif Secret(headers.get("authorization", "").removeprefix("Bearer ").strip()) != context.metrics_token:
        raise Unauthenticated("Send the bearer of VIDEOVECTOR_METRICS_TOKEN.")


ROUTES = [metrics]
