"""The public surface as one ASGI application."""

from __future__ import annotations

import asyncio
import functools
from typing import Any, Final

from litestar import Litestar, Request, Router
from litestar.di import NamedDependency, Provide

from videovector_core.access.model import Caller
from videovector_http import (
    access,
    automations,
    chat,
    comparisons,
    connectors,
    exports,
    health,
    imports,
    indexes,
    markers,
    media,
    metrics,
    prompts,
    ratelimits,
    reference,
    runs,
    search,
    sqlsearch,
    sse,
    usage,
    webhooks,
    workflow,
)
from videovector_http.bodies import MAX_JSON
from videovector_http.console import routes as console
from videovector_http.context import Context
from videovector_http.document import document, methods_of
from videovector_http.errors import handler
from videovector_http.gate import Gate
from videovector_http.mcp import pages as mcp_pages
from videovector_http.mcp.inside import Inside
from videovector_http.metrics import Metrics
from videovector_http.outer import Outer
from videovector_http.receipts import Receipts
from videovector_http.reference import Reference
from videovector_http.strict import JsonRequest

PAGES: Final = (
    access,
    indexes,
    media,
    imports,
    prompts,
    runs,
    search,
    sqlsearch,
    chat,
    markers,
    usage,
    ratelimits,
    workflow,
    comparisons,
    mcp_pages,
    sse,
    webhooks,
    connectors,
    exports,
    automations,
    reference,
)
ROUTES: Final[tuple[Any, ...]] = (
    *health.ROUTES,
    *metrics.ROUTES,
    *mcp_pages.AT_THE_ROOT,
    *console.ROUTES,
    Router("/api/v2", route_handlers=[route for page in PAGES for route in page.ROUTES]),
)
PROVIDED: Final = ("context", "receipts", "caller", "counted", "inside", "reference")
"""What routes may ask for by its name."""


@functools.cache
def described() -> Reference:
    """Return the reference of the routes, which takes seconds to write and is the same in every application."""
    return Reference(document(ROUTES, PROVIDED))


def create_app(context: Context) -> Outer:
    """Make the application around one context."""
    receipts = Receipts(context.vv, context.sealer)
    counted = Metrics()
    mcp_inside = Inside(context.public_url)

    async def provide_context() -> Context:
        return context

    async def provide_receipts() -> Receipts:
        return receipts

    async def provide_mcp_inside() -> Inside:
        return mcp_inside

    async def provide_metrics() -> Metrics:
        return counted

    async def provide_caller(request: Request[Any, Any, Any], context: NamedDependency[Context]) -> Caller:
        # after the context and not beside it: for two at once the framework starts two tasks
        del context
        caller: Caller = request.scope["state"]["caller"]
        return caller

    async def provide_reference() -> Reference:
        return await asyncio.to_thread(described)

    provided: dict[str, Any] = {
        "context": provide_context,
        "receipts": provide_receipts,
        "caller": provide_caller,
        "counted": provide_metrics,
        "inside": provide_mcp_inside,
        "reference": provide_reference,
    }
    app = Litestar(
        route_handlers=ROUTES,
        middleware=[Gate(context, receipts)],
        dependencies={name: Provide(provided[name]) for name in PROVIDED},
        exception_handlers={Exception: mcp_pages.challenged(handler, context.public_url)},
        request_class=JsonRequest,
        request_max_body_size=MAX_JSON,
        logging_config=None,  # the process decides how it logs
        openapi_config=None,  # `document` writes it, with what the gate adds
    )
    mcp_inside.app = outer = Outer(app, counted, methods_of(app))
    return outer
