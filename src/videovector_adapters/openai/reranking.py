"""A reranker at an endpoint: `POST /rerank`, as the servers of open models and several vendors offer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import define

from videovector_adapters.openai.endpoint import Endpoint, readable, translated
from videovector_core.errors import ProcessingFailed

MAX_CHARACTERS: Final = 4_000
"""Of one text: such models read some hundred words."""


@define
class OpenAIReranker:
    """`Reranker` that sends `{model, query, documents}` and reads `results` of `{index, relevance_score}`."""

    endpoint: Endpoint

    @property
    def model(self) -> str:
        """How logs call the model."""
        return self.endpoint.model

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one score for each text, higher is better.

        Raises:
            ProcessingFailed: the endpoint failed, or left a text without a score.
        """
        documents = [readable(text, MAX_CHARACTERS) for text in texts]
        body = {"model": self.endpoint.name, "query": query, "documents": documents, "top_n": len(texts)}
        with translated(self.model):
            answer = await self.endpoint.client.post("/rerank", cast_to=object, body=body)
        try:
            found = {int(one["index"]): float(one["relevance_score"]) for one in _results(answer)}
            return [found[place] for place in range(len(texts))]
        except (KeyError, TypeError, ValueError) as error:
            raise ProcessingFailed(f"{self.model} did not score every text.", code="model_error") from error


def _results(answer: Any) -> Sequence[Any]:
    return answer["results"] if isinstance(answer, dict) else answer  # type: ignore[no-any-return]  # JSON
