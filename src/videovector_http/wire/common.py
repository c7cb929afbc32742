"""Words and small types that several resources share: enums, ids, times, limits. Each is defined here once.

The bounds are read by the decoder for requests and by the OpenAPI document for both directions; nothing is checked
while an answer is written.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

# Enums ----------------------------------------------------------------------------------------------------------

MediaStatus: TypeAlias = Literal["not_processed", "processing", "processed", "failed"]
MediaType: TypeAlias = Literal["video", "audio", "image"]
RunStatus: TypeAlias = Literal["pending", "processing", "completed", "completed_with_failures", "failed", "cancelled"]
SegmentStatus: TypeAlias = Literal["pending", "processing", "successful", "failed"]
VideoLevelStatus: TypeAlias = Literal["pending", "processing", "completed", "partial", "failed"]
RetryStatus: TypeAlias = Literal["pending", "processing", "completed", "failed"]
Operation: TypeAlias = Literal["field_extraction", "transcription", "image_embedding", "processing"]
VideoSegmentation: TypeAlias = Literal["smart", "fixed", "content_aware"]
AudioSegmentation: TypeAlias = Literal["fixed", "content_aware"]
DeletionStatus: TypeAlias = Literal["draining", "deleting", "deleted"]
ResultLevel: TypeAlias = Literal["segment", "video"]
MatchType: TypeAlias = Literal["both", "text_only", "image_only"]
Aggregation: TypeAlias = Literal["best", "all", "weighted"]
SearchMode: TypeAlias = Literal["vector", "condition"]
KeyScope: TypeAlias = Literal["search", "read", "write", "admin"]
ConnectorProvider: TypeAlias = Literal["gcs", "s3", "azure", "local"]
ConnectorStatus: TypeAlias = Literal["active", "testing", "failed", "disabled"]
ConnectorScope: TypeAlias = Literal["import", "export"]
ImportMode: TypeAlias = Literal["all", "new_only"]
ImportJobStatus: TypeAlias = Literal["pending", "scanning", "importing", "completed", "failed", "cancelled"]
ImportExecutionStatus: TypeAlias = Literal["not_requested", "pending", "submitted", "blocked"]
SourceKind: TypeAlias = Literal["connector", "upload", "attachments", "uri"]
ExportStatus: TypeAlias = Literal["pending", "processing", "completed", "failed"]
ExportQueueStatus: TypeAlias = Literal["queued", "leased", "running", "failed", "succeeded", "dead_letter"]
ExportType: TypeAlias = Literal["index", "prompt_run"]
DestinationType: TypeAlias = Literal["download", "connector"]
ResultScope: TypeAlias = Literal["all", "matches"]
WebhookStatus: TypeAlias = Literal["active", "paused", "disabled"]
DeliveryStatus: TypeAlias = Literal["pending", "processing", "delivered", "failed", "retrying"]
FilterType: TypeAlias = Literal["string", "integer", "number", "boolean", "array"]
FilterOperator: TypeAlias = Literal[
    "equals",
    "contains",
    "starts_with",
    "ends_with",
    "is_empty",
    "is_not_empty",
    "greater_than",
    "greater_equal",
    "less_than",
    "less_equal",
    "item_equals",
    "item_contains",
    "length_equals",
    "length_greater",
    "length_less",
]
DebounceInterval: TypeAlias = Literal["5m", "10m", "1h", "1d"]

# Ids ------------------------------------------------------------------------------------------------------------

_PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
_NO_NUL = r"^[^\x00]*$"


def _id(what: str, example: str) -> Meta:
    return Meta(min_length=1, max_length=200, pattern=_PRINTABLE, description=what, examples=[example])


IndexId: TypeAlias = Annotated[str, _id("Id of an index.", "idx_archive")]
VideoId: TypeAlias = Annotated[str, _id("Id of a media item: video, audio or image.", "vid_456")]
SegmentId: TypeAlias = Annotated[str, _id("Id of a segment.", "seg_789")]
PromptId: TypeAlias = Annotated[str, _id("Id of a prompt.", "prompt_scene_extract")]
RunId: TypeAlias = Annotated[str, _id("Id of a prompt run.", "run_123")]
RetryId: TypeAlias = Annotated[str, _id("Id of a segment retry.", "retry_12")]
ConnectorId: TypeAlias = Annotated[str, _id("Id of a storage connector.", "conn_archive")]
ImportJobId: TypeAlias = Annotated[str, _id("Id of an import job.", "job_321")]
ExportId: TypeAlias = Annotated[str, _id("Id of an export.", "exp_654")]
WebhookId: TypeAlias = Annotated[str, _id("Id of a webhook.", "wh_12")]
DeliveryId: TypeAlias = Annotated[str, _id("Id of a webhook delivery.", "del_34")]
KeyId: TypeAlias = Annotated[str, _id("Id of an API key (not the key itself).", "key_56")]
SessionId: TypeAlias = Annotated[str, _id("Id of a chat session.", "session_123")]
TurnId: TypeAlias = Annotated[str, _id("Id of a chat turn.", "turn_7")]
MarkerId: TypeAlias = Annotated[str, _id("Id of a marker.", "marker_8")]
UserId: TypeAlias = Annotated[str, Meta(description="Id of the account that owns it.")]
ResultId: TypeAlias = Annotated[
    str,
    Meta(
        description="`segment:<segment_id>:<run_id>` or `video:<video_id>:<run_id>`.",
        examples=["segment:seg_789:run_123"],
    ),
]

# Values ---------------------------------------------------------------------------------------------------------

Time: TypeAlias = Annotated[str, Meta(description="RFC 3339, UTC.", examples=["2026-01-01T00:00:00.000Z"])]
Seconds: TypeAlias = Annotated[float, Meta(description="Seconds from the start of the media.", examples=[12.5])]
Amount: TypeAlias = Annotated[float, Meta(description="Metered tokens; 0 on a server without billing.")]
StorageUri: TypeAlias = Annotated[
    str,
    Meta(
        description="Lasting storage URI; exchange it at `POST /videos/signed-url`.", examples=["gs://media/clip.mp4"]
    ),
]
PlayUrl: TypeAlias = Annotated[str, Meta(description="Short-lived absolute URL that needs no credential.")]
FieldPath: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        pattern=_PRINTABLE,
        description="Path of a metadata leaf; `[]` follows the name of an array.",
        examples=["scene.people[].emotion"],
    ),
]
JsonObject: TypeAlias = dict[str, Any]
Succeeded: TypeAlias = Annotated[bool, Meta(description="Outcome of the operation; null when it was not asked for.")]

# What requests may carry ----------------------------------------------------------------------------------------

Cursor: TypeAlias = Annotated[
    str,
    Meta(min_length=1, max_length=4096, description="`next_cursor` of the page before; send the same filters again."),
]
PageLimit: TypeAlias = Annotated[int, Meta(ge=1, le=100, description="Rows per page.")]
Title: TypeAlias = Annotated[
    str,
    Meta(min_length=1, max_length=255, pattern=_NO_NUL, description="Title of the media.", examples=["Episode 001"]),
]
ShortName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100, pattern=_NO_NUL, description="Display name.")]
IndexName: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1, max_length=255, pattern=_NO_NUL, description="Name of an index.", examples=["Broadcast archive"]
    ),
]
SegmentDuration: TypeAlias = Annotated[
    int,
    Meta(ge=1, le=300, description="Whole seconds per segment; given when the segmentation is `fixed`, and only then."),
]
ModelName: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=_PRINTABLE,
        description="Extraction model; absent means the server's default.",
        examples=["gemini-2.5-flash"],
    ),
]
RunIds: TypeAlias = Annotated[
    list[RunId], Meta(max_length=1000, description="Look only at these runs; empty means every searchable run.")
]
IndexIds: TypeAlias = Annotated[
    list[IndexId], Meta(max_length=1000, description="Look in these indexes instead of the one in the path.")
]
VideoIds: TypeAlias = Annotated[list[VideoId], Meta(max_length=1000, description="Look only at these media items.")]
PathPrefix: TypeAlias = Annotated[
    str,
    Meta(max_length=1024, pattern=_NO_NUL, description="Key prefix in the storage.", examples=["incoming/2026/04/"]),
]
GlobPattern: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        pattern=_NO_NUL,
        description="Glob; `*`, `?` and brace alternatives.",
        examples=["*.{mp4,mov}"],
    ),
]
SubPath: TypeAlias = Annotated[
    str,
    Meta(
        max_length=1024,
        pattern=_NO_NUL,
        description="Path below the connector's export boundary.",
        examples=["exports/review-team"],
    ),
]
Instruction: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=8000,
        pattern=_NO_NUL,
        description="What is wanted, in plain words.",
        examples=["Who speaks, where, and in what mood?"],
    ),
]
JsonSchema: TypeAlias = Annotated[
    JsonObject,
    Meta(
        description="JSON Schema whose root declares `type: object`.",
        examples=[{"type": "object", "properties": {"headline": {"type": "string"}}}],
    ),
]
