"""What an export says of runs, media and segments: the same fields in every format (docs/reference/export-format.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from videovector_core.exports.model import Export
from videovector_core.exports.walk import Begun, MediumBegun, Rows
from videovector_core.markers import Marker, Marks
from videovector_core.runs.model import Run, SegmentResult, VideoResult

SCHEMA_VERSION: Final = "1.0"
"""Rises with every change: the first number when something is renamed or goes, the second when something is added."""

COLUMNS: Final = {
    "export_id": "VARCHAR",
    "level": "VARCHAR",
    "run_id": "VARCHAR",
    "prompt_id": "VARCHAR",
    "prompt_name": "VARCHAR",
    "video_id": "VARCHAR",
    "title": "VARCHAR",
    "media_type": "VARCHAR",
    "index_id": "VARCHAR",
    "segment_id": "VARCHAR",
    "start_time": "DOUBLE",
    "end_time": "DOUBLE",
    "status": "VARCHAR",
    "metadata": "JSON",
    "metadata_text": "VARCHAR",
    "transcription": "VARCHAR",
    "error": "VARCHAR",
}
"""The columns of CSV and Parquet, and their types in SQL; one row for each segment and each whole media item."""


def moment(when: datetime | None) -> str | None:
    """Write a moment in UTC, as everywhere on the wire."""
    if when is None:
        return None
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encoded(value: Any) -> str:
    """Write JSON; text that no UTF-8 can hold is escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text


def header(export: Export, begun: Begun) -> dict[str, Any]:
    """Describe the export itself."""
    index = begun.index
    return {
        "schema_version": SCHEMA_VERSION,
        "export_id": export.export_id,
        "export_type": export.export_type.value,
        "target_id": export.target_id,
        "result_scope": export.result_scope.value,
        "generated_at": moment(export.started_at),
        "index": None if index is None else {"index_id": index.index_id, "name": index.name},
    }


def run_fields(run: Run) -> dict[str, Any]:
    """Describe a run with the prompt as it was at the start."""
    prompt, level = run.prompt, run.prompt.video_level
    return {
        "run_id": run.run_id,
        "prompt": {
            "prompt_id": prompt.prompt_id,
            "name": prompt.name,
            "prompt_text": prompt.prompt_text,
            "json_schema": prompt.json_schema,
            "video_level": None
            if level is None
            else {
                "instructions_text": level.instructions_text,
                "json_schema": level.json_schema,
                "included_segment_fields": level.included_segment_fields,
            },
        },
        "status": run.status.value,
        "executed_at": moment(run.executed_at),
        "completed_at": moment(run.completed_at),
        "settings": {
            "video_segmentation_type": run.segmentation.video.value,
            "audio_segmentation_type": run.segmentation.audio.value,
            "video_segment_duration": run.segmentation.video_seconds,
            "audio_segment_duration": run.segmentation.audio_seconds,
            "processing_model": run.processing_model,
            "effective_model": run.effective_model,
            "enable_transcription": run.enable_transcription,
            "enable_image_embedding": run.enable_image_embedding,
        },
    }


def medium_fields(begun: MediumBegun) -> dict[str, Any]:
    """Describe a media item and what the run says of it as a whole."""
    item, level = begun.item, begun.level
    return {
        "video_id": item.video_id,
        "title": item.title,
        "media_type": item.media_type.value,
        "duration_seconds": item.duration,
        "index_id": item.index_id,
        "source_uri": item.source_uri or item.uri,
        "created_at": moment(item.created_at),
        "video_result": None
        if level is None
        else {
            "status": level.status.value,
            "metadata": level.metadata,
            "metadata_text": level.metadata_text,
            "error": level.error_message,
        },
    }


def segment_fields(row: SegmentResult, marks: Marks) -> dict[str, Any]:
    """Describe a segment; one that failed has null metadata and says why."""
    return {
        "segment_id": row.segment_id,
        "start_time": row.start,
        "end_time": row.end,
        "status": row.status.value,
        "metadata": row.metadata,
        "metadata_text": row.metadata_text,
        "transcription": row.spoken if row.transcription is not None else None,
        "succeeded": {
            "field_extraction": row.field_extraction,
            "transcription": row.transcription,
            "image_embedding": row.image_embedding,
        },
        "errors": {
            "field_extraction": row.field_extraction_error,
            "transcription": row.transcription_error,
            "image_embedding": row.image_embedding_error,
            "processing": row.failure_message,
        },
        "markers": {
            "segment": _mark(marks.on("segment", row.segment_id)),
            "result": _mark(marks.on("result", row.result_id)),
            "fields": {path: _mark(one) for path, one in marks.fields(row.result_id).items()} if marks.markers else {},
        },
    }


def flat_segments(export: Export, event: Rows) -> Iterator[dict[str, Any]]:
    """Return the rows of segments as `COLUMNS`."""
    for row in event.rows:
        yield {
            **_flat(export, event.run, event, "segment"),
            "segment_id": row.segment_id,
            "start_time": row.start,
            "end_time": row.end,
            "status": row.status.value,
            "metadata": _document(row.metadata),
            "metadata_text": _text(row.metadata_text),
            "transcription": _text(row.spoken) if row.transcription is not None else None,
            "error": _text(row.failure_message or row.field_extraction_error),
        }


def flat_medium(export: Export, event: MediumBegun, level: VideoResult) -> dict[str, Any]:
    """Return the row of a whole media item as `COLUMNS`."""
    return {
        **_flat(export, event.run, event, "video"),
        "segment_id": None,
        "start_time": None,
        "end_time": None,
        "status": level.status.value,
        "metadata": _document(level.metadata),
        "metadata_text": _text(level.metadata_text),
        "transcription": None,
        "error": _text(level.error_message),
    }


def _flat(export: Export, run: Run, event: Rows | MediumBegun, level: str) -> dict[str, Any]:
    item = event.item
    return {
        "export_id": export.export_id,
        "level": level,
        "run_id": run.run_id,
        "prompt_id": run.prompt_id,
        "prompt_name": _text(run.prompt.name),
        "video_id": item.video_id,
        "title": _text(item.title),
        "media_type": item.media_type.value,
        "index_id": item.index_id,
    }


def _document(metadata: dict[str, Any] | None) -> str | None:
    return None if metadata is None else encoded(metadata)


def _text(value: str | None) -> str | None:
    """Keep text that a file can hold: lone surrogates are replaced."""
    return value if value is None or value.isascii() else value.encode("utf-8", "replace").decode()


def _mark(marker: Marker | None) -> dict[str, Any] | None:
    return None if marker is None else {"color": marker.color, "note": marker.note}
