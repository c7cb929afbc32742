"""Measured search: labelled queries in; recall, ranks and time out.

A hit is right when it lies in the media item of a label and is its segment, or overlaps its stretch by enough
(intersection over union of the times), or when the label is the whole item. A label is found by the first hit that is
right for it, and each hit finds one label at the most. Recall@k is the share of labels found among k hits; MRR the mean of
1 / rank of the first right hit; nDCG uses the labels' grades with gain 2**grade - 1 (Jaervelin and Kekaelaeinen, ACM TOIS
2002; Burges et al. 2005).
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
from attrs import field, frozen

from videovector_core.access.model import Caller
from videovector_core.access.model import Scope as AccessScope
from videovector_core.errors import Invalid
from videovector_core.search.model import Hit
from videovector_core.search.service import Search, Where

MAX_QUERIES: Final = 1000
MAX_ASKED: Final = 10_000
"""Searches of one evaluation, which are made one after the other."""


@frozen
class Moment:
    """A right answer: a segment, a stretch in seconds, or, with neither, the whole media item."""

    video_id: str
    segment_id: str | None = None
    start_time: float | None = None
    end_time: float | None = None
    grade: float = 1.0

    def __attrs_post_init__(self) -> None:
        if (self.start_time is None) != (self.end_time is None) or (self.start_time or 0) > (self.end_time or 0):
            raise Invalid(
                "A right answer needs start_time and end_time in this order, or neither.", code="validation_relevant"
            )

    def found_by(self, hit: Hit, iou: float) -> bool:
        """Say whether a hit is this moment."""
        if hit.item.video_id != self.video_id:
            return False
        if self.segment_id is not None:
            return hit.result is not None and hit.result.segment_id == self.segment_id
        if self.start_time is None or self.end_time is None:
            return True
        return hit.result is not None and overlap((hit.start, hit.end), (self.start_time, self.end_time)) >= iou


@frozen
class Query:
    """A question and its right answers; with text and image it is a fused search."""

    relevant: tuple[Moment, ...] = field(converter=tuple[Moment, ...])
    query: str | None = None
    image_data: str | None = None
    text_weight: float = 0.5
    image_weight: float = 0.5
    search_fields: tuple[str, ...] = ()
    group: str = "all"
    query_id: str = ""


@frozen
class Plan:
    """What to ask, where, and what counts as found."""

    queries: tuple[Query, ...] = field(converter=tuple[Query, ...])
    name: str | None = None
    index_id: str | None = None
    run_ids: tuple[str, ...] = ()
    compare: bool = False
    top_k: int = 10
    cutoffs: tuple[int, ...] = (1, 5, 10)
    iou: float = 0.5


@frozen
class Outcome:
    """How one query fared; `first_rank` counts from 1."""

    query_id: str
    group: str
    first_rank: int | None
    recall: dict[str, float]
    reciprocal_rank: float
    ndcg: float
    elapsed_ms: float
    result_ids: list[str]


@frozen
class Metrics:
    """Means over queries; times in milliseconds."""

    queries: int
    recall: dict[str, float]
    mrr: float
    ndcg: float
    p50_ms: float
    p95_ms: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Metrics:
        """Add up outcomes."""
        cutoffs = outcomes[0].recall if outcomes else {}
        times = sorted(one.elapsed_ms for one in outcomes)
        return cls(
            len(outcomes),
            {cutoff: _mean([one.recall[cutoff] for one in outcomes]) for cutoff in cutoffs},
            _mean([one.reciprocal_rank for one in outcomes]),
            _mean([one.ndcg for one in outcomes]),
            quantile(times, 0.5),
            quantile(times, 0.95),
        )


@frozen
class RunMetrics:
    """The same measures for one run alone."""

    run_id: str
    processing_model: str | None
    overall: Metrics


@frozen
class Evaluation:
    """The measures of one plan; comparable with another whose `queries_fingerprint` is the same."""

    plan: Plan
    run_ids: list[str]
    embedding_model: str
    queries_fingerprint: str
    outcomes: list[Outcome]
    overall: Metrics
    groups: dict[str, Metrics]
    runs: list[RunMetrics]


@frozen
class Evaluations:
    """Measure search as callers meet it."""

    search: Search
    clock: Callable[[], float] = time.perf_counter

    async def evaluate(self, caller: Caller, plan: Plan) -> Evaluation:
        """Ask every query, one after the other, and compare what comes with what ought to.

        Raises:
            Invalid: there are no queries, one asks nothing, neither an index nor runs are named, or it is too much.
        """
        caller.require(AccessScope.SEARCH)
        plan = checked(plan)
        where = Where(plan.index_id, run_ids=plan.run_ids)
        runs = await self.search.runs(caller, where)
        _check_work(plan, len(runs))
        outcomes = [await self._asked(caller, plan, where, query) for query in plan.queries]
        apart = []
        for run in runs if plan.compare else ():
            alone = Where(plan.index_id, run_ids=(run.run_id,))
            found = [await self._asked(caller, plan, alone, query) for query in plan.queries]
            apart.append(RunMetrics(run.run_id, run.processing_model or run.effective_model, Metrics.of(found)))
        groups = dict.fromkeys(one.group for one in outcomes)
        return Evaluation(
            plan,
            [run.run_id for run in runs],
            self.search.models.text.space,
            fingerprint(plan),
            outcomes,
            Metrics.of(outcomes),
            {name: Metrics.of([one for one in outcomes if one.group == name]) for name in groups},
            apart,
        )

    async def _asked(self, caller: Caller, plan: Plan, where: Where, query: Query) -> Outcome:
        depth = max(plan.top_k, *plan.cutoffs)
        started = self.clock()
        hits = await self._hits(caller, where, query, depth)
        elapsed = (self.clock() - started) * 1000
        return judged(query, hits, plan, elapsed)

    async def _hits(self, caller: Caller, where: Where, query: Query, top_k: int) -> list[Hit]:
        fields = query.search_fields
        if query.query is not None and query.image_data is not None:
            return await self.search.multimodal(
                caller,
                where,
                text=query.query,
                image=query.image_data,
                text_weight=query.text_weight,
                image_weight=query.image_weight,
                top_k=top_k,
                search_fields=fields,
            )
        if query.image_data is not None:
            return await self.search.image(caller, query.image_data, where, top_k=top_k)
        return await self.search.text(caller, query.query or "", where, top_k=top_k, search_fields=fields)


def checked(plan: Plan) -> Plan:
    """Refuse a plan that cannot be measured, and name queries that have no name."""
    if not plan.index_id and not plan.run_ids:
        raise Invalid("Neither index_id nor run_ids is given; say where to search.", code="validation_run_ids")
    if not 1 <= len(plan.queries) <= MAX_QUERIES:
        raise Invalid(f"Give 1 to {MAX_QUERIES} queries.", code="validation_queries")
    named = []
    for place, query in enumerate(plan.queries, start=1):
        if query.query is None and query.image_data is None:
            raise Invalid(f"Query {place} has neither query nor image_data; give one.", code="validation_queries")
        if not query.relevant:
            raise Invalid(f"Query {place} has no right answers; give at least one.", code="validation_queries")
        named.append(attrs.evolve(query, query_id=query.query_id or f"q{place}"))
    return attrs.evolve(plan, queries=named)


def _check_work(plan: Plan, runs: int) -> None:
    asked = len(plan.queries) * (1 + runs if plan.compare else 1)
    if asked > MAX_ASKED:
        raise Invalid(
            f"{len(plan.queries)} queries over all and over each of {runs} runs are {asked:,} searches, and {MAX_ASKED:,} are the "
            "most; name fewer run_ids, or leave out compare.",
            code="validation_queries",
        )


def judged(query: Query, hits: Sequence[Hit], plan: Plan, elapsed_ms: float) -> Outcome:
    """Compare the hits of a query with its labels."""
    gains = assigned(query.relevant, hits, plan.iou)
    ranks = [rank for rank, grade in enumerate(gains, start=1) if grade is not None]
    count = len(query.relevant)
    first = ranks[0] if ranks and ranks[0] <= plan.top_k else None
    return Outcome(
        query.query_id,
        query.group,
        first,
        {str(cutoff): round(sum(rank <= cutoff for rank in ranks) / count, 6) for cutoff in sorted(set(plan.cutoffs))},
        round(1 / first, 6) if first else 0.0,
        ndcg(gains[: plan.top_k], [one.grade for one in query.relevant], plan.top_k),
        round(elapsed_ms, 3),
        [hit.result_id for hit in hits[: plan.top_k]],
    )


def assigned(relevant: Sequence[Moment], hits: Sequence[Hit], iou: float) -> list[float | None]:
    """Return for each hit the grade of the label that it finds first, the best one of several; `None` where it finds none."""
    left = sorted(relevant, key=lambda one: -one.grade)
    gains: list[float | None] = []
    for hit in hits:
        right = next((one for one in left if one.found_by(hit, iou)), None)
        gains.append(right.grade if right else None)
        if right:
            left.remove(right)
    return gains


def ndcg(gains: Sequence[float | None], grades: Sequence[float], top_k: int) -> float:
    """Return the discounted gain of a ranking as a share of the best possible one."""
    best = _discounted(sorted(grades, reverse=True)[:top_k])
    return round(_discounted(gains) / best, 6) if best else 0.0


def _discounted(gains: Sequence[float | None]) -> float:
    return sum((2**gain - 1) / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1) if gain is not None)


def overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return intersection over union of two stretches of time; equal moments without length overlap fully."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    united = max(one[1], other[1]) - min(one[0], other[0])
    return max(0.0, shared) / united if united > 0 else 1.0


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of the values do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def fingerprint(plan: Plan) -> str:
    """Name the queries and labels of a plan: equal names mean that two evaluations can be compared."""
    about: list[dict[str, Any]] = [attrs.asdict(query) for query in plan.queries]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 6) if values else 0.0
