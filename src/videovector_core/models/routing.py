"""One extractor in front of several: each question goes to the model that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

from videovector_core.errors import ProcessingFailed
from videovector_core.models.ports import Extraction, ExtractionRequest, Extractor, SynthesisRequest, Synthesizer


class Documents(Extractor, Synthesizer, Protocol):
    """Whoever fills schemas, of segments and of whole media items."""


@frozen
class ByModel:
    """`Extractor` and `Synthesizer` that ask whoever is served under the model's name."""

    served: Mapping[str, Documents]
    default: str

    async def extract(self, request: ExtractionRequest) -> Extraction:
        """Ask the model that the request names."""
        return await self._of(request.model).extract(request)

    async def synthesize(self, request: SynthesisRequest) -> Extraction:
        """Ask the model that the request names."""
        return await self._of(request.model).synthesize(request)

    def _of(self, model: str) -> Documents:
        if model not in self.served:
            # a run outlives a change of the settings
            raise ProcessingFailed(f"The model {model} is no longer served; run the prompt again.", code="model_error")
        return self.served[model]
