"""Hits of a search."""

from __future__ import annotations

from typing import Any

from videovector_core.search.model import Hit
from videovector_http.render.reader import Reader, moves
from videovector_http.wire import search as wire

PREVIEW = 280


def hit(hit: Hit, reader: Reader, shape: type[wire.SearchResult] = wire.SearchResult, **more: Any) -> Any:
    """Write a hit; `more` are further fields of the shape."""
    row, item, run = hit.result, hit.item, hit.run
    return shape(
        **{
            **(reader.links(item, row.segment_id) if row is not None else {}),
            "result_type": "segment" if row is not None else "video",
            "result_id": hit.result_id,
            "marker": reader.marker("result", hit.result_id),
            "extracted_metadata_markers": reader.field_markers(hit.result_id),
            "video_id": item.video_id,
            "video_uri": item.uri,
            "video_name": item.title,
            "segment_id": row.segment_id if row is not None else None,
            "start_time": hit.start,
            "end_time": hit.end,
            "text_content": hit.text,
            "content_preview": (hit.fields[0].value if hit.fields else hit.text)[:PREVIEW],
            "metadata_text": hit.text,
            **_scores(hit),
            "thumbnail_available": row is not None,
            "gif_available": row is not None and moves(item),
            "media_type": item.media_type.value,
            "metadata": hit.metadata,
            "extracted_metadata": hit.metadata,
            **_matches(hit),
            "run_id": run.run_id,
            "source_run_id": run.run_id,
            "prompt_run_id": run.run_id,
            "prompt_id": run.prompt_id,
            "source_index_id": item.index_id,
            **more,
        }
    )


def _scores(hit: Hit) -> dict[str, Any]:
    return {
        "similarity_score": hit.similarity,
        "reranked_score": hit.reranked,
        "fused_score": hit.fused,
        "text_score": hit.text_score,
        "image_score": hit.image_score,
        "text_rank": hit.text_rank,
        "image_rank": hit.image_rank,
        "matched_image_timestamp": hit.image_time,
        "matched_image_score": hit.image_score,
        "shot_timestamp": hit.image_time,
    }


def _matches(hit: Hit) -> dict[str, Any]:
    return {
        # best first, so the last one written for a path is its best
        "field_scores": {field.path: field.score for field in reversed(hit.fields)},
        "field_instance_scores": {field.instance_key: field.score for field in hit.fields},
        "matched_field_paths": list(dict.fromkeys(field.path for field in hit.fields)),
        "matched_field_instances": [
            wire.MatchedFieldInstance(
                field_path=field.path,
                field_display_label=field.label,
                field_instance_key=field.instance_key,
                field_instance_path=field.instance_path,
                field_instance_display_label=field.instance_label,
                score=field.score,
                value_preview=field.value,
            )
            for field in hit.fields
        ],
    }
