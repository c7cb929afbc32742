"""Arguments of tools. A name that stands in the path of a route goes there; the others go into its query or its body."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, field

from videovector_http.wire import webhooks
from videovector_http.wire.base import Body
from videovector_http.wire.common import (
    ConnectorId,
    Cursor,
    DeliveryStatus,
    ExportId,
    GlobPattern,
    ImportJobId,
    ImportJobStatus,
    ImportMode,
    IndexId,
    IndexIds,
    IndexName,
    JsonObject,
    PageLimit,
    PathPrefix,
    PromptId,
    RetryId,
    RunId,
    RunIds,
    SegmentId,
    ShortName,
    SubPath,
    VideoId,
    WebhookId,
)
from videovector_http.wire.connectors import Coordinate, Scopes, Secret
from videovector_http.wire.parts import RunSettings
from videovector_http.wire.prompts import ChangedPrompt, NewPrompt
from videovector_http.wire.search import Conditions, Image, Query, SearchFields, TopK, Weight

Key: TypeAlias = Annotated[
    str,
    Meta(min_length=1, max_length=255, description="The same key with the same arguments has one effect."),
]


class Nothing(Body):
    """No arguments."""


class Keyed(Body):
    """A write that may be sent again under its key."""

    idempotency_key: Key | None = None


class OneIndex(Body):
    """An index."""

    index_id: IndexId


class OneVideo(Body):
    """A media item."""

    video_id: VideoId


class OnePrompt(Body):
    """A prompt."""

    prompt_id: PromptId


class OneRun(Body):
    """A run."""

    run_id: RunId


class OneConnector(Body):
    """A connector."""

    connector_id: ConnectorId


class OneJob(Body):
    """An import job."""

    job_id: ImportJobId


class OneExport(Body):
    """An export."""

    export_id: ExportId


class OneWebhook(Body):
    """A webhook."""

    webhook_id: WebhookId


class _Found(OneIndex):
    run_ids: RunIds | None = None
    index_ids: IndexIds | None = None


class SearchVideos(_Found):
    """Words to look for."""

    query: Query
    top_k: TopK = 10
    search_fields: SearchFields | None = None


class SearchByImage(_Found):
    """A picture to look for."""

    image_data: Image
    top_k: TopK = 10


class MultimodalSearch(_Found):
    """Words, a picture, or both."""

    text_query: Query | None = None
    image_data: Image | None = None
    text_weight: Weight = 0.5
    image_weight: Weight = 0.5
    top_k: TopK = 10
    search_fields: SearchFields | None = None


class FilterVideos(_Found):
    """Conditions that all hold."""

    conditions: Conditions
    page_size: PageLimit = 50
    cursor: Cursor | None = None


class ListIndexes(Body):
    """Which indexes."""

    include_defaults: bool = True


class CreateIndex(Keyed):
    """A new index."""

    name: IndexName


class ListPrompts(Body):
    """Which prompts."""

    include_defaults: bool = True
    active_only: bool = True


class CreatePrompt(NewPrompt):
    """A new prompt."""

    idempotency_key: Key | None = None


class UpdatePrompt(ChangedPrompt):
    """What to replace."""

    prompt_id: PromptId
    idempotency_key: Key | None = None


class TestSchema(Body):
    """A schema and a sample."""

    __test__ = False
    json_schema: JsonObject
    sample_data: JsonObject


class ListVideos(OneIndex):
    """A page of an index."""

    limit: PageLimit = 50
    cursor: Cursor | None = None


class VideosStatus(Body):
    """Which media."""

    video_ids: Annotated[list[VideoId], Meta(min_length=1, max_length=100)]


class VideoSegments(OneVideo):
    """Segments as one run saw them."""

    run_id: RunId | None = None
    latest_run: bool = False
    limit: PageLimit = 50


class ListRuns(Body):
    """Runs of the account, of an index or of a media item."""

    index_id: Annotated[IndexId, Meta(extra_json_schema={"description": "Not together with video_id."})] | None = None
    video_id: VideoId | None = None
    limit: Annotated[int, Meta(ge=1, le=200, description="At most 100 with index_id.")] | None = None
    cursor: Annotated[str, Meta(max_length=4096, description="With index_id only.")] | None = None


class RunTarget(Body):
    """What a run works on."""

    type: Literal["index", "videos", "playground"]
    index_id: IndexId | None = None
    video_ids: Annotated[list[VideoId], Meta(min_length=1, max_length=1000)] | None = None


class EstimateRun(RunSettings):
    """A run, as it would be started."""

    prompt_id: PromptId
    target: RunTarget
    enable_transcription: bool = True
    enable_image_embedding: bool = True


class ExecutePrompt(EstimateRun):
    """A run to start."""

    idempotency_key: Key | None = None


class CancelRun(OneRun):
    """A run to stop."""

    idempotency_key: Key | None = None


class RunResults(OneRun):
    """Results of a media item in a run."""

    video_id: VideoId
    limit: PageLimit = 50


class RunVideo(OneRun):
    """A media item in a run."""

    video_id: VideoId


class _RunSegment(RunVideo):
    segment_id: SegmentId


class RetrySegment(_RunSegment):
    """A failed segment to repair."""

    idempotency_key: Key | None = None


class RetryStatus(_RunSegment):
    """A repair."""

    retry_id: RetryId


class _NewConnector(Body):
    name: ShortName
    scopes: Scopes = field(default_factory=lambda: ["import"])
    export_base_path: SubPath | None = None
    import_mode: ImportMode = "all"
    idempotency_key: Key


class CreateGcsConnector(_NewConnector):
    """A bucket of Google Cloud Storage."""

    bucket: Coordinate
    gcp_project_id: Coordinate
    credentials_json: Annotated[JsonObject, Meta(description="The key of a service account; never given back.")]


class CreateS3Connector(_NewConnector):
    """An S3 bucket."""

    bucket: Coordinate
    region: Coordinate
    aws_access_key_id: Secret
    aws_secret_access_key: Secret


class CreateAzureConnector(_NewConnector):
    """A container of Azure Blob Storage."""

    storage_account: Coordinate
    container: Coordinate
    tenant_id: Coordinate
    client_id: Coordinate
    client_secret: Secret


class BrowseFiles(OneConnector):
    """Which files to list."""

    prefix: PathPrefix = ""
    pattern: GlobPattern = "*"
    recursive: bool = True


class CreateImportJob(OneConnector):
    """What to import, and where to."""

    idempotency_key: Key | None = None
    index_id: IndexId
    source_prefix: PathPrefix = ""
    file_pattern: GlobPattern = "*"
    recursive: bool = True


class ListJobs(Body):
    """Which jobs."""

    status: ImportJobStatus | None = None


class CancelJob(OneJob):
    """A job to stop."""

    idempotency_key: Key | None = None


class _NewExport(Keyed):
    destination_connector_id: ConnectorId | None = None
    destination_subpath: SubPath | None = None


class ExportIndex(_NewExport):
    """An index to export, as all runs or some saw it."""

    index_id: IndexId
    prompt_run_ids: RunIds | None = None


class ExportRun(_NewExport):
    """A run to export."""

    run_id: RunId


class CreateWebhook(webhooks.CreateWebhook):
    """A receiver and what it wants to hear."""

    idempotency_key: Key | None = None


class UpdateWebhook(webhooks.UpdateWebhook):
    """What to change, at least one thing."""

    webhook_id: WebhookId
    idempotency_key: Key | None = None


class TestWebhook(OneWebhook):
    """A receiver to try."""

    idempotency_key: Key | None = None
    __test__ = False


class ListDeliveries(OneWebhook):
    """Which deliveries."""

    status: DeliveryStatus | None = None
    limit: PageLimit = 50
