"""The short way: upload, define, process, search; the same use cases as the long one with fewer words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid
from videovector_core.idempotency import Answer, Slot
from videovector_core.prompts.model import Prompt
from videovector_core.runs.service import Target
from videovector_http import runs
from videovector_http.clips import clip_name, clip_type
from videovector_http.context import LINK_SECONDS, Context
from videovector_http.gate import fingerprint_body
from videovector_http.prompts import shown as shown_prompt
from videovector_http.receipts import REPLAYED, Complete, Receipts
from videovector_http.render.reader import Reader
from videovector_http.render.runs import run as shown_run
from videovector_http.uploads import upload
from videovector_http.wire import workflow as wire
from videovector_http.wire.convert import out
from videovector_http.wire.imports import UploadJob
from videovector_http.wire.runs import ExecutePrompt, PlaygroundTarget
from videovector_http.workflow_results import run_results
from videovector_http.workflow_search import index_of, listed, search, search_page

Asked: TypeAlias = Request[Any, Any, Any]
Prepared: TypeAlias = Callable[[], Awaitable[msgspec.Struct]]

DEFAULT_SECONDS: Final = 10
"""Length of fixed segments where none is given."""


@post("/workflow/upload", opt={"scope": Scope.WRITE, "keyed": "own"}, status_code=202, request_max_body_size=None)
async def workflow_upload(
    request: Asked,
    context: NamedDependency[Context],
    receipts: NamedDependency[Receipts],
    caller: NamedDependency[Caller],
) -> Response[UploadJob]:
    """Upload media into an index by id or by name, which is made when there is none; without either, the playground."""
    body, replayed = await upload(request, context, receipts, caller)
    return _answered(body, 202, replayed=replayed)


@post("/workflow/define", opt={"scope": Scope.WRITE, "category": "execute", "keyed": "own"}, status_code=201)
async def define(
    data: JSONBody[wire.DefinePrompt],
    request: Asked,
    context: NamedDependency[Context],
    receipts: NamedDependency[Receipts],
    caller: NamedDependency[Caller],
) -> Response[wire.WorkflowDefineResponse]:
    """Draft a prompt from plain words, and keep it unless `save` is false."""

    async def prepare() -> Prepared:
        draft = await context.vv.drafts.draft(caller, data.instruction)
        definition = out(draft, wire.WorkflowPromptDefinition)

        async def keep() -> msgspec.Struct:
            if not data.save:
                return wire.WorkflowDefineResponse(saved=False, definition=definition)
            prompt = shown_prompt(await context.vv.prompts.create(caller, **draft.definition()), Reader(context))
            return wire.WorkflowDefineResponse(
                prompt_id=prompt.prompt_id, saved=True, definition=definition, prompt=prompt
            )

        return keep

    return await _once(request, context, receipts, prepare, 201)


@post("/workflow/process", opt={"scope": Scope.WRITE, "category": "execute", "keyed": "own"}, status_code=202)
async def process(
    data: JSONBody[wire.ProcessMedia],
    request: Asked,
    context: NamedDependency[Context],
    receipts: NamedDependency[Receipts],
    caller: NamedDependency[Caller],
) -> Response[wire.WorkflowProcessResponse]:
    """Run a prompt, or one that is drafted from an instruction, over an import, media, an index or the playground."""
    if (data.prompt_id is None) == (data.prompt_instruction is None):
        raise Invalid("Give either prompt_id or prompt_instruction.", code="validation_prompt_choice")

    async def prepare() -> Prepared:
        target = await _target(context, caller, data)
        instruction = data.prompt_instruction
        draft = await context.vv.drafts.draft(caller, instruction) if instruction is not None else None

        async def start() -> msgspec.Struct:
            if draft is not None:
                prompt = await context.vv.prompts.create(caller, **draft.definition())
            else:
                prompt = await context.vv.prompts.get(caller, data.prompt_id or "")
            view = await context.vv.runs.execute(
                caller, prompt_id=prompt.prompt_id, target=target, **_settings(data, prompt)
            )
            run_id = view.run.run_id
            return wire.WorkflowProcessResponse(
                prompt=shown_prompt(prompt, Reader(context)),
                run=shown_run(view, Reader(context)),
                run_id=run_id,
                status_url=f"/api/v2/prompt-runs/{run_id}",
                results_url=f"/api/v2/workflow/runs/{run_id}/results",
                prompt_created_inline=draft is not None,
            )

        return start

    return await _once(request, context, receipts, prepare, 202)


@post("/workflow/search", opt={"scope": Scope.SEARCH, "keyed": "outside"}, status_code=200)
async def workflow_search(
    data: JSONBody[wire.WorkflowSearch], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.WorkflowSearchResponse:
    """Find moments by words, by conditions, or by both; the ranking is kept for its pages."""
    return await search(context, caller, data)


@get("/workflow/search/page", opt={"scope": Scope.SEARCH})
async def workflow_search_page(
    cursor: FromQuery[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.WorkflowSearchResponse:
    """Return a further page of a ranking; it is not searched again and not counted."""
    return await search_page(context, caller, cursor)


@post("/workflow/media-grants", opt={"scope": Scope.READ, "keyed": False}, status_code=200)
async def media_grant(
    data: JSONBody[wire.RequestMediaGrant], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.MediaGrant:
    """Return a link that needs no credential and ends by itself: to a media file, or to one segment of it as a clip."""
    item = await context.vv.media.get(caller, data.video_id)
    if data.run_id is not None:
        await context.vv.runs.segments(caller, data.video_id, run_id=data.run_id, limit=1)
    kind, owner, name, mime = "download", item.video_id, item.file_name, item.mime_type
    if data.segment_id is not None:
        segment, _ = await context.vv.media.segment(caller, data.segment_id)
        if segment.video_id != data.video_id:
            raise Invalid("The segment is not of this media item.", code="validation_segment")
        if (cut := clip_type(item)) is not None:
            kind, owner, name, mime = "clip", segment.segment_id, clip_name(item, segment), cut
    url = context.link(caller.user_id, kind, owner, LINK_SECONDS)
    return wire.MediaGrant(url=url, filename=name, mime_type=mime, video_id=item.video_id)


async def _once(
    request: Asked,
    context: Context,
    receipts: Receipts,
    prepare: Callable[[], Awaitable[Prepared]],
    status: int,
) -> Response[Any]:
    """Prepare, which may ask a model, then keep what comes of it and the receipt in one transaction."""

    async def effect(complete: Complete | None) -> Answer:
        keep = await prepare()
        async with context.vv.begin():
            answer = Answer(status, msgspec.json.encode(await keep()))
            if complete is not None:
                await complete(answer)
        return answer

    slot: Slot | None = request.scope["state"].get("slot")
    if slot is None:
        return _answered((await effect(None)).body, status, replayed=False)
    fingerprint = fingerprint_body(await request.body(), request.scope.get("query_string", b""))
    answer, replayed = await receipts.once(slot, fingerprint, effect)
    return _answered(answer.body, status, replayed=replayed)


def _answered(body: bytes, status: int, *, replayed: bool) -> Response[Any]:
    headers = REPLAYED if replayed else None
    return Response(body, status_code=status, media_type="application/json", headers=headers)


async def _target(context: Context, caller: Caller, data: wire.ProcessMedia) -> Target:
    videos, index = listed(data.video_ids), await index_of(context, caller, data)
    if data.import_job_id is not None:
        if videos or index is not None:
            raise Invalid("import_job_id stands alone, without video_ids or an index.", code="validation_target")
        return await context.vv.workflow.imported(caller, data.import_job_id)
    if videos:
        return Target("videos", index, videos)
    return Target("index", index) if index is not None else Target("playground")


def _settings(data: wire.ProcessMedia, prompt: Prompt) -> dict[str, Any]:
    """Return the settings of a run from both vocabularies; what neither names comes from the prompt or the server."""
    mode, seconds = data.segmentation_mode, data.fixed_segment_duration_seconds
    saved = prompt.execution_config or {}
    video = data.video_segmentation_type or mode
    audio = data.audio_segmentation_type or (None if mode == "smart" else mode)
    fixed = {
        "video": (video or saved.get("video_segmentation_type")) == "fixed",
        "audio": (audio or saved.get("audio_segmentation_type")) == "fixed",
    }
    if seconds is not None and not any(fixed.values()):
        raise Invalid(
            "fixed_segment_duration_seconds belongs to segmentation_mode fixed.", code="validation_segment_duration"
        )

    def length(kind: str) -> int | None:
        given = getattr(data, f"{kind}_segment_duration") or (seconds if fixed[kind] else None)
        return given or (saved.get(f"{kind}_segment_duration") or DEFAULT_SECONDS if fixed[kind] else None)

    def either(first: bool | None, then: bool | None) -> bool | None:
        return first if first is not None else then

    asked = ExecutePrompt(
        prompt_id=prompt.prompt_id,
        target=PlaygroundTarget(),
        video_segmentation_type=video,
        audio_segmentation_type=audio,
        video_segment_duration=length("video"),
        audio_segment_duration=length("audio"),
        processing_model=data.processing_model,
        enable_transcription=either(data.enable_transcription, data.advanced_transcription),
        enable_image_embedding=either(data.enable_image_embedding, data.create_image_embeddings),
    )
    return runs.settings(asked, prompt)


ROUTES = [
    workflow_upload,
    define,
    process,
    workflow_search,
    workflow_search_page,
    run_results,
    media_grant,
]
