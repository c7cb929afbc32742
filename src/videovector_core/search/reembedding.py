"""Moving to another model of texts: vectors of its space beside the old ones, without asking anything of the engine's users.

A space is a part of its own in the engine, so the new one is filled aside while queries go on in the old one. What is
written meanwhile has vectors of both (`Models.also`); switching is naming the other model, and so is going back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from attrs import frozen

from videovector_core.models.ports import TextEmbedder
from videovector_core.ports import Begin
from videovector_core.prompts.render import indexed_leaves
from videovector_core.runs.model import SegmentResult
from videovector_core.runs.ports import RunsTx
from videovector_core.vectors.ports import Point, PointKind
from videovector_core.vectors.rows import SearchTx

PAGE: Final = 256


class ReembeddingTx(SearchTx, RunsTx, Protocol):
    """The slice of a transaction that new vectors touch."""


@frozen
class Reembedding:
    """Fills the space of a model from the results that are kept, and takes a space away again."""

    begin: Begin[ReembeddingTx]

    async def fill(self, model: TextEmbedder) -> AsyncIterator[int]:
        """Give every text a vector in the model's space; say after each page how many rows got one.

        What was interrupted goes on where it was: rows that have a vector are passed over. A row that changed while it
        was embedded is left to the next walk; walks end when one had nothing to do.
        """
        done = 1
        while done:
            done = 0
            after: str | None = None
            while True:
                async with self.begin() as tx:
                    rows = await tx.embeddings.lacking(model.space, after=after, limit=PAGE)
                    texts = await _texts(tx, rows)
                if not rows:
                    break
                widened = await self._widen(model, [(row, texts[row.id]) for row in rows if texts.get(row.id)])
                after, done = rows[-1].id, done + widened
                yield widened

    async def forget(self, space: str) -> AsyncIterator[int]:
        """Take the vectors of a space away; say after each page from how many rows.

        Rows that were written meanwhile are found by the next walk; walks end when one had nothing to do.
        """
        found = True
        while found:
            found = False
            after: str | None = None
            while True:
                async with self.begin() as tx:
                    narrowed = await tx.embeddings.narrow(space, after=after, limit=PAGE)
                if not narrowed:
                    break
                found, after = True, narrowed[-1]
                yield len(narrowed)

    async def _widen(self, model: TextEmbedder, texts: Sequence[tuple[Point, str]]) -> int:
        if not texts:
            return 0
        vectors = await model.embed([text for _, text in texts])
        async with self.begin() as tx:
            pairs = [(point, vector) for (point, _), vector in zip(texts, vectors, strict=True)]
            return await tx.embeddings.widen(model.space, pairs)


async def _texts(tx: ReembeddingTx, rows: Sequence[Point]) -> dict[str, str]:
    """Return what was embedded for each row, by id; rows whose result is gone are left out."""
    texts: dict[str, str] = {}
    for user_id in {row.user_id for row in rows}:
        mine = [row for row in rows if row.user_id == user_id]
        segments = {(row.run_id, row.segment_id) for row in mine if row.segment_id is not None}
        videos = {(row.run_id, row.video_id) for row in mine if row.kind is PointKind.VIDEO}
        results = {(one.run_id, one.segment_id): one for one in await tx.results.many(user_id, sorted(segments))}
        levels = {(one.run_id, one.video_id): one for one in await tx.results.video_results(user_id, sorted(videos))}
        for row in mine:
            if row.kind is PointKind.VIDEO and (level := levels.get((row.run_id, row.video_id))):
                texts[row.id] = level.metadata_text or ""
            elif row.kind is PointKind.SEGMENT and (one := results.get((row.run_id, row.segment_id or ""))):
                texts[row.id] = one.metadata_text or ""
        texts |= await _leaves(tx, [row for row in mine if row.kind is PointKind.LEAF], results)
    return texts


async def _leaves(
    tx: ReembeddingTx, rows: Sequence[Point], results: dict[tuple[str, str], SegmentResult]
) -> dict[str, str]:
    texts: dict[str, str] = {}
    for run_id in {row.run_id for row in rows}:
        mine = [row for row in rows if row.run_id == run_id]
        run = await tx.runs.get(mine[0].user_id, run_id)
        values: dict[tuple[str | None, str], str] = {}
        for segment_id in {row.segment_id for row in mine}:
            result = results.get((run_id, segment_id or ""))
            if run is not None and result is not None and result.metadata:
                prompt = run.prompt
                disabled = prompt.semantic_indexing.disabled_segment_fields
                for leaf in indexed_leaves(result.metadata, prompt.json_schema, disabled):
                    values[segment_id, leaf.instance_key] = leaf.value
        texts |= {row.id: values.get((row.segment_id, row.instance_key or ""), "") for row in mine}
    return texts
