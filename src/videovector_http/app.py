"""The public surface as one ASGI application."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Request, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from videovector_core import __version__
from videovector_core.access.model import Caller
from videovector_http import (
    access,
    health,
    imports,
    indexes,
    markers,
    media,
    metrics,
    prompts,
    ratelimits,
    runs,
    search,
    usage,
)
from videovector_http.bodies import MAX_JSON
from videovector_http.context import Context
from videovector_http.errors import handler
from videovector_http.gate import Gate
from videovector_http.metrics import Metrics
from videovector_http.outer import Outer
from videovector_http.receipts import Receipts
from videovector_http.sse import ROUTES as STREAM
from videovector_http.webhooks import ROUTES as WEBHOOKS

PAGES = (access, indexes, media, imports, prompts, runs, search, markers, usage, ratelimits)


def create_app(context: Context) -> Outer:
    """Make the application around one context."""
    receipts = Receipts(context.vv, context.sealer)
    counted = Metrics()

    async def provide_context() -> Context:
        return context

    async def provide_receipts() -> Receipts:
        return receipts

    async def provide_metrics() -> Metrics:
        return counted

    async def provide_caller(request: Request[Any, Any, Any]) -> Caller:
        caller: Caller = request.scope["state"]["caller"]
        return caller

    api = Router("/api/v2", route_handlers=[route for page in PAGES for route in page.ROUTES] + STREAM + WEBHOOKS)
    app = Litestar(
        route_handlers=[*health.ROUTES, *metrics.ROUTES, api],
        middleware=[Gate(context, receipts)],
        dependencies={
            "context": Provide(provide_context),
            "receipts": Provide(provide_receipts),
            "caller": Provide(provide_caller),
            "counted": Provide(provide_metrics),
        },
        exception_handlers={Exception: handler},
        request_max_body_size=MAX_JSON,
        logging_config=None,  # the process decides how it logs
        openapi_config=OpenAPIConfig(
            "VideoVector", __version__, path="/api/v2/openapi", render_plugins=[JsonRenderPlugin()]
        ),
    )
    return Outer(app, counted)
