"""Measured search."""

from __future__ import annotations

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from videovector_core.access.model import Caller, Scope
from videovector_core.app import VideoVector
from videovector_core.evaluations import Evaluation, Evaluations, Moment, Plan, Query
from videovector_http.bodies import MAX_IMAGE_JSON
from videovector_http.context import Context
from videovector_http.wire import evaluations as wire
from videovector_http.wire.convert import out


@post(
    "/evaluations",
    opt={"scope": Scope.SEARCH, "keyed": "outside"},
    status_code=200,
    request_max_body_size=MAX_IMAGE_JSON,
)
async def evaluate(
    data: JSONBody[wire.Evaluate], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.Evaluation:
    """Ask labelled queries and measure what comes."""
    return await evaluated(context.vv, caller, data)


async def evaluated(vv: VideoVector, caller: Caller, data: wire.Evaluate) -> wire.Evaluation:
    """Carry out what a request, or a file of the same shape, asks for."""
    found = await Evaluations(vv.search).evaluate(caller, plan(data))
    return written(vv, found)


def plan(data: wire.Evaluate) -> Plan:
    """Read what is asked for."""
    queries = [
        Query(
            [Moment(one.video_id, one.segment_id, one.start_time, one.end_time, one.grade) for one in query.relevant],
            query.query,
            query.image_data,
            query.text_weight,
            query.image_weight,
            tuple(query.search_fields or ()),
            query.group,
            query.query_id or "",
        )
        for query in data.queries
    ]
    return Plan(
        queries,
        data.name,
        data.index_id,
        tuple(data.run_ids or ()),
        data.compare,
        data.top_k,
        tuple(data.cutoffs),
        data.iou,
    )


def written(vv: VideoVector, found: Evaluation) -> wire.Evaluation:
    """Write the measures."""
    return out(
        found.plan,
        wire.Evaluation,
        created_at=vv.ports.clock.now(),
        run_ids=found.run_ids,
        queries_fingerprint=found.queries_fingerprint,
        embedding_model=found.embedding_model,
        overall=out(found.overall, wire.EvaluationMetrics),
        groups={name: out(metrics, wire.EvaluationMetrics) for name, metrics in found.groups.items()},
        runs=[out(one, wire.RunEvaluation, overall=out(one.overall, wire.EvaluationMetrics)) for one in found.runs],
        queries=[out(one, wire.QueryOutcome) for one in found.outcomes],
    )


ROUTES = [evaluate]
