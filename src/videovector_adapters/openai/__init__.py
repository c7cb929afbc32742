"""Models behind any OpenAI-compatible endpoint."""

from __future__ import annotations

from videovector_adapters.openai.documents import OpenAIDocuments
from videovector_adapters.openai.endpoint import Endpoint

__all__ = ["Endpoint", "OpenAIDocuments"]
