"""Traces by OpenTelemetry: a span for each request where an SDK is set up, and nothing done where none is."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from videovector_http.outer import Exchange


def tracer() -> Tracer | None:
    """Return what makes spans; `None` without the API, or when no SDK was set up before the application was made."""
    try:
        from opentelemetry import trace  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    provider = trace.get_tracer_provider()
    return None if isinstance(provider, trace.ProxyTracerProvider) else provider.get_tracer("videovector")


async def traced(tracer: Tracer, exchange: Exchange, serving: Awaitable[None]) -> None:
    """Serve a request within a span, which continues the trace that the client names in `traceparent`.

    Routes are named by their templates; no path, query, header or body that a client wrote is kept, nor any error's text.
    """
    from opentelemetry import propagate, trace  # noqa: PLC0415 - an extra

    method = str(exchange.scope["method"])
    carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.scope["headers"]}
    with tracer.start_as_current_span(
        method,
        context=propagate.extract(carrier),
        kind=trace.SpanKind.SERVER,
        attributes={"http.request.method": method},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            await serving
        finally:
            span.update_name(f"{method} {exchange.route}")
            span.set_attribute("http.route", exchange.route)
            span.set_attribute("http.response.status_code", exchange.status or 500)
