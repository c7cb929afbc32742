"""The use cases of search: embed the query, find the nearest, hydrate from the rows, explain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from attrs import evolve, field, frozen

from videovector_core.access.model import Caller
from videovector_core.access.model import Scope as AccessScope
from videovector_core.errors import Conflict, Invalid, NotFound, ProcessingFailed, Unavailable
from videovector_core.indexes.ports import IndexesTx
from videovector_core.indexes.service import find_index
from videovector_core.media.ports import MediaTx
from videovector_core.models.bundle import Models
from videovector_core.models.ports import Vector
from videovector_core.page import After, Page
from videovector_core.ports import Begin
from videovector_core.runs.model import Run
from videovector_core.runs.ports import RunsTx
from videovector_core.search import images
from videovector_core.search.checks import check_fields, check_top_k, checked_query, checked_weights
from videovector_core.search.filters import Filter, check_against
from videovector_core.search.fusion import Fused, fuse
from videovector_core.search.hits import fused_hit, image_hit, text_hit
from videovector_core.search.matching import filter_document, matches
from videovector_core.search.merging import Aggregation, merge
from videovector_core.search.model import Hit
from videovector_core.search.ports import FilterScope, FiltersTx
from videovector_core.search.reranking import POOL, reranked
from videovector_core.search.sides import Side, image_side, result_id, text_side
from videovector_core.usage import SEARCHES, Count, UsageTx
from videovector_core.vectors.lexical import content_words, query_weights, tokens
from videovector_core.vectors.ports import PointKind, Scope, Scored, VectorIndex

LITERAL: Final = 100
"""Results that are looked at for literal matches."""
TEXT_KINDS: Final = (PointKind.SEGMENT, PointKind.VIDEO)
_LEVELS: Final = {"segment": (PointKind.SEGMENT,), "video": (PointKind.VIDEO,)}
MAX_RUNS: Final = 20
NEWEST_RUNS: Final = 10
FEW: Final = 1000
"""Results that a filter may leave and still be handed to the engine by name; more are sifted after the search."""
DEEPEST: Final = 8000
"""Points of one ranking that are looked at before a search gives up looking for further hits."""


class SearchUseTx(UsageTx, FiltersTx, RunsTx, MediaTx, IndexesTx, Protocol):
    """The slice of a transaction that search touches."""


@frozen
class Where:
    """Where to search: indexes, runs, media; the playground when `playground`."""

    index_id: str | None = None
    index_ids: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    run_ids: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    video_ids: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    playground: bool = False
    level: str = ""
    """`segment` or `video`, where only results of that level are wanted."""


@frozen
class Asked:
    """Who asks, the runs in scope, what the engine is told of it, and what is looked at afterwards."""

    caller: Caller
    runs: Mapping[str, Run]
    scope: Scope
    keep: Callable[[Hit], bool] | None = None

    def of_run(self, run: Run) -> Asked:
        """Ask one run alone."""
        return evolve(self, runs={run.run_id: run}, scope=evolve(self.scope, run_ids=(run.run_id,)))


@frozen
class Search:
    """Find moments. `wanted` narrows a search to results that meet conditions."""

    begin: Begin[SearchUseTx]
    engine: VectorIndex
    models: Models

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
        asked = await self._asked(caller, where, wanted)
        if not asked.runs:
            return []
        check_fields(asked.runs.values(), search_fields)
        (vector,) = await self.models.text.embed([query])
        model = self.models.reranker
        most = max(top_k, POOL) if model else top_k
        hits = await self._deep(most, lambda depth: self._by_text(asked, query, vector, search_fields, depth, most))
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
        asked = _with_pictures(await self._asked(caller, where, wanted))
        vector = await self._seen(picture)
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
        asked = await self._asked(caller, where, wanted)
        seen = await self._seen(picture) if picture is not None else None
        if not asked.runs:
            return []
        check_fields(asked.runs.values(), search_fields)
        (vector,) = await self.models.text.embed([query]) if query else (None,)
        joint = await self._joint(query) if query and not search_fields else None

        async def find(depth: int) -> tuple[list[Hit], bool]:
            words = Side()
            if query and vector is not None:
                words = await self._text_side(asked, query, vector, search_fields, depth, joint)
            looks = await self._frames(_with_pictures(asked), self._image_space, seen, depth) if seen else Side()
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
        asked = await self._asked(caller, where, Filter())
        runs = list(asked.runs.values())[: None if run_ids else NEWEST_RUNS]
        if not runs:
            return []
        (vector,) = await self.models.text.embed([query])

        async def one(run: Run) -> list[Hit]:
            alone = asked.of_run(run)
            return await self._deep(top_k, lambda depth: self._by_text(alone, query, vector, (), depth, top_k))

        found = await asyncio.gather(*(one(run) for run in runs))
        return merge(
            [hit for hits in found for hit in hits], aggregation, {run.run_id: n for n, run in enumerate(runs)}
        )

    async def filter(
        self, caller: Caller, where: Where, wanted: Filter, *, limit: int = 50, after: After | None = None
    ) -> Page[Hit]:
        """Return the results of finished runs that meet conditions, media in order of arrival, then in order of time."""
        caller.require(AccessScope.SEARCH)
        runs = await self._runs(caller, where, finished=True)
        check_against([run.prompt.json_schema for run in runs.values()], wanted)
        if not runs:
            return Page(())
        async with self.begin() as tx:
            scope = _filter_scope(caller, where, runs)
            places = await tx.filters.page(scope, wanted, limit=limit + 1, after=after)
        page = Page.cut(places, limit, lambda place: place.key)
        hits = await self.hydrate(caller, runs, [f"segment:{one.segment_id}:{one.run_id}" for one in page.items])
        found = (hits.get(f"segment:{one.segment_id}:{one.run_id}") for one in page.items)
        return Page(tuple(hit for hit in found if hit is not None), page.after)

    async def runs(self, caller: Caller, where: Where) -> list[Run]:
        """Return the runs that a search would look at, newest first; errors as of any search."""
        caller.require(AccessScope.SEARCH)
        return list((await self._runs(caller, where)).values())

    async def _asked(self, caller: Caller, where: Where, wanted: Filter) -> Asked:
        """Find the runs in scope; conditions that leave few results name them, others sift what the engine finds."""
        runs = await self._runs(caller, where)
        check_against(_schemas(runs.values(), where.level), wanted)
        scope = evolve(self._scope(caller, where, runs), kinds=_LEVELS.get(where.level, TEXT_KINDS))
        outside = _shown(where)
        if where.level == "video" and not wanted.empty:
            return Asked(caller, runs, scope, lambda hit: outside(hit) and _meets(hit, wanted))
        if wanted.empty or not runs:
            return Asked(caller, runs, scope, outside)
        scope = evolve(scope, kinds=(PointKind.SEGMENT,))
        async with self.begin() as tx:
            places = await tx.filters.page(_filter_scope(caller, where, runs), wanted, limit=FEW + 1)
        if len(places) > FEW:
            return Asked(caller, runs, scope, lambda hit: bool(hit.result) and outside(hit) and _meets(hit, wanted))
        named = {f"segment:{one.segment_id}:{one.run_id}" for one in places}
        met = {run_id: run for run_id, run in runs.items() if any(one.run_id == run_id for one in places)}
        segments = tuple({one.segment_id: None for one in places})
        return Asked(caller, met, evolve(scope, segment_ids=segments), lambda hit: hit.result_id in named)

    async def _deep(self, top_k: int, find: Callable[[int], Awaitable[tuple[list[Hit], bool]]]) -> list[Hit]:
        """Look deeper into the rankings until there are enough hits or there is nothing further."""
        depth = max(100, 5 * top_k)
        while True:
            hits, exhausted = await find(depth)
            if len(hits) >= top_k or exhausted or depth >= DEEPEST:
                return hits
            depth *= 4

    async def _by_text(
        self, asked: Asked, query: str, vector: Vector, search_fields: Sequence[str], depth: int, top_k: int
    ) -> tuple[list[Hit], bool]:
        side = await self._text_side(asked, query, vector, search_fields, depth)
        hits = await self._hits(asked, side.ranked, top_k, lambda bare, one: text_hit(bare, one, side))
        return hits, side.exhausted

    async def _text_side(
        self,
        asked: Asked,
        query: str,
        vector: Vector,
        search_fields: Sequence[str],
        depth: int,
        joint: tuple[str, Vector] | None = None,
    ) -> Side:
        space = self.models.text.space
        leaves = evolve(asked.scope, kinds=(PointKind.LEAF,), field_paths=tuple(search_fields) or None)
        wanted = {"fields": self.engine.nearest(space, vector, within=leaves, top_k=depth)}
        if not search_fields:
            wanted["text"] = self.engine.nearest(space, vector, within=asked.scope, top_k=depth)
            wanted["lexical"] = self._literal(asked.caller, asked.runs, query, asked.scope)
        if joint is not None:
            within = evolve(_with_pictures(asked).scope, kinds=(PointKind.FRAME,))
            wanted["picture"] = self.engine.nearest(*joint, within=within, top_k=depth)
        rankings = await asyncio.gather(*wanted.values())  # the engine takes those of one space as one batch
        return text_side(dict(zip(wanted, rankings, strict=True)), depth)

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

    async def _literal(self, caller: Caller, runs: Mapping[str, Run], query: str, whole: Scope) -> list[Scored]:
        """Return results that hold most of what the query names, by BM25.

        Rank fusion knows places and not scores, so a text that shares a "the" with the query would count as much as
        one that holds the name asked for; words without content are left out, and more than half of the others must be there.
        """
        wanted = content_words(query)
        if not wanted:
            return []
        found = await self.engine.lexical(query_weights(" ".join(wanted)), within=whole, top_k=LITERAL)
        hits = await self.hydrate(caller, runs, [result_id(scored) for scored in found])
        return [
            scored
            for scored in found
            if (hit := hits.get(result_id(scored))) and 2 * len(wanted & set(tokens(hit.text))) > len(wanted)
        ]

    async def _hits(
        self, asked: Asked, ranked: Sequence[Fused], top_k: int, make: Callable[[Hit, Fused], Hit]
    ) -> list[Hit]:
        """Hydrate as many results as are wanted, in their order; those that may not be shown are passed over."""
        hits: list[Hit] = []
        for at in range(0, len(ranked), top_k):
            batch = ranked[at : at + top_k]
            hydrated = await self.hydrate(asked.caller, asked.runs, [one.id for one in batch])
            shown = [(hydrated[one.id], one) for one in batch if one.id in hydrated]
            hits += [make(bare, one) for bare, one in shown if asked.keep is None or asked.keep(bare)]
            if len(hits) >= top_k:
                break
        return hits[:top_k]

    async def hydrate(self, caller: Caller, runs: Mapping[str, Run], ids: Sequence[str]) -> dict[str, Hit]:
        """Return results by id as the rows have them now; what was deleted or is somebody else's is left out."""
        split = [(one, *one.split(":")) for one in ids]
        segments = [(run, owner) for _, kind, owner, run in split if kind == "segment"]
        videos = [(run, owner) for _, kind, owner, run in split if kind == "video"]
        async with self.begin() as tx:
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

    async def _runs(self, caller: Caller, where: Where, *, finished: bool = False) -> dict[str, Run]:
        """Return the searchable runs in scope, newest first.

        An unknown index, run or media item is `NotFound`, a run without media in scope `Invalid`. A run that is not
        searchable has no hits; where only `finished` runs make sense, it is a `Conflict`.
        """
        async with self.begin() as tx:
            if where.index_id is not None:
                await find_index(tx, caller, where.index_id)
            indexes = where.index_ids or ((where.index_id,) if where.index_id else ())
            for index_id in where.index_ids:
                await find_index(tx, caller, index_id)
            named = [await _named_run(tx, caller, run_id, finished=finished) for run_id in where.run_ids]
            for video_id in where.video_ids:
                if await tx.media.get(caller.user_id, video_id) is None:
                    raise NotFound.of("video", video_id)
            found = await tx.runs.searchable(
                caller.user_id,
                run_ids=where.run_ids or None,
                index_ids=list(indexes) or None,
                playground=where.playground,
            )
            await tx.usage.count(caller.user_id, [Count(SEARCHES, key_id=caller.key_id)])
        inside = {run.run_id: run for run in found}
        outside = [run.run_id for run in named if run.searchable and run.run_id not in inside]
        if outside:
            raise Invalid(
                f"The run {outside[0]!r} has no media in the scope of this search; leave it out or widen the scope.",
                code="validation_run_scope",
                details={"run_ids": outside},
            )
        return inside

    @staticmethod
    def _scope(caller: Caller, where: Where, runs: Mapping[str, Run]) -> Scope:
        indexes = where.index_ids or ((where.index_id,) if where.index_id else None)
        return Scope(
            caller.user_id,
            run_ids=tuple(runs),
            index_ids=indexes,
            video_ids=where.video_ids or None,
        )


def _with_pictures(asked: Asked) -> Asked:
    """Keep the runs that embedded pictures."""
    runs = {run_id: run for run_id, run in asked.runs.items() if run.enable_image_embedding}
    return evolve(asked, runs=runs, scope=evolve(asked.scope, run_ids=tuple(runs)))


def _meets(hit: Hit, wanted: Filter) -> bool:
    document = filter_document(hit.result) if hit.result else {**hit.metadata, "metadata_text": hit.text}
    return matches(document, wanted)


def _shown(where: Where) -> Callable[[Hit], bool]:
    """Return what says whether a hit lies in scope as far as the engine does not know it."""

    def shown(hit: Hit) -> bool:
        level = "segment" if hit.result is not None else "video"
        return (not where.playground or hit.item.index_id is None) and where.level in {"", level}

    return shown


def _schemas(runs: Iterable[Run], level: str) -> list[Mapping[str, Any]]:
    """Return the schemas of the results of a level."""
    if level != "video":
        return [run.prompt.json_schema for run in runs]
    return [run.prompt.video_level.json_schema for run in runs if run.prompt.video_level is not None]


def _filter_scope(caller: Caller, where: Where, runs: Mapping[str, Run]) -> FilterScope:
    indexes = where.index_ids or ((where.index_id,) if where.index_id else None)
    return FilterScope(caller.user_id, tuple(runs), indexes, where.video_ids or None, playground=where.playground)


async def _named_run(tx: RunsTx, caller: Caller, run_id: str, *, finished: bool) -> Run:
    run = await tx.runs.get(caller.user_id, run_id)
    if run is None:
        raise NotFound.of("run", run_id)
    if finished and not run.searchable:
        raise Conflict(
            f"The run {run_id!r} is {run.status.value}; only completed runs can be filtered. Wait for its end.",
            code="conflict_run_not_searchable",
        )
    return run
