"""Media: upload, register, retrieve, segments, pictures, and the stream behind short-lived links."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Conflict, Invalid, NotFound
from videovector_core.media.model import MediaItem, MediaStatus
from videovector_core.media.service import Media
from videovector_core.prompts.defaults import DEFAULT_PROMPTS
from videovector_core.runs.service import Target
from videovector_core.segments.model import Segmentation
from videovector_http.clips import clipped
from videovector_http.context import Context
from videovector_http.gate import PUBLIC
from videovector_http.lists import shown_runs, shown_segments, shown_videos
from videovector_http.paging import Cursor, Limit, SomeLimit
from videovector_http.ranges import served
from videovector_http.receipts import REPLAYED, Receipts
from videovector_http.render.deletions import answers, deletion
from videovector_http.render.imports import registered
from videovector_http.uploads import upload
from videovector_http.wire import media as wire
from videovector_http.wire.convert import out, rfc3339
from videovector_http.wire.envelopes import Page
from videovector_http.wire.imports import UploadJob
from videovector_http.wire.runs import PromptRun
from videovector_http.wire.segments import Segment, VideoSegments

_PRIVATE = {"Cache-Control": "private, max-age=3600"}


@post("/videos/upload", opt={"scope": Scope.WRITE, "keyed": "own"}, status_code=202, request_max_body_size=None)
async def upload_video(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    receipts: NamedDependency[Receipts],
    caller: NamedDependency[Caller],
) -> Response[UploadJob]:
    """Upload a video, audio file or image; without `index_id` it goes to the playground."""
    body, replayed = await upload(request, context, receipts, caller)
    headers = REPLAYED if replayed else None
    return Response(body, status_code=202, media_type="application/json", headers=headers)  # type: ignore[arg-type]


@post("/videos", opt={"scope": Scope.WRITE}, status_code=202)
async def register_video(
    data: JSONBody[wire.RegisterVideo], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> UploadJob:
    """Register media that lies elsewhere: an object by `gs://`, `s3://` or `az://`, or a file by `https://`."""
    job, file = await context.vv.import_jobs.register(
        caller,
        uri=data.video_uri,
        title=data.title,
        index_id=data.index_id,
        connector_id=data.source_connector_id,
    )
    return registered(job, file)


@get("/videos/{video_id:str}", opt={"scope": Scope.READ})
async def retrieve_video(
    video_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.Video:
    """Return a media item with how far its runs have come."""
    item = await context.vv.media.get(caller, video_id)
    return (await shown_videos(context, caller, [item], segments=True))[0]


@get("/videos/{video_id:str}/segments", opt={"scope": Scope.READ})
async def list_segments(
    video_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    run_id: FromQuery[str | None] = None,
    latest_run: FromQuery[bool] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Segment]:
    """List segments: of one run, of the newest run, or of the newest searchable one."""
    bound = ("segments", caller.user_id, video_id, run_id, latest_run)
    after = context.signer.place(cursor, *bound)
    item, view = await context.vv.runs.segments(
        caller, video_id, run_id=run_id, latest_run=latest_run, limit=limit, after=after
    )
    rows = await shown_segments(context, caller, item, view)
    return Page.of(rows, limit=limit, next_cursor=context.signer.cursor(view.pairs.after, *bound))


@get("/videos/{video_id:str}/prompt-runs", opt={"scope": Scope.READ})
async def list_runs(
    video_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    limit: SomeLimit = None,
) -> list[PromptRun]:
    """List the runs that touched a media item, newest first."""
    page = await context.vv.runs.page(caller, video_id=video_id, limit=limit or 100_000)
    return await shown_runs(context, caller, page.items)


@get("/playground/videos", opt={"scope": Scope.READ})
async def list_playground(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[wire.Video]:
    """List the caller's media that lie in no index, newest first."""
    bound = ("playground", caller.user_id)
    page = await context.vv.media.page(caller, None, limit=limit, after=context.signer.place(cursor, *bound))
    rows = await shown_videos(context, caller, page.items)
    return Page.of(rows, limit=limit, next_cursor=context.signer.cursor(page.after, *bound))


@post("/videos/batch", opt={"scope": Scope.READ, "keyed": False}, status_code=200)
async def batch_retrieve(
    data: JSONBody[wire.BatchVideos], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> list[wire.VideoWithDetails]:
    """Return several media items; unknown ids are left out."""
    items = await context.vv.media.many(caller, data.video_ids)
    return [
        out(one, wire.VideoWithDetails, first_thumbnail=context.link(caller.user_id, "poster", one.video_id))
        for one in await shown_videos(context, caller, items)
    ]


@post("/videos/batch/status", opt={"scope": Scope.READ, "keyed": False}, status_code=200)
async def batch_status(
    data: JSONBody[wire.BatchVideos], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> list[wire.VideoStatus]:
    """Return how far several media items have come; unknown ids are left out."""
    items = await context.vv.media.many(caller, data.video_ids)
    return [out(one, wire.VideoStatus) for one in await shown_videos(context, caller, items)]


@post("/videos/batch/segments", opt={"scope": Scope.READ, "keyed": False}, status_code=200)
async def batch_segments(
    data: JSONBody[wire.BatchSegments], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> list[VideoSegments]:
    """Return the segments of several media items, each as one run saw them where a run is named."""
    if (data.video_ids is None) == (data.targets is None):
        raise Invalid("Give either video_ids or targets, exactly one of them.", code="validation_batch_choice")
    targets = data.targets or [wire.BatchVideoSegmentsTarget(video_id=one) for one in data.video_ids or []]
    known = {item.video_id for item in await context.vv.media.many(caller, [one.video_id for one in targets])}
    return [await _segments(context, caller, target) for target in targets if target.video_id in known]


async def _segments(context: Context, caller: Caller, target: wire.BatchVideoSegmentsTarget) -> VideoSegments:
    rows: list[Segment] = []
    after, run_id = None, target.run_id
    while True:
        item, view = await context.vv.runs.segments(
            caller, target.video_id, run_id=target.run_id, limit=100, after=after
        )
        run_id = view.run.run_id if view.run else None
        rows += await shown_segments(context, caller, item, view)
        after = view.pairs.after
        if after is None:
            return VideoSegments(video_id=target.video_id, run_id=run_id, segments=rows)


@post("/videos/signed-url", opt={"scope": Scope.READ, "keyed": False}, status_code=200)
async def sign_url(
    data: JSONBody[wire.SignUrl], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.SignedUrl:
    """Exchange the durable URI of an own object for a link that plays for a while."""
    kind, owner = await _owned(context, caller, data.gcs_uri)
    url, ends = context.link_until(caller.user_id, kind, owner)
    return wire.SignedUrl(signed_url=url, expires_at=rfc3339(ends))


_KINDS = {"segments": "segment", "thumbnails": "thumbnail", "gifs": "segment-gif"}


async def _owned(context: Context, caller: Caller, uri: str) -> tuple[str, str]:
    """Say what an own URI stands for; anything that is not exactly one of ours is unknown."""
    bucket, _, path = uri.removeprefix("gs://").partition("/")
    parts = path.split("/")
    if uri.startswith("gs://") and bucket == "videovector":
        if len(parts) == 2 and (await context.vv.media.get(caller, parts[0])).uri == uri:
            return "media", parts[0]
        if len(parts) == 3 and parts[1] in _KINDS:
            segment, item = await context.vv.media.segment(caller, parts[2].split(".")[0])
            if item.video_id == parts[0]:
                return _KINDS[parts[1]], segment.segment_id
    raise NotFound(
        "There is no such object of yours; use a gcs_uri from one of your own media.", code="resource_video_not_found"
    )


@get("/videos/{video_id:str}/gif", opt={"scope": Scope.READ})
async def gif(
    video_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> Response[bytes]:
    """Return a GIF of the beginning of a media item."""
    return Response(await context.vv.media.gif(caller, video_id), media_type="image/gif", headers=_PRIVATE)


@get("/videos/segments/{segment_id:str}/thumbnail", opt={"scope": Scope.READ})
async def thumbnail(
    segment_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> Response[bytes]:
    """Return a JPEG of the middle of a segment."""
    return Response(await context.vv.media.thumbnail(caller, segment_id), media_type="image/jpeg", headers=_PRIVATE)


_PICTURES = {
    "thumbnail": (Media.thumbnail, "image/jpeg"),
    "poster": (Media.poster, "image/jpeg"),
    "gif": (Media.gif, "image/gif"),
    "segment-gif": (Media.segment_gif, "image/gif"),
}


@get("/media/stream", opt={"scope": PUBLIC})
async def stream(
    token: FromQuery[str], request: Request[Any, Any, Any], context: NamedDependency[Context]
) -> Response[Any]:
    """Play what a link stands for; byte ranges are honoured for stored media."""
    user_id, kind, owner = context.granted(token)
    caller = Caller(user_id, frozenset({Scope.READ}))
    media = context.vv.media
    if kind in _PICTURES:
        draw, mime = _PICTURES[kind]
        return Response(await draw(media, caller, owner), media_type=mime, headers=_PRIVATE)
    if kind == "frame":
        video_id, _, second = owner.partition("@")
        picture = await media.frame(caller, video_id, float(second))
        return Response(picture, media_type="image/jpeg", headers=_PRIVATE)
    if kind == "clip":
        return await clipped(context, caller, owner)
    item = (await media.segment(caller, owner))[1] if kind == "segment" else await media.get(caller, owner)
    return served(
        context.vv.ports.blobs,
        item.sha256,
        item.size,
        request.headers.get("range"),
        media_type=item.mime_type,
        headers={**_PRIVATE, "Content-Disposition": _disposition(item, saved=kind == "download")},
    )


def _disposition(item: MediaItem, *, saved: bool) -> str:
    """Say whether a browser shows a file or saves it under its name."""
    return (
        f"attachment; filename*=UTF-8''{quote(item.file_name)}"
        if saved
        else f"inline; filename*=UTF-8''{item.video_id}"
    )


@post("/videos/{video_id:str}/process", opt={"scope": Scope.WRITE, "category": "execute"}, status_code=202)
async def process(
    video_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    segment_duration: Annotated[int, QueryParameter(ge=1, le=300, description="Whole seconds.")] = 10,
    prompt_id: FromQuery[str | None] = None,
) -> wire.ProcessingStartedResponse:
    """Run a prompt over one media item in slices of equal length; an older way to start a run."""
    item = await context.vv.media.get(caller, video_id)
    if item.status is MediaStatus.PROCESSING:
        raise Conflict("This media item is being processed already; wait for it.", code="conflict_media_processing")
    view = await context.vv.runs.execute(
        caller,
        prompt_id=prompt_id or DEFAULT_PROMPTS[0].prompt_id,
        target=Target("videos", video_ids=(video_id,)),
        segmentation=Segmentation("fixed", "fixed", segment_duration, segment_duration),
    )
    return wire.ProcessingStartedResponse(message=f"Processing was started as run {view.run.run_id}.")


@delete(
    "/videos/{video_id:str}",
    opt={"scope": Scope.ADMIN},
    status_code=202,
    responses=answers(wire.VideoDeletionResponse),
)
async def delete_video(
    video_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> Response[wire.VideoDeletionResponse]:
    """Delete a media item: gone from every path at once, removed behind; repeated, it is the same deletion."""
    return deletion(await context.vv.deletions.video(caller, video_id), wire.VideoDeletionResponse, video_id=video_id)


@get("/videos/{video_id:str}/deletion", opt={"scope": Scope.ADMIN})
async def video_deletion(
    video_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.VideoDeletionResponse:
    """Return how far a deletion is."""
    record = await context.vv.deletions.get(caller, "video", video_id)
    return out(record, wire.VideoDeletionResponse, video_id=video_id)


ROUTES = [
    process,
    delete_video,
    video_deletion,
    upload_video,
    register_video,
    retrieve_video,
    list_segments,
    list_runs,
    list_playground,
    batch_retrieve,
    batch_status,
    batch_segments,
    sign_url,
    gif,
    thumbnail,
    stream,
]
