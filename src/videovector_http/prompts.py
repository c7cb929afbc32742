"""Prompts."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from videovector_core.access.model import Caller, Scope
from videovector_core.prompts.model import Prompt
from videovector_core.prompts.validation import test_schema
from videovector_http.context import Context
from videovector_http.render.reader import Reader, marked
from videovector_http.wire import prompts as wire
from videovector_http.wire.convert import out
from videovector_http.wire.envelopes import DeleteResponse

_FLAGS = ("clear_video_level", "clear_selection_filter")


@post("/prompts/test-schema", opt={"scope": Scope.WRITE, "keyed": False}, status_code=200)
async def try_schema(data: JSONBody[wire.TestSchema]) -> wire.TestSchemaResponse:
    """Try a sample against a schema; 200 whether or not it fits."""
    return out(test_schema(data.json_schema, data.sample_data), wire.TestSchemaResponse)


@post("/prompts/generate", opt={"scope": Scope.WRITE, "category": "execute", "keyed": "outside"}, status_code=200)
async def generate_prompt(
    data: JSONBody[wire.GeneratePrompt], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.PromptDraft:
    """Draft a prompt from an instruction; nothing is saved."""
    return out(await context.vv.drafts.draft(caller, data.instruction, data.existing_draft), wire.PromptDraft)


@post("/prompts", opt={"scope": Scope.WRITE}, status_code=201)
async def create_prompt(
    data: JSONBody[wire.CreatePrompt], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.Prompt:
    """Create a prompt."""
    given = {name: value for name, value in given_fields(data).items() if value is not None}
    return shown(await context.vv.prompts.create(caller, **given), Reader(context))


@get("/prompts", opt={"scope": Scope.READ})
async def list_prompts(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    active_only: FromQuery[bool] = True,
    include_defaults: FromQuery[bool] = True,
) -> wire.PromptListResponse:
    """List prompts, newest first."""
    found, total, active = await context.vv.prompts.all(caller, active_only=active_only, defaults=include_defaults)
    reader = await marked(context, caller, [("prompt", prompt.prompt_id) for prompt in found])
    rows = [shown(prompt, reader) for prompt in found]
    return wire.PromptListResponse(prompts=rows, total_count=total, active_count=active)


@get("/prompts/{prompt_id:str}", opt={"scope": Scope.READ})
async def retrieve_prompt(
    prompt_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.Prompt:
    """Return a prompt."""
    prompt = await context.vv.prompts.get(caller, prompt_id)
    return shown(prompt, await marked(context, caller, [("prompt", prompt_id)]))


@put("/prompts/{prompt_id:str}", opt={"scope": Scope.WRITE})
async def update_prompt(
    prompt_id: FromPath[str],
    data: JSONBody[wire.UpdatePrompt],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.Prompt:
    """Replace the fields that are given; past runs keep what they started with."""
    fields = {name: value for name, value in given_fields(data).items() if name not in _FLAGS}
    changed = await context.vv.prompts.update(
        caller,
        prompt_id,
        clear_video_level=data.clear_video_level,
        clear_selection_filter=data.clear_selection_filter,
        **fields,
    )
    return shown(changed, await marked(context, caller, [("prompt", prompt_id)]))


@delete("/prompts/{prompt_id:str}", opt={"scope": Scope.ADMIN}, status_code=200)
async def delete_prompt(
    prompt_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    force: FromQuery[bool] = False,
) -> DeleteResponse:
    """Delete a prompt; one that runs stand on is deactivated unless `force`."""
    return DeleteResponse(message=await context.vv.prompts.delete(caller, prompt_id, force=force))


@get("/prompts/{prompt_id:str}/usage", opt={"scope": Scope.READ})
async def prompt_usage(
    prompt_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.PromptUsageStats:
    """Say whether anything stands on a prompt."""
    prompt, runs = await context.vv.prompts.usage(caller, prompt_id)
    count = len(prompt.json_schema.get("properties", {}))
    return out(prompt, wire.PromptUsageStats, is_in_use=runs > 0, schema_properties_count=count)


def shown(prompt: Prompt, reader: Reader) -> wire.Prompt:
    """Write a prompt."""
    return out(prompt, wire.Prompt, marker=reader.marker("prompt", prompt.prompt_id))


def given_fields(data: msgspec.Struct) -> dict[str, Any]:
    """Return the fields that were sent, as plain JSON."""
    return {
        name: msgspec.to_builtins(value)
        for name in data.__struct_fields__
        if (value := getattr(data, name)) is not msgspec.UNSET
    }


ROUTES = [
    try_schema,
    generate_prompt,
    create_prompt,
    list_prompts,
    retrieve_prompt,
    update_prompt,
    delete_prompt,
    prompt_usage,
]
