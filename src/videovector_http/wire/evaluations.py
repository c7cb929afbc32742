"""Measured search: labelled queries in, recall, rank and time out."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, field

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import IndexId, ResultId, RunId, SegmentId, Time, VideoId
from videovector_http.wire.search import Image, Query, SearchFields, Weight

Group: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100, description="Queries are reported by group.")]
Cutoff: TypeAlias = Annotated[int, Meta(ge=1, le=100)]


class RelevantMoment(Body):
    """A right answer: a stretch of a media item, a segment, or the whole item."""

    video_id: VideoId
    segment_id: SegmentId | None = None
    start_time: Annotated[float, Meta(ge=0.0)] | None = None
    end_time: Annotated[float, Meta(ge=0.0)] | None = None
    grade: Annotated[float, Meta(gt=0.0, le=10.0, description="How right; counts in nDCG.")] = 1.0


class LabelledQuery(Body):
    """A query and its right answers; with text and image it is a fused search."""

    query: Query | None = None
    image_data: Image | None = None
    text_weight: Weight = 0.5
    image_weight: Weight = 0.5
    search_fields: SearchFields | None = None
    relevant: Annotated[list[RelevantMoment], Meta(min_length=1, max_length=1000)]
    group: Group = "all"
    query_id: Annotated[str, Meta(min_length=1, max_length=100)] | None = None


class Evaluate(Body):
    """Queries, where to ask them, and what counts as found."""

    queries: Annotated[list[LabelledQuery], Meta(min_length=1, max_length=1000)]
    name: Annotated[str, Meta(max_length=100)] | None = None
    index_id: IndexId | None = None
    run_ids: Annotated[list[RunId], Meta(max_length=1000)] | None = None
    compare: Annotated[bool, Meta(description="Report every run apart as well.")] = False
    top_k: Cutoff = 10
    cutoffs: Annotated[list[Cutoff], Meta(min_length=1, max_length=10)] = field(default_factory=lambda: [1, 5, 10])
    iou: Annotated[
        float, Meta(gt=0.0, le=1.0, description="Overlap in time (intersection over union) from which a hit is right.")
    ] = 0.5


class EvaluationMetrics(Shape):
    """Means over queries."""

    queries: int
    recall: Annotated[dict[str, float], Meta(description="Recall by cutoff.", examples=[{"1": 0.7, "10": 0.95}])]
    mrr: Annotated[float, Meta(description="Mean reciprocal rank of the first right hit.")]
    ndcg: Annotated[float, Meta(description="At `top_k`.")]
    p50_ms: float
    p95_ms: float


class QueryOutcome(Shape):
    """How one query fared."""

    query_id: str
    group: str
    first_rank: Annotated[int, Meta(description="Rank of the first right hit, from 1; null when there is none.")] | None
    recall: dict[str, float]
    reciprocal_rank: float
    ndcg: float
    elapsed_ms: float
    result_ids: list[ResultId]


class RunEvaluation(Shape):
    """The same measures for one run alone."""

    run_id: RunId
    processing_model: str | None = None
    overall: EvaluationMetrics


class Evaluation(Shape):
    """The measures of an evaluation, comparable with another over the same queries."""

    name: str | None = None
    created_at: Time
    index_id: IndexId | None = None
    run_ids: list[RunId]
    top_k: int
    iou: float
    queries_fingerprint: Annotated[str, Meta(description="Equal when the queries and labels are.")]
    embedding_model: str | None = None
    overall: EvaluationMetrics
    groups: dict[str, EvaluationMetrics]
    runs: list[RunEvaluation] = field(default_factory=list)
    queries: list[QueryOutcome]
    status: Literal["completed"] = "completed"
