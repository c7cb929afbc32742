"""The use cases of search: embed the query, find the nearest, hydrate from the rows, explain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from attrs import evolve, field, frozen

from videovector_core.access.model import Caller
from videovector_core.access.model import Scope as AccessScope
from videovector_core.errors import Invalid, NotFound
from videovector_core.fields import FieldPath
from videovector_core.indexes.ports import IndexesTx
from videovector_core.indexes.service import find_index
from videovector_core.media.ports import MediaTx
from videovector_core.models.bundle import Models
from videovector_core.ports import Begin
from videovector_core.prompts.render import IndexedLeaf, enabled_leaves, indexed_leaves
from videovector_core.runs.model import Run
from videovector_core.runs.ports import RunsTx
from videovector_core.search.fusion import Part, fuse
from videovector_core.search.model import Hit, MatchedField, unit
from videovector_core.usage import SEARCHES, Count, UsageTx
from videovector_core.vectors.lexical import content_words, query_weights, tokens
from videovector_core.vectors.ports import PointKind, Scope, Scored, VectorIndex

MAX_QUERY: Final = 2000
LITERAL: Final = 100
"""Results that are looked at for literal matches."""
TEXT_KINDS: Final = (PointKind.SEGMENT, PointKind.VIDEO)


class SearchUseTx(UsageTx, RunsTx, MediaTx, IndexesTx, Protocol):
    """The slice of a transaction that search touches."""


@frozen
class Where:
    """Where to search: indexes, runs, media; the playground when `playground`."""

    index_id: str | None = None
    index_ids: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    run_ids: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    video_ids: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    playground: bool = False


@frozen
class Search:
    """Find moments."""

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
    ) -> list[Hit]:
        """Find moments by words: dense and lexical rankings of whole texts, and single fields, fused."""
        caller.require(AccessScope.SEARCH)
        query = checked_query(query)
        check_top_k(top_k)
        runs = await self._runs(caller, where)
        if not runs:
            return []
        if search_fields:
            check_fields(runs.values(), search_fields)
        scope = self._scope(caller, where, runs)
        (vector,) = await self.models.text.embed([query])
        depth = max(100, 5 * top_k)
        space = self.models.text.space
        paths = tuple(search_fields) or None
        leaf_scope = evolve(scope, kinds=(PointKind.LEAF,), field_paths=paths)
        leaves = await self.engine.nearest(space, vector, within=leaf_scope, top_k=depth)
        rankings: dict[str, list[Scored]] = {"fields": leaves}
        if not search_fields:
            whole = evolve(scope, kinds=TEXT_KINDS)
            rankings["text"] = await self.engine.nearest(space, vector, within=whole, top_k=depth)
            rankings["lexical"] = await self._literal(caller, runs, query, whole)
        return await self._ranked(caller, runs, rankings, top_k)

    async def _literal(self, caller: Caller, runs: Mapping[str, Run], query: str, whole: Scope) -> list[Scored]:
        """Return results that hold most of what the query names, by BM25.

        Rank fusion knows places and not scores, so a text that shares a "the" with the query would count as much as
        one that holds the name asked for; words without content are left out, and half of the others must be there.
        """
        wanted = content_words(query)
        if not wanted:
            return []
        found = await self.engine.lexical(query_weights(" ".join(wanted)), within=whole, top_k=LITERAL)
        hits = await self.hydrate(caller, runs, [result_id(scored) for scored in found])
        return [
            scored
            for scored in found
            if (hit := hits.get(result_id(scored))) and 2 * len(wanted & set(tokens(hit.text))) >= len(wanted)
        ]

    async def _ranked(
        self, caller: Caller, runs: Mapping[str, Run], rankings: Mapping[str, Sequence[Scored]], top_k: int
    ) -> list[Hit]:
        """Fuse rankings of points into rankings of results, and hydrate as many as are wanted.

        A result is as near as its text or its best field, whichever is nearer; that ranking and the lexical one are
        fused by reciprocal rank. The score that is shown stays the best cosine, so it means the same whether or not
        words matched literally.
        """
        best: dict[str, float] = {}
        fields: dict[str, list[Scored]] = {}
        for name, found in rankings.items():
            for scored in found:
                owner = result_id(scored)
                if name != "lexical":
                    best[owner] = max(best.get(owner, -1.0), scored.score)
                if name == "fields":
                    fields.setdefault(owner, []).append(scored)
        dense = sorted(best, key=lambda owner: (-best[owner], owner))
        lexical = list(dict.fromkeys(result_id(scored) for scored in rankings.get("lexical", ())))
        fused = fuse({"dense": dense, "lexical": lexical}, tie=lambda hit: -best.get(hit.id, -1.0))
        hits: list[Hit] = []
        for at in range(0, len(fused), top_k):
            batch = fused[at : at + top_k]
            hydrated = await self.hydrate(caller, runs, [hit.id for hit in batch])
            for hit in batch:
                if hit.id in hydrated:
                    bare = hydrated[hit.id]
                    score = unit(best[hit.id]) if hit.id in best else None
                    explained = evolve(bare, similarity=score, fused=hit.score, parts=dict(hit.parts))
                    hits.append(evolve(explained, fields=matched(bare, fields.get(hit.id, []))))
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
        hits = [
            Hit(runs[row.run_id], items[row.video_id], result=row)
            for row in rows
            if row.run_id in runs and row.video_id in items
        ]
        hits += [
            Hit(runs[row.run_id], items[row.video_id], video_result=row)
            for row in levels
            if row.run_id in runs and row.video_id in items
        ]
        return {hit.result_id: hit for hit in hits}

    async def _runs(self, caller: Caller, where: Where) -> dict[str, Run]:
        """Return the searchable runs in scope; an unknown index or run is `NotFound`, one out of scope `Invalid`."""
        async with self.begin() as tx:
            if where.index_id is not None:
                await find_index(tx, caller, where.index_id)
            indexes = where.index_ids or ((where.index_id,) if where.index_id else ())
            for index_id in where.index_ids:
                await find_index(tx, caller, index_id)
            for run_id in where.run_ids:
                if await tx.runs.get(caller.user_id, run_id) is None:
                    raise NotFound.of("run", run_id)
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
        return {run.run_id: run for run in found}

    @staticmethod
    def _scope(caller: Caller, where: Where, runs: Mapping[str, Run]) -> Scope:
        indexes = where.index_ids or ((where.index_id,) if where.index_id else None)
        return Scope(
            caller.user_id,
            run_ids=tuple(runs),
            index_ids=indexes,
            video_ids=where.video_ids or None,
        )


def checked_query(query: str) -> str:
    """Trim a query and refuse one that is blank or over 2,000 characters."""
    query = query.strip()
    if not query:
        raise Invalid("The query is blank; say what to look for.", code="validation_query")
    if len(query) > MAX_QUERY:
        raise Invalid(f"The query has {len(query)} characters; {MAX_QUERY} are the most.", code="validation_query")
    return query


def check_top_k(top_k: int, most: int = 100) -> None:
    """Refuse a `top_k` out of range."""
    if not 1 <= top_k <= most:
        raise Invalid(f"top_k is {top_k}; give 1 to {most}.", code="validation_top_k")


def check_fields(runs: Iterable[Run], paths: Sequence[str]) -> None:
    """Refuse a path that no run in scope indexes."""
    indexed: set[str] = set()
    declared: set[FieldPath] = set()
    for run in runs:
        disabled = run.prompt.semantic_indexing.disabled_segment_fields
        indexed |= {str(leaf.path) for leaf in enabled_leaves(run.prompt.json_schema, disabled)}
        declared |= {leaf.path for leaf in enabled_leaves(run.prompt.json_schema)}
    unknown = [path for path in paths if path not in indexed]
    if unknown:
        known = str(unknown[0]) in {str(path) for path in declared}
        why = "is not semantically indexed" if known else "is no field of the runs in scope"
        raise Invalid(
            f"{unknown[0][:80]!r} {why}; use one of: {', '.join(sorted(indexed)[:20]) or 'none'}.",
            code="validation_search_fields",
            details={"unknown": unknown},
        )


def result_id(scored: Scored) -> str:
    """Name the result that a point belongs to."""
    point = scored.point
    if point.kind is PointKind.VIDEO:
        return f"video:{point.video_id}:{point.run_id}"
    return f"segment:{point.segment_id}:{point.run_id}"


def matched(hit: Hit, found: Sequence[Scored], most: int = 5) -> tuple[MatchedField, ...]:
    """Describe the fields of a hit that matched by themselves, best first."""
    if not found or hit.result is None:
        return ()
    prompt = hit.run.prompt
    leaves: dict[str, IndexedLeaf] = {
        leaf.instance_key: leaf
        for leaf in indexed_leaves(
            hit.result.metadata or {}, prompt.json_schema, prompt.semantic_indexing.disabled_segment_fields
        )
    }
    described = []
    for scored in sorted(found, key=lambda one: (-one.score, one.point.id)):
        leaf = leaves.get(scored.point.instance_key or "")
        if leaf is not None:
            described.append(
                MatchedField(
                    leaf.path,
                    leaf.instance_key,
                    unit(scored.score),
                    leaf.preview,
                    leaf.label,
                    leaf.instance_path,
                    leaf.instance_label,
                )
            )
    return tuple(described[:most])


def explain(parts: Mapping[str, Part]) -> dict[str, dict[str, float]]:
    """Return the reasons for a rank as plain numbers."""
    return {name: {"rank": part.rank, "contribution": part.contribution} for name, part in sorted(parts.items())}
