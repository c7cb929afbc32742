"""Sums, groups and words that results of tools have beyond the answers of the routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Row = Mapping[str, Any]

_OPERATIONS: Final = ("field_extraction", "transcription", "image_embedding")
_UNITS: Final = ("B", "KB", "MB", "GB", "TB")
_STATUSES: Final = ("pending", "processing", "successful", "failed")


def clock(seconds: float) -> str:
    """Return a moment as 1:02:03 or 2:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(bytes_: int) -> str:
    """Return a size with its unit."""
    amount, unit = float(max(0, bytes_)), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if bytes_ > 0 else "0 B"


def tally(rows: Iterable[Row], name: str) -> dict[str, int]:
    """Count rows by a field."""
    return dict(Counter(str(row[name]) for row in rows))


def segment(row: Row) -> dict[str, Any]:
    """Write a segment."""
    start, end = row["start_time"], row["end_time"]
    return {
        **row,
        "time_range": f"{clock(start)} - {clock(end)} ({end - start:.1f}s)",
        "duration": round(end - start, 2),
        "operations": operations(row),
    }


def operations(row: Row) -> dict[str, Any]:
    """Group the outcomes of the operations on a segment."""
    return {
        name: {"succeeded": row.get(f"{name}_succeeded"), "error": row.get(f"{name}_error")} for name in _OPERATIONS
    }


def prompt(row: Row) -> dict[str, Any]:
    """Write a prompt."""
    return {**row, "schema_fields": list((row["json_schema"] or {}).get("properties", {}))}


def result(row: Row) -> dict[str, Any]:
    """Write what a run found in a segment."""
    return {**level(row), "operations": operations(row)}


def level(row: Row) -> dict[str, Any]:
    """Write what a run found, with the names that search uses for the same."""
    text = row["metadata_text"]
    return {**row, "extracted_metadata": row["metadata"], "text_content": text, "content_preview": text}


def medium(row: Row) -> dict[str, Any]:
    """Write a media item, or its status, with what its runs come to."""
    runs = [_run_on_medium(one) for one in row.get("processing_status") or ()]
    latest = max(runs, key=lambda one: one["updated_at"] or one["created_at"] or "", default=None)
    summary = {
        "total_runs": len(runs),
        "latest_run_id": latest["run_id"] if latest else None,
        "latest_run_status": latest["status"] if latest else None,
        "runs_with_failures": [
            one["run_id"] for one in runs if one["segment_counts"]["failed"] or one["status"] == "failed"
        ],
        "by_run_status": tally(runs, "status"),
        "segment_status_totals": _totals(runs),
    }
    return {**row, "processing_status": runs, "processing_summary": summary}


def over_media(rows: Sequence[Row]) -> dict[str, Any]:
    """Sum up what runs did with several media items, as `medium` wrote them."""
    runs = [run for row in rows for run in row["processing_status"]]
    return {
        "by_status": tally(rows, "status"),
        "by_run_status": tally(runs, "status"),
        "segment_status_totals": _totals(runs),
        "videos_with_processing_details": sum(bool(row["processing_status"]) for row in rows),
    }


def _run_on_medium(run: Row) -> dict[str, Any]:
    counts = {name: run[f"{name}_segments"] for name in ("total", *_STATUSES)}
    failed = [one["segment_id"] for one in run.get("segments") or () if one["status"] == "failed"]
    return {**run, "segment_counts": counts, "failed_segment_ids": failed}


def _totals(runs: Iterable[Row]) -> dict[str, int]:
    rows = list(runs)
    return {name: sum(row["segment_counts"][name] for row in rows) for name in _STATUSES}


def run(row: Row) -> dict[str, Any]:
    """Write a run."""
    kinds = ("videos", "audios", "images")
    outcomes = ("total", "completed", "failed", "partial", "cancelled")
    counts = {kind: {outcome: row[f"{outcome}_{kind}"] for outcome in outcomes} for kind in kinds}
    sums = {outcome: sum(counts[kind][outcome] for kind in kinds) for outcome in outcomes}
    total = sums.pop("total")
    steps = {"succeeded": "{}_succeeded", "failures": "{}_failures"}
    done = {name: {key: row[of.format(name)] for key, of in steps.items()} for name in _OPERATIONS}
    return {
        **row,
        "progress": {
            "total_media": total,
            **sums,
            "percent": round(100 * sums["completed"] / total) if total else 0,
            "total_segments": row["total_segments"],
            "completed_segments": row["completed_segments"],
        },
        "media_breakdown": counts,
        "operations": {
            "field_extraction": done["field_extraction"],
            "transcription": {**done["transcription"], "enabled": row["enable_transcription"]},
            "image_embedding": {**done["image_embedding"], "enabled": row["enable_image_embedding"]},
        },
        "configuration": row,
        "video_level": {
            name: row[f"video_level_{name}"]
            for name in ("enabled", "total_items", "completed_items", "failed_items", "partial_items")
        },
        "billing": {name: row[f"billing_{name}"] for name in ("estimated_mt", "actual_mt", "status", "error")},
    }


def connector(row: Row) -> dict[str, Any]:
    """Write a connector."""
    tested = row.get("last_tested_at")
    last = {"tested_at": tested, "result": row.get("last_test_result"), "error": row.get("last_test_error")}
    return {**row, "last_test": last if tested else None}


def job(row: Row) -> dict[str, Any]:
    """Write an import job."""
    progress = row["progress"]
    total = progress["total_files"]
    return {
        **row,
        "source": {"prefix": row["source_prefix"], "pattern": row["file_pattern"], "recursive": row["recursive"]},
        "progress": {
            **progress,
            "percent": min(100, round(100 * progress["imported"] / total)) if total else 0,
            "bytes_transferred_human": size(progress["bytes_transferred"]),
        },
        "timestamps": row,
        "failed_files_count": len(row["failed_files"]),
        "skipped_files_count": len(row["skipped_files"]),
    }


def export(row: Row) -> dict[str, Any]:
    """Write an export, and say what comes next."""
    tips = {
        "pending": "It waits for its turn; look again soon.",
        "processing": "It is being written; look again soon.",
        "failed": "It failed; error_message says why.",
        "completed": "It lies where the connector writes; it has no download.",
    }
    tip = tips.get(row["status"])
    if row["status"] == "completed" and row["destination_type"] == "download":
        tip = "download_url needs the credential; get_export_download_url makes a URL that needs none, for a while."
    bytes_ = row.get("file_size_bytes")
    return {**row, "file_size_human": size(bytes_) if bytes_ is not None else None, "tip": tip}
