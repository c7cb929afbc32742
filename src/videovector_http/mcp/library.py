"""Tools for indexes, media and prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from videovector_http.mcp import words
from videovector_http.mcp.tool import READ, REPLACE, WRITE, Arguments, Tool
from videovector_http.wire.indexes import Index
from videovector_http.wire.prompts import PromptUsageStats, TestSchemaResponse
from videovector_http.wire.tools import gives, rows, takes

DISCOVERY: Final = "Discovery"
VIDEO: Final = "Video"
VIDEOS: Final = "Videos"
PROMPTS: Final = "Prompt management"


def _indexes(answer: Sequence[Any], _: Arguments) -> dict[str, Any]:
    return {
        "total_indexes": len(answer),
        "user_indexes": [one for one in answer if not one["is_default"]],
        "default_indexes": [one for one in answer if one["is_default"]],
        "tip": "Give one of these ids as index_id to search_videos and other tools.",
    }


def _index_made(answer: Any, _: Arguments) -> dict[str, Any]:
    tip = f'Bring media in with create_import_job and index_id="{answer["index_id"]}".'
    return {"message": "The index was created.", "index": answer, "tip": tip}


def _prompts(answer: Mapping[str, Any], _: Arguments) -> dict[str, Any]:
    shown = [words.prompt(one) for one in answer["prompts"]]
    return {**answer, "prompts": shown, "tip": "Give one of these ids as prompt_id to execute_prompt."}


def _prompt(answer: Any, _: Arguments) -> dict[str, Any]:
    return words.prompt(answer)


def _prompt_made(answer: Any, _: Arguments) -> dict[str, Any]:
    tip = f'Run it with execute_prompt and prompt_id="{answer["prompt_id"]}".'
    return {"message": "The prompt was created.", "prompt": words.prompt(answer), "tip": tip}


def _prompt_changed(answer: Any, _: Arguments) -> dict[str, Any]:
    return {"message": "The prompt was changed.", "prompt": words.prompt(answer)}


def _video(answer: Any, _: Arguments) -> dict[str, Any]:
    return words.medium(answer)


def _segments(answer: Mapping[str, Any], given: Arguments) -> dict[str, Any]:
    return {
        "video_id": given["video_id"],
        "run_id": given.get("run_id") or ("latest" if given["latest_run"] else None),
        "total_segments": len(answer["data"]),
        "has_more": answer["pagination"]["has_more"],
        "segments": [words.segment(one) for one in answer["data"]],
    }


def _videos(answer: Mapping[str, Any], given: Arguments) -> dict[str, Any]:
    shown, page = [words.medium(one) for one in answer["data"]], answer["pagination"]
    return {
        **words.over_media(shown),
        "index_id": given["index_id"],
        "videos_returned": len(shown),
        "has_more": page["has_more"],
        "next_cursor": page["next_cursor"],
        "by_media_type": words.tally(shown, "media_type"),
        "videos": shown,
        "tip": f'The next page: cursor="{page["next_cursor"]}".' if page["has_more"] else None,
    }


def _statuses(answer: Sequence[Any], _: Arguments) -> dict[str, Any]:
    shown = [words.medium(one) for one in answer]
    return {**words.over_media(shown), "total_videos": len(shown), "statuses": shown}


TOOLS: Final = (
    Tool(
        "list_indexes",
        DISCOVERY,
        READ,
        "GET /indexes",
        "List the indexes that can be searched: your own and those that are shared with everybody.",
        takes.ListIndexes,
        gives.Indexes,
        _indexes,
    ),
    Tool("get_index", DISCOVERY, READ, "GET /indexes/{index_id}", "Return one index.", takes.OneIndex, Index),
    Tool(
        "list_prompts",
        DISCOVERY,
        READ,
        "GET /prompts",
        "List the prompts that can be run over media, each with the schema of what it extracts.",
        takes.ListPrompts,
        gives.Prompts,
        _prompts,
    ),
    Tool(
        "get_video",
        VIDEO,
        READ,
        "GET /videos/{video_id}",
        "Return a media item with its duration and how far each run has come with it, segment by segment.",
        takes.OneVideo,
        rows.VideoRow,
        _video,
    ),
    Tool(
        "get_video_segments",
        VIDEO,
        READ,
        "GET /videos/{video_id}/segments",
        "List the segments of a media item in order of time with what a run extracted from each: the run that is "
        "named, the latest, or else the newest that can be searched.",
        takes.VideoSegments,
        gives.Segments,
        _segments,
    ),
    Tool(
        "create_prompt",
        PROMPTS,
        WRITE,
        "POST /prompts",
        "Create a prompt: instructions and a JSON Schema, whose root is an object, for what every segment yields; "
        "with video_level also something for the whole media item.",
        takes.CreatePrompt,
        gives.PromptKept,
        _prompt_made,
    ),
    Tool(
        "get_prompt",
        PROMPTS,
        READ,
        "GET /prompts/{prompt_id}",
        "Return one prompt with its instructions and its whole schema.",
        takes.OnePrompt,
        rows.PromptRow,
        _prompt,
    ),
    Tool(
        "update_prompt",
        PROMPTS,
        REPLACE,
        "PUT /prompts/{prompt_id}",
        "Replace the given parts of a prompt. Runs that were started before keep what they started with.",
        takes.UpdatePrompt,
        gives.PromptKept,
        _prompt_changed,
    ),
    Tool(
        "test_prompt_schema",
        PROMPTS,
        READ,
        "POST /prompts/test-schema",
        "Try a sample on a JSON Schema; the answer says whether it fits and what does not.",
        takes.TestSchema,
        TestSchemaResponse,
    ),
    Tool(
        "get_prompt_usage",
        PROMPTS,
        READ,
        "GET /prompts/{prompt_id}/usage",
        "Say whether a prompt is active and whether runs stand on it.",
        takes.OnePrompt,
        PromptUsageStats,
    ),
    Tool(
        "create_index",
        "Indexes",
        WRITE,
        "POST /indexes",
        "Create an empty index to put media into.",
        takes.CreateIndex,
        gives.IndexMade,
        _index_made,
    ),
    Tool(
        "list_videos",
        VIDEOS,
        READ,
        "GET /indexes/{index_id}/videos",
        "List the media of an index, newest first, page by page, with how far their runs have come.",
        takes.ListVideos,
        gives.Videos,
        _videos,
    ),
    Tool(
        "get_videos_status",
        VIDEOS,
        READ,
        "POST /videos/batch/status",
        "Say how far up to 100 media items have come in one call. Unknown ids are left out of the answer.",
        takes.VideosStatus,
        gives.Statuses,
        _statuses,
    ),
)
