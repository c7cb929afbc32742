"""Prompt runs."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from videovector_core.access.model import Caller, Scope
from videovector_core.idempotency import Slot
from videovector_core.prompts.model import Prompt
from videovector_core.runs.service import Target
from videovector_core.segments.model import Segmentation
from videovector_http.context import Context
from videovector_http.lists import shown_runs
from videovector_http.paging import Cursor, Limit, LongLimit
from videovector_http.render.failures import manifest, retry
from videovector_http.render.failures import retry_status as repair
from videovector_http.render.reader import Reader, marked
from videovector_http.render.results import segment_result
from videovector_http.render.results import video_result as media_result
from videovector_http.render.runs import llm_call, run
from videovector_http.wire import results as results_wire
from videovector_http.wire import runs as wire
from videovector_http.wire.envelopes import Page


@post("/prompt-runs/execute", opt={"scope": Scope.WRITE, "category": "execute"}, status_code=202)
async def execute(
    data: JSONBody[wire.ExecutePrompt], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.PromptRun:
    """Start a run; the answer is the pending run."""
    prompt = await context.vv.prompts.get(caller, data.prompt_id)
    view = await context.vv.runs.execute(
        caller, prompt_id=data.prompt_id, target=target(data.target), **settings(data, prompt)
    )
    return run(view, Reader(context))


@post("/prompt-runs/estimate", opt={"scope": Scope.READ, "keyed": False}, status_code=200)
async def estimate(
    data: JSONBody[wire.ExecutePrompt], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.PromptRunCostEstimate:
    """Say what a run would come to; nothing is started."""
    prompt = await context.vv.prompts.get(caller, data.prompt_id)
    breakdown = await context.vv.runs.estimate(
        caller, prompt_id=data.prompt_id, target=target(data.target), **settings(data, prompt)
    )
    return wire.PromptRunCostEstimate(
        estimated_mt=0.0, breakdown=breakdown, sufficient_balance=True, current_balance_mt=0.0
    )


@get("/prompt-runs", opt={"scope": Scope.READ})
async def list_runs(
    context: NamedDependency[Context], caller: NamedDependency[Caller], limit: LongLimit = 200
) -> list[wire.PromptRun]:
    """List runs, newest first."""
    page = await context.vv.runs.page(caller, limit=limit)
    return await shown_runs(context, caller, page.items)


@get("/prompt-runs/{run_id:str}", opt={"scope": Scope.READ})
async def retrieve_run(
    run_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.PromptRun:
    """Return a run as it stands."""
    return (await shown_runs(context, caller, [await context.vv.runs.get(caller, run_id)]))[0]


@post("/prompt-runs/{run_id:str}/cancel", opt={"scope": Scope.WRITE}, status_code=200)
async def cancel(
    run_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.PromptRun:
    """Ask a run to stop; what is under way may finish first."""
    return (await shown_runs(context, caller, [await context.vv.runs.cancel(caller, run_id)]))[0]


@get("/prompt-runs/{run_id:str}/results", opt={"scope": Scope.READ})
async def list_results(
    run_id: FromPath[str],
    video_id: FromQuery[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[results_wire.SegmentRunResult]:
    """List what a run found in one media item, in order of time."""
    bound = ("results", caller.user_id, run_id, video_id)
    after = context.signer.place(cursor, *bound)
    which, item, page = await context.vv.runs.results(caller, run_id, video_id, limit=limit, after=after)
    reader = await marked(context, caller, [("result", row.result_id) for row in page.items])
    rows = [segment_result(item, which, row, reader) for row in page.items]
    return Page.of(rows, limit=limit, next_cursor=context.signer.cursor(page.after, *bound))


@get("/prompt-runs/{run_id:str}/videos/{video_id:str}/video-result", opt={"scope": Scope.READ})
async def video_result(
    run_id: FromPath[str],
    video_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> results_wire.PromptRunVideoResult:
    """Return what a run says about a whole media item."""
    which, item, row = await context.vv.runs.video_result(caller, run_id, video_id)
    return media_result(item, which, row, await marked(context, caller, [("result", row.result_id)]))


@get("/prompt-runs/{run_id:str}/failed-segments", opt={"scope": Scope.READ})
async def failed_segments(
    run_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> results_wire.PromptRunFailedSegmentsManifest:
    """Return what failed in a run, by media item and segment."""
    return manifest(*await context.vv.runs.failures(caller, run_id))


@post(
    "/prompt-runs/{run_id:str}/videos/{video_id:str}/segments/{segment_id:str}/retry",
    opt={"scope": Scope.WRITE, "category": "execute"},
    status_code=202,
)
async def retry_segment(
    run_id: FromPath[str],
    video_id: FromPath[str],
    segment_id: FromPath[str],
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> results_wire.PromptRunSegmentRetry:
    """Repair one failed segment of a finished run."""
    slot: Slot | None = request.scope["state"].get("slot")
    key = slot.key if slot is not None else None
    return retry(await context.vv.runs.retry(caller, run_id, video_id, segment_id, idempotency_key=key))


@get(
    "/prompt-runs/{run_id:str}/videos/{video_id:str}/segments/{segment_id:str}/retries/{retry_id:str}",
    opt={"scope": Scope.READ},
)
async def retry_status(
    run_id: FromPath[str],
    video_id: FromPath[str],
    segment_id: FromPath[str],
    retry_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> results_wire.PromptRunSegmentRetryStatus:
    """Return how far a repair has come."""
    return repair(*await context.vv.runs.retry_status(caller, run_id, video_id, segment_id, retry_id))


@get("/prompt-runs/{run_id:str}/llm-calls", opt={"scope": Scope.READ})
async def llm_calls(
    run_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> list[wire.LlmCall]:
    """List the newest model calls of a run."""
    return [llm_call(call) for call in await context.vv.runs.calls(caller, run_id)]


def target(sent: wire.IndexTarget | wire.VideosTarget | wire.PlaygroundTarget) -> Target:
    """Read a target."""
    if isinstance(sent, wire.IndexTarget):
        return Target("index", sent.index_id)
    if isinstance(sent, wire.VideosTarget):
        return Target("videos", sent.index_id, tuple(sent.video_ids))
    return Target("playground")


def settings(data: wire.ExecutePrompt, prompt: Prompt) -> dict[str, Any]:
    """Return the settings of a run: what was sent, else what the prompt has saved, else the server's defaults."""
    saved = prompt.execution_config or {}

    def chosen(name: str) -> Any:
        sent = getattr(data, name)
        return sent if sent is not None else saved.get(name)

    video = chosen("video_segmentation_type") or "smart"
    audio = chosen("audio_segmentation_type") or "content_aware"
    return {
        "segmentation": Segmentation(
            video,
            audio,
            # a duration that was saved for fixed slices means nothing once another mode is asked for
            data.video_segment_duration or (saved.get("video_segment_duration") if video == "fixed" else None),
            data.audio_segment_duration or (saved.get("audio_segment_duration") if audio == "fixed" else None),
        ),
        "processing_model": chosen("processing_model"),
        "enable_transcription": chosen("enable_transcription") is not False,
        "enable_image_embedding": chosen("enable_image_embedding") is not False,
        "max_calls": data.max_model_calls,
        "max_cost": data.max_cost,
    }


ROUTES = [
    execute,
    estimate,
    list_runs,
    retrieve_run,
    cancel,
    list_results,
    video_result,
    failed_segments,
    retry_segment,
    retry_status,
    llm_calls,
]
