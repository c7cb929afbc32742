"""Usage, rate limits and prices."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, field

from videovector_http.wire.base import Shape
from videovector_http.wire.common import JsonObject, Time, UserId

Metrics: TypeAlias = dict[str, float]
ModelUsage: TypeAlias = Annotated[dict[str, dict[str, float]], Meta(description="Model, then metric, then number.")]
AuthUsage: TypeAlias = Annotated[
    dict[str, dict[str, str | float]], Meta(description="Credential, then field, then text or number.")
]


class UsageTotals(Shape):
    """Totals of a period."""

    total_tokens: int
    total_searches: int
    total_storage_bytes: int | None = None
    total_videos_uploaded: int | None = None
    total_videos_processed: int | None = None
    total_segments_created: int | None = None


class CurrentUsage(Shape):
    """The period that runs."""

    user_id: UserId
    period_start: Time
    period_end: Time
    metrics: Metrics
    model_usage: ModelUsage = field(default_factory=dict)
    auth_usage: AuthUsage = field(default_factory=dict)
    totals: UsageTotals


class UsageHistoryItem(Shape):
    """A period that is over."""

    summary_id: str
    period_start: Time
    period_end: Time
    metrics: Metrics
    model_usage: ModelUsage = field(default_factory=dict)
    auth_usage: AuthUsage = field(default_factory=dict)
    totals: dict[str, int]


class UsageHistory(Shape):
    """Periods, newest first."""

    user_id: UserId
    periods: list[UsageHistoryItem]


class UsageDetail(Shape):
    """One thing that was counted."""

    event_id: str
    metric_type: str
    value: float
    unit: str
    timestamp: Time
    metadata: JsonObject | None = None


class UsageBreakdown(Shape):
    """What made up a period."""

    user_id: UserId
    period_start: Time
    period_end: Time
    breakdown: Metrics
    totals: UsageTotals


class UsageMetricTypeInfo(Shape):
    """Something that is counted."""

    type: Annotated[str, Meta(examples=["search_queries"])]
    description: str
    unit: Annotated[str, Meta(examples=["count"])]


class RateLimitCategoryStatus(Shape):
    """How much is left in the two windows."""

    minute_used: int
    minute_limit: int
    minute_remaining: int
    hour_used: int
    hour_limit: int
    hour_remaining: int
    reset_at: Annotated[int, Meta(description="Unix time in seconds.")]


class RateLimitStatus(Shape):
    """How much is left, by category."""

    user_id: UserId
    plan_id: str
    categories: dict[str, RateLimitCategoryStatus]


class ModelOption(Shape):
    """A model that runs may name."""

    value: Annotated[str, Meta(description="As in `processing_model`.", examples=["gemini-2.5-flash"])]
    label: str
    served_by: Annotated[str, Meta(description="The model that does the work here.")] | None = None
    is_default: bool = False
    mt_per_media_second: float = 0.0


class Pricing(Shape):
    """Which models there are and what they cost."""

    processing_model_options: list[ModelOption]
