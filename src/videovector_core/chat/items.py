"""Items of result sets: hits and rows in short, as they are kept, and as whoever decides is told of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from videovector_core.chat.model import ResultSet
from videovector_core.runs.model import Run
from videovector_core.search.model import Hit
from videovector_core.sqlsearch.model import Answer

MAX_TEXT: Final = 600
"""Characters of a hit that are kept and told; the rest is in its row."""
MAX_ROWS: Final = 64 * 1024
"""Bytes of JSON that the rows of one query may have here."""
MAX_CELL: Final = 500


def hit_item(hit: Hit) -> dict[str, Any]:
    """Keep of a hit what names it, and enough to judge it by."""
    return {
        "result_id": hit.result_id,
        "result_type": "segment" if hit.result is not None else "video",
        "video_id": hit.item.video_id,
        "segment_id": hit.result.segment_id if hit.result is not None else None,
        "run_id": hit.run.run_id,
        "video_name": hit.item.title,
        "start_time": hit.start,
        "end_time": hit.end,
        "score": hit.similarity,
        "text": hit.text[:MAX_TEXT],
    }


def row_items(answer: Answer, runs: Mapping[str, Run]) -> list[dict[str, Any]]:
    """Keep rows, each with the result it belongs to when there is one, as long as there is room."""
    items: list[dict[str, Any]] = []
    room = MAX_ROWS
    for row, context in zip(answer.rows, answer.row_context, strict=True):
        source = None
        if context is not None and context.run_id in runs:
            source = {
                "result_id": context.result_id,
                "video_id": context.video_id,
                "segment_id": context.segment_id,
                "run_id": context.run_id,
            }
        item = {"row": row, "context": source}
        room -= len(json.dumps(item, default=str))
        if room < 0:
            break
        items.append(item)
    return items


def hits_told(results: ResultSet) -> str:
    """Write hits for whoever decides: labels instead of ids."""
    names = ("video_name", "start_time", "end_time", "text")
    return _told(results, ({name: item[name] for name in names} for item in results.items))


def rows_told(results: ResultSet) -> str:
    """Write rows for whoever decides, long cells cut."""
    return _told(results, ({name: _cell(cell) for name, cell in item["row"].items()} for item in results.items))


def _told(results: ResultSet, items: Iterable[Mapping[str, Any]]) -> str:
    labelled = [{"label": f"{results.id}:{n}", **item} for n, item in enumerate(items, 1)]
    return json.dumps({"results": labelled, "truncated": results.truncated}, ensure_ascii=False, default=str)


def _cell(cell: Any) -> Any:
    text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
    return cell if len(text) <= MAX_CELL else text[:MAX_CELL] + "…"
