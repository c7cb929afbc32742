"""A second opinion on the best hits of a search by words: a model that reads query and text together."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from typing import Final

from attrs import evolve

from videovector_core.errors import VideoVectorError
from videovector_core.models.ports import Reranker
from videovector_core.search.fusion import Part
from videovector_core.search.model import Hit

log: Final = logging.getLogger(__name__)
POOL: Final = 50
"""Hits that are read at least, so that a good one may come up from below those wanted."""
SECONDS: Final = 5.0
"""How long a search waits for the second opinion before it goes on without."""


async def reranked(model: Reranker, query: str, hits: Sequence[Hit], *, seconds: float = SECONDS) -> list[Hit]:
    """Put hits in the order of the model's scores, ties in the order they had, and say so in their parts.

    When the model fails or takes too long the hits stay as they are: a search does not depend on it.
    """
    if not hits:
        return []
    try:
        async with asyncio.timeout(seconds):
            scores = await model.rerank(query, [hit.text for hit in hits])
    except (VideoVectorError, TimeoutError):
        log.warning("%s gave no second opinion; the hits stay in their order", model.model, exc_info=True)
        return list(hits)
    if len(scores) != len(hits) or not all(map(math.isfinite, scores)):
        log.warning("%s gave scores that cannot be used; the hits stay in their order", model.model)
        return list(hits)
    order = sorted(range(len(hits)), key=lambda place: (-scores[place], place))
    return [
        evolve(hits[place], reranked=scores[place], parts={**hits[place].parts, "reranker": Part(rank, 1.0, 0.0)})
        for rank, place in enumerate(order, start=1)
    ]
