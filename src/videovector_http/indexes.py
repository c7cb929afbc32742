"""Indexes, and what lies in them."""

from __future__ import annotations

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Gone
from videovector_http.context import Context
from videovector_http.lists import shown_runs, shown_videos
from videovector_http.paging import Cursor, Limit
from videovector_http.render.deletions import answers, deletion
from videovector_http.wire import indexes as wire
from videovector_http.wire.convert import out
from videovector_http.wire.envelopes import DeleteResponse, Page
from videovector_http.wire.media import Video
from videovector_http.wire.runs import PromptRun


@post("/indexes", opt={"scope": Scope.WRITE}, status_code=201)
async def create_index(
    data: JSONBody[wire.CreateIndex], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.Index:
    """Make an index."""
    made = await context.vv.indexes.create(caller, name=data.name, description=data.description)
    return out(made, wire.Index)


@get("/indexes", opt={"scope": Scope.SEARCH})
async def list_indexes(
    context: NamedDependency[Context], caller: NamedDependency[Caller], include_defaults: FromQuery[bool] = True
) -> list[wire.Index]:
    """List the caller's indexes, newest first, then the shared ones."""
    return [out(one, wire.Index) for one in await context.vv.indexes.all(caller, defaults=include_defaults)]


@get("/indexes/{index_id:str}", opt={"scope": Scope.SEARCH})
async def retrieve_index(
    index_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.Index:
    """Return one index."""
    return out(await context.vv.indexes.get(caller, index_id), wire.Index)


@get("/indexes/{index_id:str}/videos", opt={"scope": Scope.READ})
async def list_videos(
    index_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Video]:
    """List the media of an index, newest first."""
    bound = ("index videos", caller.user_id, index_id)
    after = context.signer.place(cursor, *bound)
    page = await context.vv.media.page(caller, index_id, limit=limit, after=after)
    rows = await shown_videos(context, caller, page.items)
    return Page.of(rows, limit=limit, next_cursor=context.signer.cursor(page.after, *bound))


@get("/indexes/{index_id:str}/prompt-runs", opt={"scope": Scope.READ})
async def list_runs(
    index_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PromptRun]:
    """List the runs that touched media of an index, newest first."""
    bound = ("index runs", caller.user_id, index_id)
    after = context.signer.place(cursor, *bound)
    page = await context.vv.runs.page(caller, index_id=index_id, limit=limit, after=after)
    rows = await shown_runs(context, caller, page.items)
    return Page.of(rows, limit=limit, next_cursor=context.signer.cursor(page.after, *bound))


@post("/indexes/{index_id:str}/prompt", opt={"scope": Scope.WRITE, "keyed": False}, status_code=200, deprecated=True)
async def prompt_index(
    index_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> DeleteResponse:
    """Answer 410: an older way to run a prompt, which POST /prompt-runs/execute has replaced."""
    await context.vv.indexes.get(caller, index_id)
    raise Gone(
        "Prompts are run with POST /api/v2/prompt-runs/execute and a target of type index; use that.",
        code="resource_index_prompt_gone",
        details={"use": "/api/v2/prompt-runs/execute", "target": {"type": "index", "index_id": index_id}},
    )


@delete(
    "/indexes/{index_id:str}",
    opt={"scope": Scope.ADMIN},
    status_code=202,
    responses=answers(wire.IndexDeletionResponse),
)
async def delete_index(
    index_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> Response[wire.IndexDeletionResponse]:
    """Delete an index with its media: gone from every path at once, removed behind."""
    return deletion(await context.vv.deletions.index(caller, index_id), wire.IndexDeletionResponse, index_id=index_id)


@get("/indexes/{index_id:str}/deletion", opt={"scope": Scope.ADMIN})
async def index_deletion(
    index_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.IndexDeletionResponse:
    """Return how far a deletion is."""
    record = await context.vv.deletions.get(caller, "index", index_id)
    return out(record, wire.IndexDeletionResponse, index_id=index_id)


ROUTES = [
    prompt_index,
    delete_index,
    index_deletion,
    create_index,
    list_indexes,
    retrieve_index,
    list_videos,
    list_runs,
]
