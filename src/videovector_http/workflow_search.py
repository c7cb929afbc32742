"""Search of the workflow: one kept ranking, many pages."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from videovector_core.access.model import Caller
from videovector_core.errors import Invalid
from videovector_core.search.filters import ABSENT, Condition, Filter
from videovector_core.search.service import Where
from videovector_core.workflow.inference import inferred
from videovector_core.workflow.model import WINDOW, Ranking
from videovector_core.workflow.service import Question
from videovector_http.context import Context
from videovector_http.render.found import found
from videovector_http.render.reader import marked
from videovector_http.wire import workflow as wire


async def search(context: Context, caller: Caller, data: wire.WorkflowSearch) -> wire.WorkflowSearchResponse:
    """Search, keep the ranking, and return its first page."""
    where, scope = await _where(context, caller, data)
    query = data.query if data.query and data.query.strip() else None
    asked = Question(query, await _filter(context, caller, data, where), data.result_level, where)
    ranking = await context.vv.workflow.find(caller, asked, scope=scope, page_size=data.limit)
    return await _page(context, caller, ranking, 0)


async def search_page(context: Context, caller: Caller, cursor: str) -> wire.WorkflowSearchResponse:
    """Return the page that a cursor names."""
    place = context.signer.place(cursor, "workflow", caller.user_id)
    if place is None:
        raise Invalid("The cursor is missing; send the next_cursor of the page before.", code="invalid_cursor")
    ranking = await context.vv.workflow.ranking(caller, str(place[0]))
    return await _page(context, caller, ranking, int(place[1]))


async def _page(context: Context, caller: Caller, ranking: Ranking, start: int) -> wire.WorkflowSearchResponse:
    page = await context.vv.workflow.page(caller, ranking, start)
    reader = await marked(context, caller, [("result", hit.result_id) for hit in page.items])
    after = (ranking.ranking_id, *page.after) if page.after is not None else None
    cursor = context.signer.cursor(after, "workflow", caller.user_id)
    return wire.WorkflowSearchResponse(
        data=found(reader, page.items),
        mode=ranking.mode,  # type: ignore[arg-type]  # one of the two words
        result_level=ranking.result_level,  # type: ignore[arg-type]  # one of the two words
        scope=ranking.scope,
        coverage=ranking.coverage,
        warnings=ranking.warnings,
        pagination=wire.WorkflowPagination(
            limit=ranking.page_size,
            count=len(page.items),
            has_more=cursor is not None,
            next_cursor=cursor,
            result_window=WINDOW,
            truncated=ranking.truncated,
        ),
    )


async def _where(context: Context, caller: Caller, data: wire.WorkflowSearch) -> tuple[Where, dict[str, Any]]:
    """Return where to look, and how the answer tells it."""
    index = await index_of(context, caller, data)
    videos, runs = listed(data.video_ids), listed(data.prompt_run_ids)
    playground = not (index or videos or runs)
    told = {"index_id": index, "video_ids": list(videos) or None, "prompt_run_ids": list(runs) or None}
    kind = "playground" if playground else "index" if index else "videos" if videos else "prompt_runs"
    scope = {"type": kind, **{name: value for name, value in told.items() if value is not None}}
    return Where(index, run_ids=runs, video_ids=videos, playground=playground), scope


async def index_of(context: Context, caller: Caller, data: wire.WorkflowSearch | wire.ProcessMedia) -> str | None:
    """Return the id of the index that a request names, by its id or by its name.

    Raises:
        Invalid: it names one in both ways.
    """
    if data.index_id is not None and data.index_name is not None:
        raise Invalid("Give either index_id or index_name.", code="validation_index_choice")
    if data.index_name is not None:
        return await context.vv.workflow.index_named(caller, data.index_name)
    return data.index_id


def listed(one_or_more: list[str] | str | None) -> tuple[str, ...]:
    """Return what may be sent as one id or as a list of them."""
    return (one_or_more,) if isinstance(one_or_more, str) else tuple(one_or_more or ())


async def _filter(context: Context, caller: Caller, data: wire.WorkflowSearch, where: Where) -> Filter:
    """Read the conditions; the type of a field that was named without one is that of the schemas in scope."""
    sent = data.filters or []
    needed = any(one.type is None for one in sent)
    schemas = await context.vv.workflow.schemas(caller, where, data.result_level) if needed else []

    def condition(one: wire.WorkflowFilter) -> Condition:
        value = ABSENT if one.value is UNSET else one.value
        if one.type is not None:
            return Condition.read(one.field, one.operator, one.type, value)
        return inferred(schemas, one.field, one.operator, value)

    return Filter([condition(one) for one in sent])
