"""Standing orders of indexes: what to import and what to export by itself."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from videovector_core.access.model import Caller, Scope
from videovector_core.automations.model import Cycle, Order, OrderKind
from videovector_core.prompts.model import Prompt
from videovector_core.segments.model import Segmentation
from videovector_http.context import Context
from videovector_http.paging import Cursor, Limit
from videovector_http.runs import settings
from videovector_http.wire import automations as wire
from videovector_http.wire.convert import out
from videovector_http.wire.envelopes import Page
from videovector_http.wire.runs import ExecutePrompt, IndexTarget

IMPORT, EXPORT = OrderKind.IMPORT, OrderKind.EXPORT


@get("/indexes/{index_id:str}/automations/import", opt={"scope": Scope.READ})
async def get_import(
    index_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ImportAutomation:
    """Return the import order of an index and how it stands."""
    return _import(await context.vv.automations.get(caller, index_id, IMPORT))


@put("/indexes/{index_id:str}/automations/import", opt={"scope": Scope.WRITE})
async def put_import(
    index_id: FromPath[str],
    data: JSONBody[wire.PutImportAutomation],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.ImportAutomation:
    """Import what appears at a place, and run the prompt, as it is now, on it."""
    prompt = await context.vv.prompts.get(caller, data.prompt_preset.prompt_id)
    how = _run_settings(data.prompt_preset, index_id, prompt)
    saved = await context.vv.automations.put_import(
        caller,
        index_id,
        connector_id=data.connector_id,
        prompt_id=prompt.prompt_id,
        segmentation=how["segmentation"],
        preset=how,
        source_prefix=data.source_prefix,
        file_pattern=data.file_pattern,
        recursive=data.recursive,
        debounce_interval=data.debounce_interval,
        enabled=data.enabled,
        paused=data.paused,
    )
    return _import(saved)


@post("/indexes/{index_id:str}/automations/import/pause", opt={"scope": Scope.WRITE}, status_code=200)
async def pause_import(
    index_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ImportAutomation:
    """Let the import order rest; a job that is under way ends."""
    return _import(await context.vv.automations.pause(caller, index_id, IMPORT))


@post("/indexes/{index_id:str}/automations/import/resume", opt={"scope": Scope.WRITE}, status_code=200)
async def resume_import(
    index_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ImportAutomation:
    """Set the import order to work again."""
    return _import(await context.vv.automations.resume(caller, index_id, IMPORT))


@get("/indexes/{index_id:str}/automations/import/history", opt={"scope": Scope.READ})
async def import_history(
    index_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[wire.AutomationCycle]:
    """List the times that something was imported by itself, newest first."""
    return await _history(context, caller, index_id, IMPORT, limit, cursor)


@get("/indexes/{index_id:str}/automations/export", opt={"scope": Scope.READ})
async def get_export(
    index_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ExportAutomation:
    """Return the export order of an index and how it stands."""
    return _export(await context.vv.automations.get(caller, index_id, EXPORT))


@put("/indexes/{index_id:str}/automations/export", opt={"scope": Scope.WRITE})
async def put_export(
    index_id: FromPath[str],
    data: JSONBody[wire.PutExportAutomation],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.ExportAutomation:
    """Export every run of the index that ends with results."""
    saved = await context.vv.automations.put_export(
        caller,
        index_id,
        connector_id=data.destination_connector_id,
        destination_subpath=data.destination_subpath,
        enabled=data.enabled,
        paused=data.paused,
    )
    return _export(saved)


@post("/indexes/{index_id:str}/automations/export/pause", opt={"scope": Scope.WRITE}, status_code=200)
async def pause_export(
    index_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ExportAutomation:
    """Let the export order rest; exports that are under way end."""
    return _export(await context.vv.automations.pause(caller, index_id, EXPORT))


@post("/indexes/{index_id:str}/automations/export/resume", opt={"scope": Scope.WRITE}, status_code=200)
async def resume_export(
    index_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ExportAutomation:
    """Set the export order to work again."""
    return _export(await context.vv.automations.resume(caller, index_id, EXPORT))


@get("/indexes/{index_id:str}/automations/export/history", opt={"scope": Scope.READ})
async def export_history(
    index_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[wire.AutomationCycle]:
    """List the times that something was exported by itself, newest first."""
    return await _history(context, caller, index_id, EXPORT, limit, cursor)


async def _history(
    context: Context, caller: Caller, index_id: str, kind: OrderKind, limit: int, cursor: str | None
) -> Page[wire.AutomationCycle]:
    bound = ("automations", caller.user_id, index_id, kind.value)
    after = context.signer.place(cursor, *bound)
    page = await context.vv.automations.history(caller, index_id, kind, limit=limit, after=after)
    rows = [_cycle(one) for one in page.items]
    return Page.of(rows, limit=limit, next_cursor=context.signer.cursor(page.after, *bound))


def _run_settings(preset: wire.PromptPresetBody, index_id: str, prompt: Prompt) -> dict[str, Any]:
    """Return the settings of the runs to come, by the rules of a run that is asked for."""
    asked = ExecutePrompt(target=IndexTarget(index_id=index_id), **msgspec.structs.asdict(preset))
    return settings(asked, prompt)


def _import(order: Order) -> wire.ImportAutomation:
    saved = order.settings
    how = Segmentation(**saved["segmentation"])
    preset = wire.PromptPreset(
        prompt_id=saved["prompt"]["prompt_id"],
        prompt_name=saved["prompt"]["name"],
        stale=saved.get("stale", False),
        video_segmentation_type=how.video.value,
        audio_segmentation_type=how.audio.value,
        video_segment_duration=how.video_seconds,
        audio_segment_duration=how.audio_seconds,
        **saved["preset"],
    )
    watched = {name: saved[name] for name in ("source_prefix", "file_pattern", "recursive", "debounce_interval")}
    return out(order, wire.ImportAutomation, prompt_preset=preset, **watched)


def _export(order: Order) -> wire.ExportAutomation:
    return out(
        order,
        wire.ExportAutomation,
        destination_connector_id=order.connector_id,
        destination_subpath=order.settings.get("destination_subpath"),
    )


def _cycle(cycle: Cycle) -> wire.AutomationCycle:
    return out(cycle, wire.AutomationCycle)


ROUTES = [
    get_import,
    put_import,
    pause_import,
    resume_import,
    import_history,
    get_export,
    put_export,
    pause_export,
    resume_export,
    export_history,
]
