"""`GET /health`: whether the process lives, and whether what it needs is there."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from videovector_http.wire.base import Shape


class HealthCheck(Shape):
    """One thing that the server needs."""

    status: Literal["ok", "failed"]
    message: str | None = None
    elapsed_ms: float | None = None


class Health(Shape):
    """`draining` means that the server finishes what it has and takes nothing new."""

    status: Literal["ok", "degraded", "draining"]
    version: str
    checks: dict[str, HealthCheck] = field(default_factory=dict)
