"""Traces: a span for each request where an SDK is set up, and none without."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace

from tests.http.api import serving

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Kept(trace.NonRecordingSpan):
    """A span that keeps what it is told."""

    def __init__(self, parent: trace.SpanContext, told: dict[str, Any]) -> None:
        super().__init__(parent)
        self.told = told

    def update_name(self, name: str) -> None:
        self.told["name"] = name

    def set_attribute(self, key: str, value: Any) -> None:
        self.told[key] = value


class Keeping(trace.NoOpTracer):
    """A tracer that keeps its spans."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []

    @contextlib.contextmanager
    def start_as_current_span(self, name: str, *arguments: Any, **given: Any) -> Iterator[trace.Span]:  # type: ignore[override]  # the test's
        parent = trace.get_current_span(given["context"]).get_span_context()
        self.spans.append({"trace": f"{parent.trace_id:032x}", **given["attributes"]})
        yield Kept(parent, self.spans[-1])


async def test_a_request_is_a_span():
    """A span names the route by its template, has the status, continues the client's trace, and holds no id or secret."""
    async with serving() as api:
        api.app.tracer = tracer = Keeping()
        await api.client.get("/indexes/idx_nobody", headers={"traceparent": PARENT})
    assert tracer.spans == [
        {
            "trace": "0af7651916cd43dd8448eb211c80319c",
            "name": "GET /api/v2/indexes/{index_id}",
            "http.request.method": "GET",
            "http.route": "/api/v2/indexes/{index_id}",
            "http.response.status_code": 404,
        }
    ]


async def test_without_an_sdk_there_are_no_spans():
    """Where nothing was set up the application has no tracer at all."""
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        pytest.fail("a test set up traces for the whole process")
    async with serving() as api:
        assert api.app.tracer is None
