"""Where a search looks: the runs in scope, what the engine is told of it, and what is sifted afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from attrs import evolve, field, frozen

from videovector_core.access.model import Caller
from videovector_core.errors import Conflict, Invalid, NotFound
from videovector_core.indexes.ports import IndexesTx
from videovector_core.indexes.service import find_index
from videovector_core.media.ports import MediaTx
from videovector_core.ports import Begin
from videovector_core.runs.model import Run
from videovector_core.runs.ports import RunsTx
from videovector_core.search.checks import check_fields
from videovector_core.search.filters import Filter, check_against
from videovector_core.search.matching import filter_document, matches
from videovector_core.search.model import Hit
from videovector_core.search.ports import FilterScope, FiltersTx
from videovector_core.usage import SEARCHES, Count, UsageTx
from videovector_core.vectors.ports import PointKind, Scope

T = TypeVar("T")

TEXT_KINDS: Final = (PointKind.SEGMENT, PointKind.VIDEO)
_LEVELS: Final = {"segment": (PointKind.SEGMENT,), "video": (PointKind.VIDEO,)}
FEW: Final = 1000
"""Results that a filter may leave and still be handed to the engine by name; more are sifted after the search."""


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

    @property
    def indexes(self) -> tuple[str, ...]:
        """The indexes to look in, the one of the path where no others are named; none means all."""
        return self.index_ids or ((self.index_id,) if self.index_id else ())


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
class Scoping:
    """Finds what a search looks at, and refuses what is not there."""

    begin: Begin[SearchUseTx]

    async def asked(self, caller: Caller, where: Where, wanted: Filter, search_fields: Sequence[str] = ()) -> Asked:
        """Find the runs in scope; conditions that leave few results name them, others sift what the engine finds."""

        def check(runs: Mapping[str, Run]) -> None:
            check_against(schemas_of(runs.values(), where.level), wanted)
            if runs and search_fields:
                check_fields(runs.values(), search_fields)  # before conditions leave some of the runs only

        runs = await self.runs(caller, where, check)
        scope = Scope(
            caller.user_id,
            run_ids=tuple(runs),
            index_ids=where.indexes or None,
            video_ids=where.video_ids or None,
            kinds=_LEVELS.get(where.level, TEXT_KINDS),
        )
        outside = _shown(where)
        if where.level == "video" and not wanted.empty:
            return Asked(caller, runs, scope, lambda hit: outside(hit) and _meets(hit, wanted))
        if wanted.empty or not runs:
            return Asked(caller, runs, scope, outside)
        scope = evolve(scope, kinds=(PointKind.SEGMENT,))
        async with self.begin(apart=True) as tx:
            places = await tx.filters.page(filter_scope(caller, where, runs), wanted, limit=FEW + 1)
        if len(places) > FEW:
            return Asked(caller, runs, scope, lambda hit: bool(hit.result) and outside(hit) and _meets(hit, wanted))
        named = {f"segment:{one.segment_id}:{one.run_id}" for one in places}
        meeting = {one.run_id for one in places}
        met = {run_id: run for run_id, run in runs.items() if run_id in meeting}
        segments = tuple({one.segment_id: None for one in places})
        return Asked(caller, met, evolve(scope, segment_ids=segments), lambda hit: hit.result_id in named)

    async def runs(
        self,
        caller: Caller,
        where: Where,
        check: Callable[[Mapping[str, Run]], None] | None = None,
        *,
        finished: bool = False,
    ) -> dict[str, Run]:
        """Return the searchable runs in scope, newest first; `check` says what a search asks of them.

        An unknown index, run or media item is `NotFound`, a run without media in scope `Invalid`. A run that is not
        searchable has no hits; where only `finished` runs make sense, it is a `Conflict`.
        """
        async with self.begin(apart=True) as tx:
            if where.index_id is not None:
                await find_index(tx, caller, where.index_id)
            for index_id in where.index_ids:
                await find_index(tx, caller, index_id)
            named = [await _named_run(tx, caller, run_id, finished=finished) for run_id in where.run_ids]
            if where.video_ids:
                await _check_media(tx, caller, where.video_ids)
            found = await tx.runs.searchable(
                caller.user_id,
                run_ids=where.run_ids or None,
                index_ids=where.indexes or None,
                playground=where.playground,
            )
            inside = {run.run_id: run for run in found}
        _check_inside(named, inside)
        if check is not None:
            check(inside)
        return inside

    async def counted(self, caller: Caller, work: Awaitable[T]) -> T:
        """Count a search while it is carried out."""
        done, _ = await asyncio.gather(work, self.count(caller))
        return done

    async def count(self, caller: Caller) -> None:
        """Count a search, which was not refused."""
        async with self.begin(apart=True) as tx:
            await tx.usage.count(caller.user_id, [Count(SEARCHES, key_id=caller.key_id)], lasting=False)


def _check_inside(named: Iterable[Run], inside: Mapping[str, Run]) -> None:
    outside = [run.run_id for run in named if run.searchable and run.run_id not in inside]
    if outside:
        raise Invalid(
            f"The run {outside[0]!r} has no media in the scope of this search; leave it out or widen the scope.",
            code="validation_run_scope",
            details={"run_ids": outside},
        )


def with_pictures(asked: Asked) -> Asked:
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


def schemas_of(runs: Iterable[Run], level: str) -> list[Mapping[str, Any]]:
    """Return the schemas of the results of a level."""
    if level != "video":
        return [run.prompt.json_schema for run in runs]
    return [run.prompt.video_level.json_schema for run in runs if run.prompt.video_level is not None]


def filter_scope(caller: Caller, where: Where, runs: Mapping[str, Run]) -> FilterScope:
    """Return where conditions are looked up."""
    videos = where.video_ids or None
    return FilterScope(caller.user_id, tuple(runs), where.indexes or None, videos, playground=where.playground)


async def _check_media(tx: MediaTx, caller: Caller, video_ids: Sequence[str]) -> None:
    there = {item.video_id for item in await tx.media.many(caller.user_id, video_ids)}
    for video_id in video_ids:
        if video_id not in there:
            raise NotFound.of("video", video_id)


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
