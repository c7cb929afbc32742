"""Search."""

from __future__ import annotations

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from videovector_core.access.model import Caller, Scope
from videovector_core.search.service import Where
from videovector_http.context import Context
from videovector_http.markers import marked
from videovector_http.wire import search as wire


@post("/indexes/{index_id:str}/search", opt={"scope": Scope.SEARCH}, status_code=200)
async def text_search(
    index_id: FromPath[str],
    data: JSONBody[wire.TextSearch],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> list[wire.SearchResult]:
    """Find moments by meaning and by words, best first."""
    where = Where(
        index_id,
        tuple(data.index_ids or ()),
        tuple(data.run_ids or ()),
        tuple(data.video_ids or ()),
    )
    hits = await context.vv.search.text(
        caller, data.query, where, top_k=data.top_k, search_fields=data.search_fields or ()
    )
    render = await marked(context, caller, [("result", hit.result_id) for hit in hits])
    return [render.hit(hit) for hit in hits]


ROUTES = [text_search]
