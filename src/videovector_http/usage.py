"""What was counted, and what models there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid
from videovector_core.models.table import VENDOR_NAMES
from videovector_core.usage import METRICS, PROCESSED, SEARCHES, SEGMENTS, TOKENS_IN, TOKENS_OUT, UPLOADS, Period
from videovector_http.context import Context
from videovector_http.gate import PUBLIC
from videovector_http.wire import usage as wire
from videovector_http.wire.convert import out, rfc3339

Periods: TypeAlias = Annotated[int, QueryParameter(ge=1, le=120, description="Months at the most.")]
Rows: TypeAlias = Annotated[int, QueryParameter(ge=1, le=1000, description="Rows at the most.")]
Moment: TypeAlias = Annotated[str | None, QueryParameter(max_length=40, description="A date or time in ISO 8601.")]


@get("/usage", opt={"scope": Scope.READ})
async def current(context: NamedDependency[Context], caller: NamedDependency[Caller]) -> wire.CurrentUsage:
    """Return what was counted in the calendar month that runs."""
    period = await context.vv.usage.current(caller)
    return wire.CurrentUsage(user_id=caller.user_id, totals=_totals(period), **_period(period))


@get("/usage/history", opt={"scope": Scope.READ})
async def history(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    start_date: Moment = None,
    end_date: Moment = None,
    limit: Periods = 12,
) -> wire.UsageHistory:
    """Return the months before this one in which anything was counted, newest first."""
    found = await context.vv.usage.history(
        caller, start=_moment("start_date", start_date), end=_moment("end_date", end_date), limit=limit
    )
    return wire.UsageHistory(user_id=caller.user_id, periods=[_item(caller, period) for period in found])


@get("/usage/details", opt={"scope": Scope.READ})
async def details(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    metric_type: FromQuery[str | None] = None,
    start_date: Moment = None,
    end_date: Moment = None,
    limit: Rows = 100,
) -> list[wire.UsageDetail]:
    """Return what was counted one by one, newest first."""
    found = await context.vv.usage.details(
        caller,
        metric_type=metric_type,
        start=_moment("start_date", start_date),
        end=_moment("end_date", end_date),
        limit=limit,
    )
    return [out(event, wire.UsageDetail) for event in found]


@get("/usage/breakdown", opt={"scope": Scope.READ})
async def breakdown(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    start_date: Moment = None,
    end_date: Moment = None,
) -> wire.UsageBreakdown:
    """Return the sums of a stretch of time, by metric."""
    period = await context.vv.usage.of(caller, _moment("start_date", start_date), _moment("end_date", end_date))
    return wire.UsageBreakdown(
        user_id=caller.user_id,
        period_start=rfc3339(period.start),
        period_end=rfc3339(period.end),
        breakdown=period.metrics,
        totals=_totals(period),
    )


@get("/usage/metric-types", opt={"scope": PUBLIC})
async def metric_types() -> list[wire.UsageMetricTypeInfo]:
    """List what is counted."""
    return [out(metric, wire.UsageMetricTypeInfo) for metric in METRICS]


@get("/billing/pricing", opt={"scope": Scope.READ})
async def pricing(context: NamedDependency[Context]) -> wire.Pricing:
    """List the models that runs may name; nothing has a price on a server of one's own."""
    table = context.vv.ports.models.table
    names = list(dict.fromkeys((table.default, *table.names, *VENDOR_NAMES)))
    return wire.Pricing(
        processing_model_options=[
            wire.ModelOption(value=name, label=name, served_by=table.resolve(name), is_default=name == table.default)
            for name in names
        ]
    )


def _item(caller: Caller, period: Period) -> wire.UsageHistoryItem:
    return wire.UsageHistoryItem(
        summary_id=f"usage-{caller.user_id}-{period.start:%Y-%m}",
        totals={name: round(value) for name, value in period.metrics.items()},
        **_period(period),
    )


def _period(period: Period) -> dict[str, Any]:
    by_key: Mapping[str, Mapping[str, str | float]] = period.by_key
    return {
        "period_start": rfc3339(period.start),
        "period_end": rfc3339(period.end),
        "metrics": period.metrics,
        "model_usage": period.by_model,
        "auth_usage": {key: dict(found) for key, found in by_key.items()},
    }


def _totals(period: Period) -> wire.UsageTotals:
    metrics = {name: round(value) for name, value in period.metrics.items()}
    return wire.UsageTotals(
        total_tokens=metrics[TOKENS_IN] + metrics[TOKENS_OUT],
        total_searches=metrics[SEARCHES],
        total_storage_bytes=period.stored,
        total_videos_uploaded=metrics[UPLOADS],
        total_videos_processed=metrics[PROCESSED],
        total_segments_created=metrics[SEGMENTS],
    )


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))  # a plus that was not escaped comes as a space
    except ValueError as error:
        raise Invalid(f"{name} is a date or time in ISO 8601, such as 2026-01-01.", code="validation_date") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


ROUTES = [current, history, details, breakdown, metric_types, pricing]
