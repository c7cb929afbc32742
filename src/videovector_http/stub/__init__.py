"""An OpenAI-compatible endpoint that makes up its answers: for demonstrations, tests and measurements without a key."""

from __future__ import annotations

from videovector_http.stub.answers import filled
from videovector_http.stub.endpoint import Call, Reply, Script, StubModel, free_port

__all__ = ["Call", "Reply", "Script", "StubModel", "filled", "free_port"]
