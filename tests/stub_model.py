"""The shipped stub endpoint, under the name by which tests know it."""

from __future__ import annotations

from videovector_http.stub import Call, Reply, Script, StubModel, filled
from videovector_http.stub.answers import WORDS

__all__ = ["WORDS", "Call", "Reply", "Script", "StubModel", "filled"]
