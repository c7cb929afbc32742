"""Tools for prompt runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from videovector_core.errors import Invalid
from videovector_http.mcp import words
from videovector_http.mcp.api import Api
from videovector_http.mcp.tool import READ, REPLACE, WRITE, Arguments, Tool, call
from videovector_http.wire.results import (
    PromptRunFailedSegmentsManifest,
    PromptRunSegmentRetry,
    PromptRunSegmentRetryStatus,
)
from videovector_http.wire.tools import gives, rows, takes

RUNS: Final = "Prompt runs"
_SEGMENT: Final = "/prompt-runs/{run_id}/videos/{video_id}/segments/{segment_id}"


async def _list(api: Api, given: Arguments) -> Any:
    """List runs of the account, of an index or of a media item."""
    index, video = given.get("index_id"), given.get("video_id")
    if index and video:
        raise Invalid("Give either index_id or video_id, not both.", code="validation_run_scope")
    if given.get("cursor") and not index:
        raise Invalid("cursor belongs to index_id; leave it out.", code="validation_cursor")
    if index:
        return await call(api, "GET", "/indexes/{index_id}/prompt-runs", {"limit": 50, **given})
    if video:
        return await call(api, "GET", "/videos/{video_id}/prompt-runs", given)
    return await call(api, "GET", "/prompt-runs", {"limit": 200, **given})


def _runs(answer: Any, given: Arguments) -> dict[str, Any]:
    page = answer["pagination"] if isinstance(answer, dict) else {}
    listed = answer["data"] if isinstance(answer, dict) else answer
    return {
        "scope": "index" if "index_id" in given else "video" if "video_id" in given else "user",
        "index_id": given.get("index_id"),
        "video_id": given.get("video_id"),
        "total_runs": len(listed),
        "has_more": page.get("has_more", False),
        "next_cursor": page.get("next_cursor"),
        "runs": [words.run(one) for one in listed],
    }


def _estimate(answer: Mapping[str, Any], given: Arguments) -> dict[str, Any]:
    return {**answer, "prompt_id": given["prompt_id"], "target": given["target"]}


def _started(answer: Mapping[str, Any], given: Arguments) -> dict[str, Any]:
    return {
        **answer,
        "message": "The run was started.",
        "target": given["target"],
        "total_media": sum(answer[f"total_{kind}"] for kind in ("videos", "audios", "images")),
        "tip": f'Follow it with get_prompt_run_status and run_id="{answer["run_id"]}".',
    }


def _run(answer: Any, _: Arguments) -> dict[str, Any]:
    return words.run(answer)


def _stopped(answer: Any, _: Arguments) -> dict[str, Any]:
    over = answer["status"] == "cancelled"
    return {
        "message": "The run was cancelled." if over else "The run was asked to stop.",
        "run": words.run(answer),
        "note": "What is under way may still end; nothing new is begun.",
    }


def _results(answer: Mapping[str, Any], given: Arguments) -> dict[str, Any]:
    return {
        **given,
        "total_results": len(answer["data"]),
        "has_more": answer["pagination"]["has_more"],
        "results": [words.result(one) for one in answer["data"]],
    }


def _level(answer: Any, _: Arguments) -> dict[str, Any]:
    return words.level(answer)


TOOLS: Final = (
    Tool(
        "list_prompt_runs",
        RUNS,
        READ,
        "GET /prompt-runs",
        "List runs, newest first: of the account, of one index (with pages), or of one media item.",
        takes.ListRuns,
        gives.Runs,
        _runs,
        _list,
    ),
    Tool(
        "estimate_prompt_run",
        RUNS,
        READ,
        "POST /prompt-runs/estimate",
        "Say what a run would come to: media, segments, calls of models and cost. Nothing is started.",
        takes.EstimateRun,
        gives.RunEstimate,
        _estimate,
    ),
    Tool(
        "execute_prompt",
        RUNS,
        WRITE,
        "POST /prompt-runs/execute",
        "Start a run of a prompt over an index, over named media, or over the playground (media in no index). It "
        "answers at once with a run_id; follow it with get_prompt_run_status.",
        takes.ExecutePrompt,
        gives.RunStarted,
        _started,
    ),
    Tool(
        "get_prompt_run_status",
        RUNS,
        READ,
        "GET /prompt-runs/{run_id}",
        "Return how far a run has come: its status, its media and segments by outcome, and what failed.",
        takes.OneRun,
        rows.RunRow,
        _run,
    ),
    Tool(
        "cancel_prompt_run",
        RUNS,
        REPLACE,
        "POST /prompt-runs/{run_id}/cancel",
        "Ask a run to stop. What was begun may end; what it has found so far stays.",
        takes.CancelRun,
        gives.RunStopped,
        _stopped,
    ),
    Tool(
        "get_prompt_run_results",
        RUNS,
        READ,
        "GET /prompt-runs/{run_id}/results",
        "List what a run extracted from the segments of one media item, in order of time.",
        takes.RunResults,
        gives.Results,
        _results,
    ),
    Tool(
        "get_prompt_run_video_result",
        RUNS,
        READ,
        "GET /prompt-runs/{run_id}/videos/{video_id}/video-result",
        "Return what a run says about one media item as a whole; there is something when its prompt has video_level.",
        takes.RunVideo,
        rows.LevelRow,
        _level,
    ),
    Tool(
        "get_prompt_run_failed_segments",
        RUNS,
        READ,
        "GET /prompt-runs/{run_id}/failed-segments",
        "List what failed in a run, by media item and segment, with reasons.",
        takes.OneRun,
        PromptRunFailedSegmentsManifest,
    ),
    Tool(
        "retry_prompt_run_segment",
        RUNS,
        REPLACE,
        f"POST {_SEGMENT}/retry",
        "Repair one failed segment of a run that has ended; no new run is made.",
        takes.RetrySegment,
        PromptRunSegmentRetry,
    ),
    Tool(
        "get_prompt_run_segment_retry_status",
        RUNS,
        READ,
        f"GET {_SEGMENT}/retries/{{retry_id}}",
        "Return how far the repair of a segment has come.",
        takes.RetryStatus,
        PromptRunSegmentRetryStatus,
    ),
)
