"""From results to embedding rows, and from embedding rows to the vector engine."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from attrs import evolve, frozen

from videovector_core.errors import VideoVectorError
from videovector_core.media.model import MediaItem
from videovector_core.models.bundle import Models
from videovector_core.models.cache import CacheTx, content_key
from videovector_core.models.ports import TextEmbedder, Vector
from videovector_core.ports import Begin
from videovector_core.prompts.render import indexed_leaves
from videovector_core.runs.evidence import FrameVectors
from videovector_core.runs.keeping import KeepingTx, keep
from videovector_core.runs.model import Run, SegmentResult, VideoResult
from videovector_core.vectors.lexical import document_weights
from videovector_core.vectors.ports import Point, PointKind, VectorIndex
from videovector_core.vectors.rows import SearchTx, pack, point_id, unpack

log: Final = logging.getLogger(__name__)
BATCH: Final = 256
Dense: TypeAlias = "Mapping[str, Vector]"


class VectorsTx(SearchTx, CacheTx, Protocol):
    """The slice of a transaction that vectors touch."""


@frozen
class Vectorizer:
    """Makes the points of a result. The same texts are embedded once for each tenant."""

    begin: Begin[KeepingTx]
    models: Models

    async def segment_points(
        self, run: Run, item: MediaItem, result: SegmentResult, frames: FrameVectors
    ) -> list[Point]:
        """Make the points of a segment result: its text, each enabled string leaf, and its sampled frames."""
        prompt = run.prompt
        disabled = prompt.semantic_indexing.disabled_segment_fields
        leaves = indexed_leaves(result.metadata or {}, prompt.json_schema, disabled) if result.metadata else []
        texts = [result.metadata_text] if result.metadata_text else []
        vectors = await self._embed(item, [*texts, *(leaf.value for leaf in leaves)])
        owner = result.segment_id
        points = []
        if texts:
            points.append(self._text_point(run, item, PointKind.SEGMENT, owner, result.metadata_text, vectors[0]))
        for leaf, vector in zip(leaves, vectors[len(texts) :], strict=True):
            identity = point_id(run.user_id, run.run_id, owner, PointKind.LEAF, leaf.instance_key)
            bare = _bare(run, item, identity, PointKind.LEAF, owner)
            points.append(evolve(bare, field_path=leaf.path, instance_key=leaf.instance_key, dense=vector))
        return [*points, *self._frames(run, item, owner, frames)]

    async def video_points(self, run: Run, item: MediaItem, result: VideoResult) -> list[Point]:
        """Make the points of a media-level result."""
        if not result.metadata_text:
            return []
        (vector,) = await self._embed(item, [result.metadata_text])
        return [self._text_point(run, item, PointKind.VIDEO, item.video_id, result.metadata_text, vector)]

    def _text_point(self, run: Run, item: MediaItem, kind: PointKind, owner: str, text: str, dense: Dense) -> Point:
        identity = point_id(run.user_id, run.run_id, owner, kind)
        bare = _bare(run, item, identity, kind, owner)
        return evolve(bare, dense=dense, sparse=document_weights(text))

    def _frames(self, run: Run, item: MediaItem, owner: str, frames: FrameVectors) -> list[Point]:
        points = []
        for place, time in enumerate(frames.times):
            packed = {space: vectors[place] for space, vectors in frames.packed.items()}
            identity = point_id(run.user_id, run.run_id, owner, PointKind.FRAME, f"{time:.3f}")
            bare = _bare(run, item, identity, PointKind.FRAME, owner)
            points.append(evolve(bare, time=time, dense=unpack(packed)))
        return points

    async def _embed(self, item: MediaItem, texts: Sequence[str]) -> list[Dense]:
        """Return the vectors of each text by space: of the model that is searched with, and of those that come along.

        One that comes along and fails is left out, since nothing is searched with it yet; filling its space makes up.
        """
        if not texts:
            return []
        main = self.models.text
        dense: list[Dense] = [{main.space: vector} for vector in await self._by(main, item, texts)]
        for model in self.models.also:
            try:
                vectors = await self._by(model, item, texts)
            except VideoVectorError:
                log.warning("no vectors of %s; make up for it with: videovector reembed", model.space)
                continue
            dense = [{**known, model.space: vector} for known, vector in zip(dense, vectors, strict=True)]
        return dense

    async def _by(self, model: TextEmbedder, item: MediaItem, texts: Sequence[str]) -> list[Vector]:
        space = model.space
        key = content_key("text-vectors", space=space, texts=list(texts))
        async with self.begin() as tx:
            kept = await tx.cache.get(item.user_id, key)
        if kept is None:
            vectors = await model.embed(texts)
            kept = [base64.b64encode(pack({space: vector})[space]).decode() for vector in vectors]
            async with self.begin() as tx:
                await keep(tx, item.user_id, item.video_id, key, sha256=item.sha256, value=kept)
        return [unpack({space: base64.b64decode(vector)})[space] for vector in kept]


@frozen
class Relay:
    """Pays the engine what the embedding rows owe it."""

    begin: Begin[SearchTx]
    engine: VectorIndex

    async def pay_all(self) -> AsyncIterator[int]:
        """Pay what is owed for all runs, and say after each batch how many points it had."""
        while True:
            async with self.begin() as tx:
                indebted = await tx.embeddings.indebted(limit=100)
            if not indebted:
                return
            for _, run_id in indebted:
                while paid := await self.pay(run_id):
                    yield paid

    async def pay(self, run_id: str) -> int:
        """Write and delete one batch of a run's points; return how many there were, 0 when nothing is owed."""
        async with self.begin() as tx:
            owed = await tx.embeddings.owed(run_id, limit=BATCH)
            doomed = await tx.embeddings.doomed(limit=BATCH, run_id=run_id)
        if owed:
            await self.engine.upsert(owed)
        if doomed:
            await self.engine.delete(doomed)
        async with self.begin() as tx:
            await tx.embeddings.learned(owed)
            await tx.embeddings.forgotten(doomed)
        return len(owed) + len(doomed)


def _bare(run: Run, item: MediaItem, identity: str, kind: PointKind, owner: str) -> Point:
    return Point(
        id=identity,
        kind=kind,
        user_id=run.user_id,
        run_id=run.run_id,
        video_id=item.video_id,
        index_id=item.index_id,
        segment_id=None if kind is PointKind.VIDEO else owner,
    )
