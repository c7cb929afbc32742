"""Calling a tool: what came of it, or why nothing did."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog
from attrs import frozen

from videovector_core.errors import VideoVectorError
from videovector_http.errors import status_of
from videovector_http.mcp.api import Api, Failed
from videovector_http.mcp.catalogue import TOOLS
from videovector_http.wire.tools.gives import ToolFailure

log = structlog.get_logger("videovector.mcp")

_HINTS: Final = (
    ("index", "list_indexes gives the ids of indexes."),
    ("video", "list_videos and search results give the ids of media."),
    ("segment", "get_video_segments gives the ids of segments."),
    ("prompt", "list_prompts gives the ids of prompts."),
    ("run", "list_prompt_runs gives the ids of runs."),
    ("connector", "list_connectors gives the ids of connectors."),
    ("import", "list_import_jobs gives the ids of imports."),
    ("job", "list_import_jobs gives the ids of imports."),
    ("export", "export_index_metadata and export_prompt_run give the ids of exports."),
    ("webhook", "list_webhooks gives the ids of webhooks."),
)


@frozen
class Outcome:
    """What a call came to, as plain JSON; a failure has the fields of `ToolFailure`."""

    result: dict[str, Any]
    failed: bool = False
    elapsed_ms: float = 0.0


async def call_tool(api: Api, name: str, arguments: Mapping[str, Any]) -> Outcome:
    """Call a tool by name; whatever goes wrong is an outcome."""
    started = time.perf_counter()
    failure: ToolFailure | None = None
    result: dict[str, Any] = {}
    try:
        result = await _run(api, name, arguments)
    except Failed as error:
        failure = _failure(error)
    except VideoVectorError as error:
        failure = _failure(Failed(status_of(error), error.code, error.message, details=error.details))
    took = round((time.perf_counter() - started) * 1000, 2)
    log.info("tool", tool=name if name in TOOLS else "unknown", ms=took, code=failure.code if failure else None)
    if failure is not None:
        return Outcome(msgspec.to_builtins(failure), failed=True, elapsed_ms=took)
    return Outcome(result, elapsed_ms=took)


async def _run(api: Api, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    tool = TOOLS.get(name)
    if tool is None:
        raise Failed(404, "tool_not_found", f"There is no tool {name[:80]!r}; list the tools.")
    try:
        given = tool.read(arguments)
    except msgspec.ValidationError as error:
        raise Failed(422, "validation_arguments", f"The arguments do not fit: {error}.") from error
    try:
        return await tool.run(api, given)
    except (msgspec.ValidationError, KeyError, TypeError) as error:
        log.exception("a tool could not read an answer", tool=name)
        raise Failed(502, "invalid_answer", "The server answered in a shape that this tool does not know.") from error


def _failure(error: Failed) -> ToolFailure:
    return ToolFailure(
        code=error.code,
        message=error.message,
        details=error.details,
        request_id=error.request_id,
        recoverable=error.recoverable,
        suggestion=_suggestion(error),
    )


def _suggestion(error: Failed) -> str:
    if error.status == 404:
        kinds = error.code.removeprefix("resource_")
        return next((hint for word, hint in _HINTS if word in kinds), "Look for it with a tool that lists.")
    if error.status == 429 or error.status >= 500:
        return "Ask again later." if error.status != 501 else "Do without it."
    return {
        401: "Set a valid API key.",
        403: "Use a credential with more scope.",
        409: "Look at the state of the resource first.",
    }.get(error.status, "Compare the arguments with the schema of the tool.")
