"""Calls every tool through a client, one after the other, as an agent would that tries them all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from jsonschema_rs import validator_for
from mcp.client.client import Client

ANSWERS: Final = {
    "cancel_import_job": "conflict_import_job_terminal",
    "cancel_prompt_run": "conflict_run_terminal",
    "retry_prompt_run_segment": "conflict_segment_not_failed",
    "get_prompt_run_segment_retry_status": "resource_retry_not_found",
    "search_videos_by_image": None,
}
"""Codes of tools that a well-kept account has nothing to do for; `None` where the outcome is the toy model's business."""


async def called(client: Client, every: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Call every tool with its arguments, hold each result against its published schema, and return those that came."""
    fits = {one.name: validator_for(one.output_schema or False) for one in (await client.list_tools()).tools}
    found: dict[str, Any] = {}
    for name, arguments in every.items():
        result = await client.call_tool(name, {**arguments, **_made(arguments, found)})
        told = result.structured_content
        assert json.loads(said(result)) == told, name
        assert fits[name].is_valid(told), name
        if result.is_error:
            assert name in ANSWERS, (name, told)
            assert ANSWERS[name] in {None, told["code"]}, (name, told)
        else:
            found[name] = told
        if name.startswith("export_"):
            await built(client, told["export_id"])
    return found


async def built(client: Client, export_id: str) -> None:
    """Wait for an export."""
    while (await client.call_tool("get_export_status", {"export_id": export_id})).structured_content["status"] in {
        "pending", "processing",
    }:  # fmt: skip
        await asyncio.sleep(0.01)


def said(result: Any) -> str:
    """Return the text of a result."""
    return str(result.content[0].text)


def _made(arguments: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, str]:
    """Return ids of what tools before this one made."""
    if "connector_id" in arguments and "create_s3_connector" in found:
        return {"connector_id": found["create_s3_connector"]["connector"]["connector_id"]}
    if "export_id" in arguments and "export_prompt_run" in found:
        return {"export_id": found["export_prompt_run"]["export_id"]}
    return {}
