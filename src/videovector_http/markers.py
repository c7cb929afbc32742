"""Markers."""

from __future__ import annotations

from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from videovector_core.access.model import Caller, Scope
from videovector_core.markers import Target
from videovector_http.context import Context
from videovector_http.paging import Cursor, Limit
from videovector_http.wire import markers as wire
from videovector_http.wire.convert import out
from videovector_http.wire.envelopes import DeleteResponse, Page


@get("/markers", opt={"scope": Scope.READ})
async def list_markers(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    target_type: FromQuery[wire.TargetType | None] = None,
    target_id: FromQuery[str | None] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[wire.Marker]:
    """List the caller's markers, newest first: all, those of one type of target, or those of one target."""
    bound = ("markers", caller.user_id, target_type, target_id)
    after = context.signer.place(cursor, *bound)
    page = await context.vv.markers.page(caller, target_type=target_type, target_id=target_id, limit=limit, after=after)
    rows = [out(one, wire.Marker) for one in page.items]
    return Page.of(rows, limit=limit, next_cursor=context.signer.cursor(page.after, *bound))


@put("/markers", opt={"scope": Scope.WRITE})
async def put_marker(
    data: JSONBody[wire.PutMarker], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.Marker:
    """Pin a marker to something, or change the one that is there."""
    target = Target.of(data.target_type, data.target_id, data.run_id, data.field_path)
    return out(await context.vv.markers.put(caller, target, color=data.color, note=data.note), wire.Marker)


@delete("/markers/{marker_id:str}", opt={"scope": Scope.WRITE}, status_code=200)
async def delete_marker(
    marker_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> DeleteResponse:
    """Remove a marker."""
    await context.vv.markers.remove(caller, marker_id)
    return DeleteResponse(message="The marker was removed.")


ROUTES = [list_markers, put_marker, delete_marker]
