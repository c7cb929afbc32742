"""Search by text, image or both, over runs, and by conditions."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

from msgspec import UNSET, Meta, field

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import (
    Aggregation,
    Cursor,
    FieldPath,
    FilterOperator,
    FilterType,
    IndexId,
    JsonObject,
    MatchType,
    MediaType,
    PageLimit,
    PlayUrl,
    PromptId,
    ResultId,
    ResultLevel,
    RunId,
    RunIds,
    Seconds,
    SegmentId,
    StorageUri,
    VideoId,
)
from videovector_http.wire.envelopes import PaginationMeta
from videovector_http.wire.markers import MarkerInfo
from videovector_http.wire.parts import Previewed, Within

MAX_IMAGE_CHARS: Final = 13_981_016 + 64
"""10 MiB in base64, and room for a data-URL prefix."""

Query: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2000,
        pattern=r"^[^\x00]*$",
        description="What to look for, in plain words.",
        examples=["reporter at station entrance"],
    ),
]
Image: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=MAX_IMAGE_CHARS, description="JPEG, PNG or WebP in base64; at most 10 MiB.")
]
SearchFields: TypeAlias = Annotated[
    list[FieldPath], Meta(max_length=200, description="Compare with these leaves only; empty means all indexed fields.")
]
TopK: TypeAlias = Annotated[int, Meta(ge=1, le=100, description="At most so many hits.")]
Weight: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0, description="Share in the fusion; both sum to 1.")]


class MatchedFieldInstance(Shape):
    """One value that matched."""

    field_path: FieldPath
    field_display_label: str | None = None
    field_instance_key: Annotated[str, Meta(examples=['__instance__:["headline"]'])]
    field_instance_path: str
    field_instance_display_label: str | None = None
    score: float
    value_preview: str = ""


class ScorePart(Shape):
    """What one ranking added to a fused score: `weight / (k + rank)`."""

    signal: Annotated[str, Meta(examples=["dense", "lexical", "leaf", "image"])]
    rank: int
    score: float | None = None
    weight: float = 1.0
    contribution: float


class ScoreExplanation(Shape):
    """How a hit came to its place."""

    k: Annotated[int, Meta(description="The constant of reciprocal rank fusion.")]
    fused: float
    parts: list[ScorePart] = field(default_factory=list)


class SearchResult(Previewed):
    """A hit: one segment, or one media item, of one run."""

    result_type: ResultLevel = "segment"
    result_id: ResultId
    video_id: VideoId
    video_uri: str | None = None
    video_name: str | None = None
    segment_id: SegmentId | None = None
    start_time: Seconds | None = None
    end_time: Seconds | None = None
    text_content: str
    content_preview: str = ""
    metadata_text: str | None = None
    similarity_score: Annotated[float, Meta(description="0 to 1; null where nothing is ranked.")] | None = None
    reranked_score: float | None = None
    thumbnail_data: str | None = None
    gif_data: str | None = None
    media_type: MediaType | None = None
    metadata: JsonObject | None = None
    extracted_metadata: JsonObject | None = None
    field_scores: dict[FieldPath, float] | None = None
    field_instance_scores: dict[str, float] | None = None
    matched_field_paths: list[FieldPath] | None = None
    matched_field_instances: list[MatchedFieldInstance] | None = None
    fused_score: float | None = None
    text_score: float | None = None
    image_score: float | None = None
    text_rank: int | None = None
    image_rank: int | None = None
    match_type: MatchType | None = None
    matched_image_uri: PlayUrl | None = None
    matched_image_gcs_uri: StorageUri | None = None
    matched_image_timestamp: Seconds | None = None
    matched_image_score: float | None = None
    shot_timestamp: Seconds | None = None
    run_id: RunId | None = None
    source_run_id: RunId | None = None
    prompt_run_id: RunId | None = None
    prompt_id: PromptId | None = None
    raw_llm_response: str | None = None
    source_index_id: IndexId | None = None
    marker: MarkerInfo = MarkerInfo()
    extracted_metadata_markers: dict[FieldPath, MarkerInfo] = field(default_factory=dict)
    explain: Annotated[ScoreExplanation, Meta(description="Given when the request asks for it.")] | None = None


class ImageSearchResult(SearchResult):
    """A hit of an image search."""


class MultimodalSearchResult(SearchResult):
    """A hit of a fused search."""

    fused_score: float
    match_type: MatchType


class FilterSearchResponse(Shape):
    """A page of hits, in the older and in the newer form at once."""

    results: list[SearchResult] = field(default_factory=list)
    next_page_token: str | None = None
    total_shown: int = 0
    data: list[SearchResult] = field(default_factory=list)
    pagination: PaginationMeta | None = None

    @classmethod
    def of(cls, hits: list[SearchResult], *, limit: int, next_cursor: str | None) -> FilterSearchResponse:
        """Say the same page in both forms."""
        place = PaginationMeta(limit=limit, has_more=next_cursor is not None, next_cursor=next_cursor)
        return cls(results=hits, next_page_token=next_cursor, total_shown=len(hits), data=hits, pagination=place)


class FilterCondition(Body, forbid_unknown_fields=True):
    """One condition; `is_empty` and `is_not_empty` take no `value`, not even null."""

    field: FieldPath
    operator: FilterOperator
    type: FilterType
    value: Annotated[Any, Meta(description="A scalar of the type named.", examples=["happy"])] = UNSET


Conditions: TypeAlias = Annotated[list[FilterCondition], Meta(min_length=1, max_length=4)]


class FilterSearch(Within):
    """Hits that meet every one of the conditions."""

    conditions: Conditions
    page_size: PageLimit = 50
    cursor: Cursor | None = None
    any_of: (
        Annotated[list[Conditions], Meta(max_length=4, description="Also, every condition of at least one group.")]
        | None
    ) = None
    none_of: Annotated[list[FilterCondition], Meta(max_length=4, description="And none of these.")] | None = None
    start_after: Annotated[Any, Meta(description="Retired and refused; use `cursor`.")] = UNSET


class Ranked(Within):
    """What searches by likeness have in common."""

    filters: Conditions | None = None
    explain: bool = False


class TextSearch(Ranked):
    """Hits by meaning and by words."""

    query: Query
    top_k: TopK = 30
    search_fields: SearchFields | None = None


class ImageSearch(Ranked):
    """Hits that look alike."""

    image_data: Image
    top_k: TopK = 20


class MultimodalSearch(Ranked):
    """Hits by text and image together; at least one of them."""

    text_query: Query | None = None
    image_data: Image | None = None
    top_k: TopK = 20
    text_weight: Weight = 0.5
    image_weight: Weight = 0.5
    search_fields: SearchFields | None = None


class MultiRunSearch(Body):
    """One query over several runs; `top_k` counts per run."""

    query: Query
    aggregation: Aggregation = "best"
    top_k: Annotated[int, Meta(ge=1, le=50)] = 5
    run_ids: Annotated[list[RunId], Meta(max_length=20)] | None = None
    index_id: IndexId | None = None
    explain: bool = False


class PlaygroundSearch(Body):
    """Text search over media that lie in no index; one run may be named in the query string."""

    query: Query
    top_k: TopK = 30
    run_ids: RunIds | None = None
    explain: bool = False
