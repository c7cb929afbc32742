"""Tools that search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from videovector_http.mcp import words
from videovector_http.mcp.api import Api, Failed, filled
from videovector_http.mcp.tool import READ, Arguments, Tool, call
from videovector_http.wire.tools import gives, takes

SEARCH: Final = "Search"
_PAGES: Final = 10
"""Pages of segments that are read to find those of the hits of one media item in one run."""


async def _search(api: Api, given: Arguments) -> dict[str, Any]:
    """Search by words, then fetch the whole segment of each hit."""
    hits = await call(api, "POST", "/indexes/{index_id}/search", given)
    groups: dict[tuple[str, str], set[str]] = {}
    for hit in hits:
        if hit["result_type"] == "segment":
            groups.setdefault((hit["video_id"], hit["run_id"]), set()).add(hit["segment_id"])
    segments: dict[tuple[str, str], Any] = {}
    failed = 0
    for (video_id, run_id), wanted in groups.items():
        try:
            for one in await _segments(api, video_id, run_id, wanted):
                segments[one["segment_id"], run_id] = words.segment(one)
        except Failed:
            failed += 1
    return {"hits": hits, "segments": segments, "failed": failed}


async def _segments(api: Api, video_id: str, run_id: str, wanted: set[str]) -> list[Any]:
    """Return the wanted segments of a media item as a run saw them."""
    found: list[Any] = []
    path = filled("/videos/{video_id}/segments", {"video_id": video_id})
    query: dict[str, Any] = {"run_id": run_id, "limit": min(100, max(20, len(wanted)))}
    for _ in range(_PAGES):
        page = await api.call("GET", path, query=query)
        found += [one for one in page["data"] if one["segment_id"] in wanted]
        cursor = page["pagination"]["next_cursor"]
        if len(found) == len(wanted) or cursor is None:
            break
        query = {**query, "cursor": cursor}
    return found


def _row(hit: Mapping[str, Any], segment: Any = None) -> dict[str, Any]:
    start, end, score = hit["start_time"], hit["end_time"], hit["similarity_score"]
    return {
        **hit,
        "duration": round(end - start, 2) if start is not None and end is not None else None,
        "score": round(score, 3) if score is not None else None,
        "content": hit["text_content"],
        "segment": segment,
    }


def _found(answer: Any, given: Arguments) -> dict[str, Any]:
    segments = answer["segments"]
    rows = [_row(hit, segments.get((hit["segment_id"], hit["run_id"]))) for hit in answer["hits"]]
    resolved = sum(row["segment"] is not None for row in rows)
    enriched = {
        "resolved_results": resolved,
        "unresolved_results": len(rows) - resolved,
        "failed_groups": answer["failed"],
    }
    return {**given, "total_results": len(rows), "segment_enrichment": enriched, "results": rows}


def _by_image(answer: Sequence[Any], given: Arguments) -> dict[str, Any]:
    return {
        "index_id": given["index_id"],
        "total_results": len(answer),
        "results": [_row(hit) for hit in answer],
    }


def _by_both(answer: Sequence[Any], given: Arguments) -> dict[str, Any]:
    about = {name: given.get(name) for name in ("text_query", "text_weight", "image_weight")}
    return {**_by_image(answer, given), **about, "has_image": "image_data" in given}


def _filtered(answer: Mapping[str, Any], given: Arguments) -> dict[str, Any]:
    return {
        "index_id": given["index_id"],
        "conditions": given["conditions"],
        "total_results": answer["total_shown"],
        "has_more": answer["next_page_token"] is not None,
        "next_cursor": answer["next_page_token"],
        "results": [_row(hit) for hit in answer["results"]],
    }


TOOLS: Final = (
    Tool(
        "search_videos",
        SEARCH,
        READ,
        "POST /indexes/{index_id}/search",
        "Find moments in an index by meaning and by words. Each hit has its times, what was extracted there, scores "
        "and links to play it. Ask in plain words; list_indexes gives the ids of indexes.",
        takes.SearchVideos,
        gives.Found,
        _found,
        _search,
    ),
    Tool(
        "search_videos_by_image",
        SEARCH,
        READ,
        "POST /indexes/{index_id}/image-search",
        "Find moments in an index that look like a picture, given in base64 without a data-URL prefix. Each hit names "
        "the second of the frame that is nearest.",
        takes.SearchByImage,
        gives.FoundByImage,
        _by_image,
    ),
    Tool(
        "multimodal_search",
        SEARCH,
        READ,
        "POST /indexes/{index_id}/multimodal-search",
        "Find moments in an index by words and a picture at once; both rankings are fused by reciprocal rank, with "
        "weights that sum to 1. Give text_query, image_data, or both.",
        takes.MultimodalSearch,
        gives.FoundByBoth,
        _by_both,
    ),
    Tool(
        "filter_videos",
        SEARCH,
        READ,
        "POST /search/filter/{index_id}",
        "List results whose extracted fields meet one to four conditions, all of them: equality, ranges, parts of "
        "texts, items and lengths of lists. Nothing is ranked.",
        takes.FilterVideos,
        gives.Filtered,
        _filtered,
    ),
)
