"""Search: by words, by a picture, by both, over several runs, in the playground, and by conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid
from videovector_core.idempotency import fingerprint_json
from videovector_core.search.filters import ABSENT, Condition, Filter
from videovector_core.search.merging import Aggregation
from videovector_core.search.model import Hit
from videovector_core.search.service import Where
from videovector_http import evaluations
from videovector_http.bodies import MAX_IMAGE_JSON
from videovector_http.context import Context
from videovector_http.render.found import found, fused, looked_at
from videovector_http.render.reader import Reader, marked
from videovector_http.wire import search as wire

# models and the engine take their time, so a search with a key holds no transaction meanwhile
SEARCH: dict[str, Any] = {"scope": Scope.SEARCH, "keyed": "outside"}


@post("/indexes/{index_id:str}/search", opt=SEARCH, status_code=200)
async def text_search(
    index_id: FromPath[str],
    data: JSONBody[wire.TextSearch],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> list[wire.SearchResult]:
    """Find moments by meaning and by words, best first."""
    hits = await context.vv.search.text(
        caller,
        data.query,
        _where(index_id, data),
        top_k=data.top_k,
        search_fields=data.search_fields or (),
        wanted=_filter(data.filters),
    )
    return found(await _reader(context, caller, hits), hits, explain=data.explain)


@post("/indexes/{index_id:str}/image-search", opt=SEARCH, status_code=200, request_max_body_size=MAX_IMAGE_JSON)
async def image_search(
    index_id: FromPath[str],
    data: JSONBody[wire.ImageSearch],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> list[wire.ImageSearchResult]:
    """Find moments that look like a picture, one hit for each segment, best first."""
    hits = await context.vv.search.image(
        caller, data.image_data, _where(index_id, data), top_k=data.top_k, wanted=_filter(data.filters)
    )
    return looked_at(await _reader(context, caller, hits), hits, explain=data.explain)


@post("/indexes/{index_id:str}/multimodal-search", opt=SEARCH, status_code=200, request_max_body_size=MAX_IMAGE_JSON)
async def multimodal_search(
    index_id: FromPath[str],
    data: JSONBody[wire.MultimodalSearch],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> list[wire.MultimodalSearchResult]:
    """Find moments by words and a picture, fused by reciprocal rank with weights, best first."""
    hits = await context.vv.search.multimodal(
        caller,
        _where(index_id, data),
        text=data.text_query,
        image=data.image_data,
        text_weight=data.text_weight,
        image_weight=data.image_weight,
        top_k=data.top_k,
        search_fields=data.search_fields or (),
        wanted=_filter(data.filters),
    )
    return fused(await _reader(context, caller, hits), hits, explain=data.explain)


@post("/search/multi-run", opt=SEARCH, status_code=200)
async def multi_run_search(
    data: JSONBody[wire.MultiRunSearch], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> list[wire.SearchResult]:
    """Ask several runs the same question and merge their hits."""
    hits = await context.vv.search.multi_run(
        caller,
        data.query,
        run_ids=data.run_ids or (),
        index_id=data.index_id,
        aggregation=Aggregation(data.aggregation),
        top_k=data.top_k,
    )
    return found(await _reader(context, caller, hits), hits, explain=data.explain)


@post("/playground/search", opt=SEARCH, status_code=200)
async def playground_search(
    data: JSONBody[wire.PlaygroundSearch],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    run_id: FromQuery[str | None] = None,
) -> list[wire.SearchResult]:
    """Find moments of media that lie in no index, in one run or in all of them."""
    run_ids = tuple(dict.fromkeys([*([run_id] if run_id else []), *(data.run_ids or ())]))
    where = Where(run_ids=run_ids, playground=True)
    hits = await context.vv.search.text(caller, data.query, where, top_k=data.top_k)
    return found(await _reader(context, caller, hits), hits, explain=data.explain)


@post("/search/filter/playground", opt=SEARCH, status_code=200)
async def playground_filter(
    data: JSONBody[wire.FilterSearch], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.FilterSearchResponse:
    """List the results of media in no index that meet every condition."""
    where = Where(run_ids=tuple(data.run_ids or ()), video_ids=tuple(data.video_ids or ()), playground=True)
    return await _filtered(context, caller, where, data, "playground")


@post("/search/filter/{index_id:str}", opt=SEARCH, status_code=200)
async def filter_search(
    index_id: FromPath[str],
    data: JSONBody[wire.FilterSearch],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.FilterSearchResponse:
    """List the results that meet every condition, media in order of arrival, then in order of time."""
    return await _filtered(context, caller, _where(index_id, data), data, index_id)


async def _filtered(
    context: Context, caller: Caller, where: Where, data: wire.FilterSearch, place: str
) -> wire.FilterSearchResponse:
    if data.start_after is not UNSET:
        raise Invalid("start_after is not supported; page with cursor.", code="validation_start_after")
    wanted = _filter(data.conditions, data.any_of, data.none_of)
    asked = {**msgspec.to_builtins(data), "cursor": None, "page_size": None}
    bound = ("filter", caller.user_id, place, fingerprint_json(asked))
    after = context.signer.place(data.cursor, *bound)
    page = await context.vv.search.filter(caller, where, wanted, limit=data.page_size, after=after)
    rows = found(await _reader(context, caller, page.items), page.items)
    next_cursor = context.signer.cursor(page.after, *bound)
    return wire.FilterSearchResponse.of(rows, limit=data.page_size, next_cursor=next_cursor)


def _where(index_id: str, data: Any) -> Where:
    return Where(index_id, tuple(data.index_ids or ()), tuple(data.run_ids or ()), tuple(data.video_ids or ()))


def _filter(
    conditions: Sequence[wire.FilterCondition] | None,
    any_of: Sequence[Sequence[wire.FilterCondition]] | None = None,
    none_of: Sequence[wire.FilterCondition] | None = None,
) -> Filter:
    return Filter(
        [_condition(one) for one in conditions or ()],
        [[_condition(one) for one in group] for group in any_of or ()],
        [_condition(one) for one in none_of or ()],
    )


def _condition(one: wire.FilterCondition) -> Condition:
    return Condition.read(one.field, one.operator, one.type, ABSENT if one.value is UNSET else one.value)


async def _reader(context: Context, caller: Caller, hits: Sequence[Hit]) -> Reader:
    return await marked(context, caller, [("result", hit.result_id) for hit in hits])


ROUTES = [
    text_search,
    image_search,
    multimodal_search,
    multi_run_search,
    playground_search,
    playground_filter,
    filter_search,
    *evaluations.ROUTES,
]
