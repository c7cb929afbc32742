"""From what is met on the walk to the bytes of a file, one step at a time, so that any step can be the last of a part."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from videovector_core.exports.model import Export, Format
from videovector_core.exports.rows import (
    COLUMNS,
    encoded,
    flat_medium,
    flat_segments,
    header,
    medium_fields,
    run_fields,
    segment_fields,
)
from videovector_core.exports.walk import Begun, Ended, MediumBegun, Passed, Rows, RunBegun, Step

Write: TypeAlias = Callable[[Export, Step], bytes]


def as_json(export: Export, step: Step) -> bytes:
    """Write one JSON document, a line for each segment."""
    event, before = step.event, step.before
    if isinstance(event, Begun):
        text = _open(header(export, event), "runs")
    elif isinstance(event, RunBegun):
        text = _comma(before.runs) + _open(run_fields(event.run), "media")
    elif isinstance(event, MediumBegun):
        text = _comma(before.media) + _open(medium_fields(event), "segments")
    elif isinstance(event, Rows):
        rows = [encoded(segment_fields(row, event.marks)) for row in event.rows]
        text = _comma(before.segments) + ",\n".join(rows)
    elif isinstance(event, Passed):
        text = ""
    else:
        text = "\n]}\n" if isinstance(event, Ended) else "\n]}"
    return text.encode()


def as_lines(export: Export, step: Step) -> bytes:
    """Write a JSON document in each line: the export, then each run, media item and segment with the ids it belongs to."""
    event = step.event
    lines: list[dict[str, Any]] = []
    if isinstance(event, Begun):
        lines = [{"type": "export", **header(export, event)}]
    elif isinstance(event, RunBegun):
        lines = [{"type": "run", **run_fields(event.run)}]
    elif isinstance(event, MediumBegun):
        lines = [{"type": "media", "run_id": event.run.run_id, **medium_fields(event)}]
    elif isinstance(event, Rows):
        about = {"type": "segment", "run_id": event.run.run_id, "video_id": event.item.video_id}
        lines = [{**about, **segment_fields(row, event.marks)} for row in event.rows]
    return "".join(f"{encoded(line)}\n" for line in lines).encode()


def as_csv(export: Export, step: Step) -> bytes:
    """Write a table (RFC 4180), its first line the names of the columns."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    if isinstance(step.event, Begun):
        table.writerow(COLUMNS)
    table.writerows(row.values() for row in flat(export, step))
    return text.getvalue().encode()


def as_rows(export: Export, step: Step) -> bytes:
    """Write flat rows as lines of JSON, for the columnar file that is made of them at the end."""
    return "".join(f"{encoded(row)}\n" for row in flat(export, step)).encode()


WRITERS: Final[Mapping[Format, Write]] = {
    Format.JSON: as_json,
    Format.JSONL: as_lines,
    Format.CSV: as_csv,
    Format.PARQUET: as_rows,
}


def flat(export: Export, step: Step) -> Iterator[dict[str, Any]]:
    """Return the flat rows of a step."""
    if isinstance(step.event, Rows):
        yield from flat_segments(export, step.event)
    elif isinstance(step.event, MediumBegun) and step.event.level is not None:
        yield flat_medium(export, step.event, step.event.level)


def _open(fields: Mapping[str, Any], last: str) -> str:
    """Write an object whose last field is a list that stays open."""
    return f'{encoded(fields)[:-1]},"{last}":['


def _comma(written: int) -> str:
    return ",\n" if written else "\n"
