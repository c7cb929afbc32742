"""Text vectors from an endpoint."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import Final

from attrs import define, field

from videovector_adapters.openai.endpoint import Endpoint, readable, translated
from videovector_core.errors import ProcessingFailed
from videovector_core.models.ports import Vector

BATCH: Final = 128
MAX_CHARACTERS: Final = 16_000
"""Of one text; endpoints read some 8,000 tokens."""


@define
class OpenAITextEmbedder:
    """`TextEmbedder` over `/embeddings`; the client asks for base64, which is a quarter of the bytes.

    `size` asks the endpoint for vectors of so many dimensions; without it they are as long as the model makes them.
    """

    endpoint: Endpoint
    size: int | None = None
    dimensions: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.dimensions = self.size or 0

    @property
    def space(self) -> str:
        """The vector space: another model, or another length, is another space."""
        return f"{self.endpoint.model}/{self.size}" if self.size else self.endpoint.model

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector for each text.

        Raises:
            ProcessingFailed: the endpoint failed, or answered with something else than that.
        """
        found: list[Vector] = []
        for start in range(0, len(texts), BATCH):
            found += await self._batch([readable(text, MAX_CHARACTERS) for text in texts[start : start + BATCH]])
        return found

    async def _batch(self, texts: list[str]) -> list[Vector]:
        wanted = {"dimensions": self.size} if self.size else {}
        with translated(self.endpoint.model):
            answer = await self.endpoint.client.embeddings.create(
                model=self.endpoint.name,
                input=texts,
                **wanted,  # type: ignore[arg-type]  # the one key has its type
            )
        rows = sorted(answer.data, key=lambda row: row.index)
        vectors = [_unit(row.embedding) for row in rows]
        self.dimensions = self.dimensions or len(next(iter(vectors), ()))
        if len(vectors) != len(texts) or any(len(vector) != self.dimensions for vector in vectors):
            model = self.endpoint.model
            raise ProcessingFailed(
                f"{model} gave vectors of other numbers or lengths than asked for.", code="model_error"
            )
        return vectors


def _unit(values: Sequence[float]) -> Vector:
    length = math.sqrt(math.fsum(value * value for value in values))
    if not math.isfinite(length) or not length:
        raise ProcessingFailed("The endpoint gave a vector without a direction.", code="model_error")
    return array("f", (value / length for value in values))
