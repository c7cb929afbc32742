"""The use cases of the short way: say what a run works on, and search with pages that fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from attrs import evolve, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Conflict, Invalid, NotFound
from videovector_core.imports.model import JobStatus
from videovector_core.imports.ports import ImportsTx
from videovector_core.page import After, Page
from videovector_core.ports import Begin, Clock, Ids
from videovector_core.runs.service import Target
from videovector_core.search.filters import Filter
from videovector_core.search.model import Hit
from videovector_core.search.scoping import schemas_of
from videovector_core.search.service import Search, SearchUseTx, Where
from videovector_core.workflow.levels import LevelsTx, media_level
from videovector_core.workflow.model import KEPT, WINDOW, Ranking, coverage, entry, scored
from videovector_core.workflow.ports import RankingsTx

_FORGOTTEN: Final = 100


class WorkflowTx(RankingsTx, LevelsTx, ImportsTx, SearchUseTx, Protocol):
    """The slice of a transaction that the workflow touches."""


@frozen
class Question:
    """What is searched: words, conditions, or both, at one level of results."""

    query: str | None
    wanted: Filter
    level: str
    where: Where

    @property
    def mode(self) -> str:
        """How it is answered."""
        return "vector" if self.query is not None else "condition"


@frozen
class Workflow:
    """Name targets, and search."""

    begin: Begin[WorkflowTx]
    clock: Clock
    ids: Ids
    search: Search

    async def index_named(self, caller: Caller, name: str) -> str:
        """Return the id of the caller's index of that name."""
        async with self.begin() as tx:
            known = await tx.indexes.named(caller.user_id, name)
        if known is None:
            raise NotFound.of("index", name)
        return known.index_id

    async def imported(self, caller: Caller, job_id: str) -> Target:
        """Return everything that a completed import brought in, as the target of a run."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            job = await tx.imports.get(caller.user_id, job_id)
            if job is None:
                raise NotFound.of("import_job", job_id)
            if job.status is not JobStatus.COMPLETED:
                raise Conflict(
                    f"The import job is {job.status.value}; wait until it is completed.",
                    code="conflict_import_job_not_completed",
                )
            videos: list[str] = []
            after: After | None = None
            while True:
                files = await tx.imports.files(job_id, limit=1000, after=after)
                videos += [file.video_id for file in files if file.video_id and file.status == "completed"]
                if len(files) < 1000:
                    break
                after = (files[-1].ordinal,)
        if not videos:
            raise Invalid("The import brought in no media; there is nothing to run on.", code="validation_empty_target")
        return Target("videos", video_ids=tuple(videos))

    async def find(self, caller: Caller, asked: Question, *, scope: dict[str, Any], page_size: int) -> Ranking:
        """Search once and keep the ranking, so that its pages fit together whatever happens meanwhile."""
        caller.require(Scope.SEARCH)
        if asked.query is None and asked.wanted.empty:
            raise Invalid("Give a query, filters, or both.", code="validation_workflow_search")
        hits, truncated = await self._hits(caller, asked)
        now = self.clock.now()
        runs = dict.fromkeys(hit.run.run_id for hit in hits)
        ranking = Ranking(
            self.ids.new("ranking"),
            caller.user_id,
            now,
            now + KEPT,
            asked.mode,
            asked.level,
            page_size,
            scope,
            coverage(runs, len(hits)),
            entries=[entry(hit) for hit in hits],
            truncated=truncated,
        )
        async with self.begin() as tx:
            await tx.rankings.forget(now, limit=_FORGOTTEN)
            await tx.rankings.add(ranking)
        return ranking

    async def ranking(self, caller: Caller, ranking_id: str) -> Ranking:
        """Return a ranking that is still kept."""
        caller.require(Scope.SEARCH)
        async with self.begin() as tx:
            found = await tx.rankings.get(caller.user_id, ranking_id, self.clock.now())
        if found is None:
            raise Invalid("This search has expired; search again from the first page.", code="invalid_cursor")
        return found

    async def page(self, caller: Caller, ranking: Ranking, start: int) -> Page[Hit]:
        """Return a page of a ranking as the rows have its results now; what was deleted meanwhile is left out."""
        kept = ranking.entries[start : start + ranking.page_size]
        async with self.begin() as tx:
            found = [await tx.runs.get(caller.user_id, run) for run in dict.fromkeys(one["run_id"] for one in kept)]
        runs = {run.run_id: run for run in found if run is not None}
        hits = await self.search.hydrate(caller, runs, [one["result_id"] for one in kept])
        shown = [evolve(hits[one["result_id"]], **scored(one)) for one in kept if one["result_id"] in hits]
        end = start + len(kept)
        return Page(tuple(shown), (end,) if end < len(ranking.entries) else None)

    async def _hits(self, caller: Caller, asked: Question) -> tuple[Sequence[Hit], bool]:
        """Return at most a window of hits, and whether there were more."""
        where = evolve(asked.where, level=asked.level)
        if asked.query is not None:
            found = await self.search.text(caller, asked.query, where, top_k=WINDOW, wanted=asked.wanted)
            return found, len(found) == WINDOW
        if asked.level == "video":
            return await media_level(self.begin, self.search, caller, where, asked.wanted, WINDOW)
        page = await self.search.filter(caller, asked.where, asked.wanted, limit=WINDOW)
        return page.items, page.after is not None

    async def schemas(self, caller: Caller, where: Where, level: str) -> list[Mapping[str, Any]]:
        """Return the schemas of the runs in scope, to find out the types of fields that were named without one."""
        async with self.begin() as tx:
            runs = await tx.runs.searchable(
                caller.user_id,
                run_ids=where.run_ids or None,
                index_ids=where.indexes or None,
                playground=where.playground,
            )
        return schemas_of(runs, level)
