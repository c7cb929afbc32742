"""Results of tools."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from videovector_http.wire.base import Shape
from videovector_http.wire.common import ConnectorId, DeliveryId, ExportStatus, IndexId, JsonObject, Time, WebhookId
from videovector_http.wire.indexes import Index
from videovector_http.wire.tools.rows import (
    ConnectorRow,
    FileRow,
    ImageRow,
    JobRow,
    MultimodalRow,
    PromptRow,
    ResultRow,
    RunRow,
    SearchRow,
    SegmentRow,
    StatusTotals,
    VideoRow,
    VideoStatusRow,
)
from videovector_http.wire.webhooks import Webhook

Tip = Annotated[str, Meta(description="What to do next.")]
ByStatus = Annotated[dict[str, int], Meta(description="How many there are of each status.")]


class Enrichment(Shape):
    """How many hits came with their whole segment."""

    resolved_results: int
    unresolved_results: int
    failed_groups: int


class Found(Shape):
    """Hits of a search by words."""

    query: str
    index_id: IndexId
    total_results: int
    segment_enrichment: Enrichment
    results: list[SearchRow]


class FoundByImage(Shape):
    """Hits of a search by picture."""

    index_id: IndexId
    search_type: Literal["image"] = "image"
    total_results: int
    results: list[ImageRow]


class FoundByBoth(Shape):
    """Hits of a search by words and picture."""

    index_id: IndexId
    search_type: Literal["multimodal"] = "multimodal"
    text_query: str | None = None
    has_image: bool
    text_weight: float
    image_weight: float
    total_results: int
    results: list[MultimodalRow]


class Filtered(Shape):
    """Results that meet conditions."""

    index_id: IndexId
    search_type: Literal["filter"] = "filter"
    conditions: list[JsonObject]
    total_results: int
    has_more: bool
    next_cursor: str | None = None
    results: list[SearchRow]


class Indexes(Shape):
    """All indexes, own and shared ones apart."""

    total_indexes: int
    user_indexes: list[Index]
    default_indexes: list[Index] = field(default_factory=list)
    tip: Tip


class IndexMade(Shape):
    """A new index."""

    message: str
    index: Index
    tip: Tip


class Prompts(Shape):
    """All prompts."""

    total_count: int
    active_count: int
    prompts: list[PromptRow]
    tip: Tip


class PromptKept(Shape):
    """A prompt that was made or changed."""

    message: str
    prompt: PromptRow
    tip: Tip | None = None


class Segments(Shape):
    """Segments of a media item."""

    video_id: str
    run_id: Annotated[str, Meta(description="The run that was asked for, or `latest`.")] | None = None
    total_segments: int
    has_more: bool
    segments: list[SegmentRow]


class _Totals(Shape):
    by_status: ByStatus
    by_run_status: ByStatus
    segment_status_totals: StatusTotals
    videos_with_processing_details: int


class Videos(_Totals):
    """A page of an index."""

    index_id: IndexId
    videos_returned: int
    has_more: bool
    next_cursor: str | None = None
    by_media_type: dict[str, int]
    videos: list[VideoRow]
    tip: Tip | None = None


class Statuses(_Totals):
    """How far media have come."""

    total_videos: int
    statuses: list[VideoStatusRow]


class Runs(Shape):
    """Runs, newest first."""

    scope: Literal["user", "index", "video"]
    index_id: str | None = None
    video_id: str | None = None
    total_runs: int
    has_more: bool = False
    next_cursor: str | None = None
    runs: list[RunRow]


class RunEstimate(Shape):
    """What a run would come to."""

    prompt_id: str
    target: JsonObject
    estimated_mt: float
    sufficient_balance: bool
    current_balance_mt: float
    breakdown: JsonObject


class RunStarted(Shape):
    """A run that was accepted."""

    message: str
    run_id: str
    status: str
    prompt_name: str
    target: JsonObject
    total_media: int
    tip: Tip


class RunStopped(Shape):
    """A run that was asked to stop."""

    message: str
    run: RunRow
    note: str


class Results(Shape):
    """What a run found in a media item."""

    run_id: str
    video_id: str
    total_results: int
    has_more: bool
    results: list[ResultRow]


class ConnectorMade(Shape):
    """A new connector."""

    message: str
    connector: ConnectorRow
    tip: Tip


class Connectors(Shape):
    """All connectors."""

    total_connectors: int
    by_provider: dict[str, int]
    connectors: list[ConnectorRow]
    tip: Tip


class ConnectorTried(Shape):
    """Whether a connector reaches its storage."""

    connector_id: ConnectorId
    success: bool
    error_message: str | None = None
    tip: Tip


class FileFilter(Shape):
    """Which files were listed."""

    prefix: str
    pattern: str
    recursive: bool


class Files(Shape):
    """Files behind a connector."""

    connector_id: ConnectorId
    filter: FileFilter
    total_files: int
    total_size: str
    by_extension: dict[str, int]
    files: list[FileRow]
    tip: Tip


class JobMade(Shape):
    """An import that was accepted or stopped."""

    message: str
    job: JobRow
    tip: Tip | None = None
    note: str | None = None


class Jobs(Shape):
    """Import jobs, newest first."""

    total_jobs: int
    filter: str
    by_status: ByStatus
    jobs: list[JobRow]
    tip: Tip


class ExportMade(Shape):
    """An export that was accepted."""

    message: str
    export_id: str
    status: ExportStatus
    index_id: str | None = None
    run_id: str | None = None
    prompt_run_ids: Annotated[Any, Meta(description="A list of ids, or `all`.")] = None
    destination_connector_id: str | None = None
    destination_subpath: str | None = None
    tip: Tip


class WebhookMade(Shape):
    """A new webhook with its secret, which is shown this once."""

    message: str
    webhook: Webhook
    secret: str
    important: str
    tip: Tip


class WebhookChanged(Shape):
    """A webhook that was changed."""

    message: str
    webhook: Webhook


class Webhooks(Shape):
    """All webhooks."""

    total_webhooks: int
    by_status: ByStatus
    webhooks: list[Webhook]
    tip: Tip


class EventNames(Shape):
    """What webhooks can hear."""

    total_events: int
    by_category: dict[str, list[str]]
    events: list[str]
    tip: Tip


class WebhookTried(Shape):
    """What a receiver answered to a test."""

    webhook_id: WebhookId
    success: bool
    status_code: int | None = None
    error: str | None = None
    tip: Tip


class DeliveryRow(Shape):
    """A delivery."""

    delivery_id: DeliveryId
    webhook_id: WebhookId
    event_type: str
    status: str
    attempts: int
    last_attempt_at: Time | None = None
    next_retry_at: Time | None = None
    response_status_code: int | None = None
    error_message: str | None = None
    created_at: Time | None = None
    completed_at: Time | None = None


class Deliveries(Shape):
    """Deliveries of a webhook, newest first."""

    webhook_id: WebhookId
    filter: str
    total_deliveries: int
    by_status: ByStatus
    by_event_type: dict[str, int]
    deliveries: list[DeliveryRow]


class ToolFailure(Shape):
    """Why a tool could not do what it was asked for."""

    error: Literal[True] = True
    code: str
    message: str
    details: JsonObject = field(default_factory=dict)
    request_id: str | None = None
    recoverable: Annotated[bool, Meta(description="Whether other arguments or a later call may help.")]
    suggestion: str
