"""Models behind any OpenAI-compatible endpoint."""

from __future__ import annotations

from videovector_adapters.extras import requires

requires("openai", "openai")

from videovector_adapters.openai.chat import OpenAIChat  # noqa: E402 - says first what is missing
from videovector_adapters.openai.dialects import Dialect  # noqa: E402 - says first what is missing
from videovector_adapters.openai.documents import OpenAIDocuments  # noqa: E402 - says first what is missing
from videovector_adapters.openai.embeddings import OpenAITextEmbedder  # noqa: E402 - says first what is missing
from videovector_adapters.openai.endpoint import Endpoint  # noqa: E402 - says first what is missing
from videovector_adapters.openai.reranking import OpenAIReranker  # noqa: E402 - says first what is missing
from videovector_adapters.openai.speech import OpenAITranscriber  # noqa: E402 - says first what is missing

__all__ = [
    "Dialect",
    "Endpoint",
    "OpenAIChat",
    "OpenAIDocuments",
    "OpenAIReranker",
    "OpenAITextEmbedder",
    "OpenAITranscriber",
]
