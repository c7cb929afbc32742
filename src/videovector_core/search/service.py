"""The use cases of search: embed the query, find the nearest, hydrate from the rows, explain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from attrs import evolve, frozen

from videovector_core.access.model import Caller
from videovector_core.access.model import Scope as AccessScope
from videovector_core.errors import Invalid, ProcessingFailed, Unavailable
from videovector_core.models.bundle import Models
from videovector_core.models.ports import Vector
from videovector_core.page import After, Page
from videovector_core.ports import Begin
from videovector_core.runs.model import Run
from videovector_core.search import images
from videovector_core.search.checks import check_top_k, checked_query, checked_weights
from videovector_core.search.filters import Filter, check_against
from videovector_core.search.fusion import Fused, fuse
from videovector_core.search.hits import fused_hit, image_hit, text_hit
from videovector_core.search.meanwhile import meanwhile
from videovector_core.search.merging import Aggregation, merge
from videovector_core.search.model import Hit
from videovector_core.search.reranking import POOL, reranked
from videovector_core.search.scoping import Asked, Scoping, SearchUseTx, Where, filter_scope, schemas_of, with_pictures
from videovector_core.search.sides import Side, Words, image_side, text_side
from videovector_core.vectors.lexical import content_words, term_id
from videovector_core.vectors.ports import PointKind, Scope, Scored, VectorIndex

__all__ = ["Search", "SearchUseTx", "Where"]

LITERAL: Final = 100
"""Results that are looked at for literal matches."""
MAX_RUNS: Final = 20
NEWEST_RUNS: Final = 10
HYDRATED: Final = 500
"""Results that are read at once at the most."""
DEEPEST: Final = 8000
"""Points of one ranking that are looked at before a search gives up looking for further hits."""


@frozen
class Search:
    """Find moments. `wanted` narrows a search to results that meet conditions."""

    begin: Begin[SearchUseTx]
    engine: VectorIndex
    models: Models

    @property
    def _scoping(self) -> Scoping:
        return Scoping(self.begin)

    async def text(
        self,
        caller: Caller,
        query: str,
        where: Where,
        *,
        top_k: int = 30,
        search_fields: Sequence[str] = (),
        wanted: Filter = Filter(),  # noqa: B008 - frozen
    ) -> list[Hit]:
        """Find moments by words: dense and lexical rankings of whole texts, and single fields, fused."""
        caller.require(AccessScope.SEARCH)
        query = checked_query(query)
        check_top_k(top_k)
        async with meanwhile(self.models.text.embed([query])) as embedding:
            asked = await self._scoping.asked(caller, where, wanted, search_fields)
            if not asked.runs:
                await self._scoping.count(caller)
                return []
            words = await self._scoping.counted(caller, self._words(asked, query, embedding, search_fields))
        model = self.models.reranker
        most = max(top_k, POOL) if model else top_k
        hits = await self._deep(most, lambda depth: self._by_text(asked, words, depth, most))
        return (await reranked(model, query, hits))[:top_k] if model else hits

    async def image(
        self,
        caller: Caller,
        image: str,
        where: Where,
        *,
        top_k: int = 20,
        wanted: Filter = Filter(),  # noqa: B008 - frozen
    ) -> list[Hit]:
        """Find moments that look like a picture (base64): one hit per segment, at its nearest frame.

        Raises:
            Invalid: the picture cannot be used.
            Unavailable: code `model_unavailable`, where there is no model for pictures.
        """
        caller.require(AccessScope.SEARCH)
        check_top_k(top_k)
        picture = images.picture(image)
        asked = with_pictures(await self._scoping.asked(caller, where, wanted))
        vector = await self._scoping.counted(caller, self._seen(picture))
        if not asked.runs:
            return []

        async def find(depth: int) -> tuple[list[Hit], bool]:
            side = await self._frames(asked, self._image_space, vector, depth)
            return await self._hits(asked, side.ranked, top_k, lambda bare, one: image_hit(bare, one, side)), (
                side.exhausted
            )

        return await self._deep(top_k, find)

    async def multimodal(
        self,
        caller: Caller,
        where: Where,
        *,
        text: str | None = None,
        image: str | None = None,
        text_weight: float = 0.5,
        image_weight: float = 0.5,
        top_k: int = 20,
        search_fields: Sequence[str] = (),
        wanted: Filter = Filter(),  # noqa: B008 - frozen
    ) -> list[Hit]:
        """Find moments by words and a picture: a weighted fusion of both rankings; one alone counts whole.

        Only here do words also find pictures, through the space that both share where there is one: such a find is
        part of the text side, with half the weight of a find by words, and never has a text score.
        """
        caller.require(AccessScope.SEARCH)
        check_top_k(top_k)
        weights = checked_weights(text, image, text_weight, image_weight)
        query = checked_query(text) if text is not None else None
        picture = images.picture(image) if image is not None else None
        asked = await self._scoping.asked(caller, where, wanted, search_fields)
        await self._scoping.count(caller)
        seen = await self._seen(picture) if picture is not None else None
        if not asked.runs:
            return []
        worded = await self._words(asked, query, self.models.text.embed([query]), search_fields) if query else None
        joint = await self._joint(query) if query and not search_fields else None

        async def find(depth: int) -> tuple[list[Hit], bool]:
            words = await self._text_side(asked, worded, depth, joint) if worded else Side()
            looks = await self._frames(with_pictures(asked), self._image_space, seen, depth) if seen else Side()
            ranks = words.ranks
            fused = fuse(
                {"text": words.order, "image": looks.order},
                weights=weights,
                tie=lambda one: ranks.get(one.id, len(ranks) + 1),
            )
            hits = await self._hits(asked, fused, top_k, lambda bare, one: fused_hit(bare, one, words, looks))
            return hits, words.exhausted and looks.exhausted

        return await self._deep(top_k, find)

    async def multi_run(
        self,
        caller: Caller,
        query: str,
        *,
        run_ids: Sequence[str] = (),
        index_id: str | None = None,
        aggregation: Aggregation = Aggregation.BEST,
        top_k: int = 5,
    ) -> list[Hit]:
        """Ask each of several runs the same question and make one list of their best `top_k` hits each."""
        caller.require(AccessScope.SEARCH)
        query = checked_query(query)
        check_top_k(top_k, 50)
        if not run_ids and index_id is None:
            raise Invalid("Neither run_ids nor index_id is given; say which runs to search.", code="validation_run_ids")
        if len(set(run_ids)) > MAX_RUNS:
            raise Invalid(f"More than {MAX_RUNS} runs are given; name fewer.", code="validation_run_ids")
        where = Where(run_ids=tuple(dict.fromkeys(run_ids))) if run_ids else Where(index_id)
        async with meanwhile(self.models.text.embed([query])) as embedding:
            asked = await self._scoping.asked(caller, where, Filter())
            await self._scoping.count(caller)
            runs = list(asked.runs.values())[: None if run_ids else NEWEST_RUNS]
            if not runs:
                return []

            async def one(run: Run) -> list[Hit]:
                alone = asked.of_run(run)
                words = await self._words(alone, query, embedding)
                return await self._deep(top_k, lambda depth: self._by_text(alone, words, depth, top_k))

            found = await asyncio.gather(*(one(run) for run in runs))
        return merge(
            [hit for hits in found for hit in hits], aggregation, {run.run_id: n for n, run in enumerate(runs)}
        )

    async def filter(
        self, caller: Caller, where: Where, wanted: Filter, *, limit: int = 50, after: After | None = None
    ) -> Page[Hit]:
        """Return the results of finished runs that meet conditions, media in order of arrival, then in order of time."""
        caller.require(AccessScope.SEARCH)

        def check(runs: Mapping[str, Run]) -> None:
            check_against(schemas_of(runs.values(), "segment"), wanted)

        runs = await self._scoping.runs(caller, where, check, finished=True)
        await self._scoping.count(caller)
        if not runs:
            return Page(())
        async with self.begin(apart=True) as tx:
            scope = filter_scope(caller, where, runs)
            places = await tx.filters.page(scope, wanted, limit=limit + 1, after=after)
        page = Page.cut(places, limit, lambda place: place.key)
        hits = await self.hydrate(caller, runs, [f"segment:{one.segment_id}:{one.run_id}" for one in page.items])
        found = (hits.get(f"segment:{one.segment_id}:{one.run_id}") for one in page.items)
        return Page(tuple(hit for hit in found if hit is not None), page.after)

    async def runs(
        self, caller: Caller, where: Where, check: Callable[[Mapping[str, Run]], None] | None = None
    ) -> list[Run]:
        """Return the runs that a search would look at, newest first, refused like one; with a `check` it counts as one."""
        caller.require(AccessScope.SEARCH)
        runs = await self._scoping.runs(caller, where, check)
        if check is not None:
            await self._scoping.count(caller)
        return list(runs.values())

    async def _deep(self, top_k: int, find: Callable[[int], Awaitable[tuple[list[Hit], bool]]]) -> list[Hit]:
        """Look deeper into the rankings until there are enough hits or there is nothing further."""
        depth = max(100, 5 * top_k)
        while True:
            hits, exhausted = await find(depth)
            if len(hits) >= top_k or exhausted or depth >= DEEPEST:
                return hits
            depth *= 4

    async def _by_text(self, asked: Asked, words: Words, depth: int, top_k: int) -> tuple[list[Hit], bool]:
        side = await self._text_side(asked, words, depth)
        hits = await self._hits(asked, side.ranked, top_k, lambda bare, one: text_hit(bare, one, side))
        return hits, side.exhausted

    async def _words(
        self, asked: Asked, query: str, embedding: Awaitable[list[Vector]], search_fields: Sequence[str] = ()
    ) -> Words:
        """Find what holds the words while their vector is made; whichever depth is looked at, both stay the same."""
        wanted = "" if search_fields else query
        literal, (vector,) = await asyncio.gather(self._literal(wanted, asked.scope), embedding)
        return Words(vector, search_fields, literal)

    async def _text_side(self, asked: Asked, words: Words, depth: int, joint: tuple[str, Vector] | None = None) -> Side:
        space, vector, search_fields = self.models.text.space, words.vector, words.search_fields
        wanted: dict[str, Awaitable[list[Scored]]] = {}
        if PointKind.SEGMENT in asked.scope.kinds:  # whole media have no fields that are compared by themselves
            leaves = evolve(asked.scope, kinds=(PointKind.LEAF,), field_paths=tuple(search_fields) or None)
            wanted["fields"] = self.engine.nearest(space, vector, within=leaves, top_k=depth)
        if not search_fields:
            wanted["text"] = self.engine.nearest(space, vector, within=asked.scope, top_k=depth)
        if joint is not None:
            within = evolve(with_pictures(asked).scope, kinds=(PointKind.FRAME,))
            wanted["picture"] = self.engine.nearest(*joint, within=within, top_k=depth)
        rankings = await asyncio.gather(*wanted.values())  # the engine takes those of one space as one batch
        return text_side(dict(zip(wanted, rankings, strict=True)), words.literal, depth)

    async def _frames(self, asked: Asked, space: str, vector: Vector, depth: int) -> Side:
        within = evolve(asked.scope, kinds=(PointKind.FRAME,))
        return image_side(await self.engine.nearest(space, vector, within=within, top_k=depth), depth)

    @property
    def _image_space(self) -> str:
        return self.models.images.space if self.models.images else ""

    async def _seen(self, picture: bytes) -> Vector:
        """Turn a picture into a vector; what the model cannot read is the caller's mistake."""
        if self.models.images is None:
            raise Unavailable(
                "This server has no model for pictures, so it cannot search by image; ask its operator for one.",
                code="model_unavailable",
            )
        try:
            (vector,) = await self.models.images.embed([picture])
        except ProcessingFailed as error:
            if error.code != "media_decode_error":
                raise
            raise Invalid(
                "The image cannot be decoded; send an intact JPEG, PNG or WebP.", code="validation_image"
            ) from error
        return vector

    async def _joint(self, query: str) -> tuple[str, Vector] | None:
        """Turn words into a vector of the space that they share with pictures; nothing where there is none."""
        if self.models.joint is None:
            return None
        try:
            (vector,) = await self.models.joint.embed_query([query])
        except Unavailable:
            return None
        return self.models.joint.joint_space, vector

    async def _literal(self, query: str, within: Scope) -> list[Scored]:
        """Return results that hold most of what the query names, by BM25.

        Rank fusion knows places and not scores, so a text that shares a "the" with the query would count as much as
        one that holds the name asked for; words without content are left out, and more than half of the others must be there.
        """
        wanted = content_words(query)
        if not wanted:
            return []
        terms = dict.fromkeys(map(term_id, wanted), 1.0)
        return await self.engine.lexical(terms, within=within, top_k=LITERAL, least=len(terms) // 2 + 1)

    async def _hits(
        self, asked: Asked, ranked: Sequence[Fused], top_k: int, make: Callable[[Hit, Fused], Hit]
    ) -> list[Hit]:
        """Hydrate as many results as are wanted, in their order; those that may not be shown are passed over.

        Where many are passed over, more are read at once: of a thousand, one by one would be a thousand transactions.
        """
        hits: list[Hit] = []
        at, size = 0, top_k
        while at < len(ranked) and len(hits) < top_k:
            batch = ranked[at : at + size]
            hydrated = await self.hydrate(asked.caller, asked.runs, [one.id for one in batch])
            shown = [(hydrated[one.id], one) for one in batch if one.id in hydrated]
            hits += [make(bare, one) for bare, one in shown if asked.keep is None or asked.keep(bare)]
            at, size = at + size, min(2 * size, HYDRATED)
        return hits[:top_k]

    async def hydrate(self, caller: Caller, runs: Mapping[str, Run], ids: Sequence[str]) -> dict[str, Hit]:
        """Return results by id as the rows have them now; what was deleted or is somebody else's is left out."""
        split = [(one, *one.split(":")) for one in ids]
        segments = [(run, owner) for _, kind, owner, run in split if kind == "segment"]
        videos = [(run, owner) for _, kind, owner, run in split if kind == "video"]
        async with self.begin(apart=True) as tx:
            rows = await tx.results.many(caller.user_id, segments) if segments else []
            levels = await tx.results.video_results(caller.user_id, videos) if videos else []
            wanted = list({row.video_id for row in rows} | {row.video_id for row in levels})
            items = {item.video_id: item for item in await tx.media.many(caller.user_id, wanted)}
            shown = [await tx.results.page(row.run_id, row.video_id, limit=1) for row in levels]
        hits = [
            Hit(runs[row.run_id], items[row.video_id], result=row)
            for row in rows
            if row.run_id in runs and row.video_id in items
        ]
        hits += [
            Hit(runs[row.run_id], items[row.video_id], video_result=row, preview=next(iter(first), None))
            for row, first in zip(levels, shown, strict=True)
            if row.run_id in runs and row.video_id in items
        ]
        return {hit.result_id: hit for hit in hits}
