"""Two tenants' runs as files side by side, and the catalogue of one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import frozen

from videovector_adapters.duckdb.parquet import write_parquet
from videovector_core.sqlsearch import catalog
from videovector_core.sqlsearch.cells import reader
from videovector_core.sqlsearch.model import Catalog, Kind, Level, Limits, ResultRow, RunTable

MARKER = "FOREIGN-7f3a91"
FIRST = "run_0199f0c2aaaa0000000000bbbbbbbbbb"
SECOND = "run_0199f0c2bbbb0000000000aaaaaaaaaa"
FOREIGN = "run_0199f0c2cccc0000000000ffffffffff"

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "scene": {
            "type": "object",
            "properties": {
                "location": {"type": "string"},
                "mood": {"type": "string", "enum": ["Calm", "Tense"]},
                "people": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "emotion": {"type": "string"},
                            "confidence": {"type": "number"},
                            "age": {"type": ["integer", "null"]},
                            "tags": {"type": "array", "items": {"type": "string"}},
                            "hands": {
                                "type": "array",
                                "items": {"type": "object", "properties": {"holds": {"type": "string"}}},
                            },
                        },
                    },
                },
            },
        },
        "score": {"type": "number"},
        "shots": {"type": "integer"},
        "is_outdoor": {"type": "boolean"},
        "topics": {"type": "array", "items": {"type": "string"}},
        "shot on": {"type": "string"},
        "extra": {"type": "object", "additionalProperties": True},
    },
}
VIDEO_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"summary": {"type": "string"}, "chapters": {"type": "array", "items": {"type": "string"}}},
}
_PLACES = ("kitchen", "street", "office", "park")
_FEELINGS = ("happy", "sad", "angry")
_START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def run_table(run_id: str, *, user_id: str = "user_a", version: str = "1", rows: int = 24) -> RunTable:
    return RunTable(
        run_id=run_id,
        user_id=user_id,
        version=version,
        schema=SCHEMA,
        video_schema=VIDEO_SCHEMA,
        index_id="idx_a",
        index_name="Archive",
        prompt_id="prompt_a",
        prompt_name="Scenes",
        row_count=rows,
        video_row_count=2,
    )


def metadata(number: int, marker: str = "") -> dict[str, Any]:
    people = [
        {
            "emotion": _FEELINGS[(number + place) % 3],
            "confidence": round(0.5 + ((number + place) % 5) / 10, 2),
            "age": 20 + place if number % 2 else None,
            "tags": ["hat", "coat"][: place + 1],
            "hands": [{"holds": "cup"}, {"holds": "phone"}][:place],
        }
        for place in range(number % 3)
    ]
    document: dict[str, Any] = {
        "scene": {"location": marker or _PLACES[number % 4], "mood": ["Calm", "Tense"][number % 2], "people": people},
        "score": number / 10,
        "shots": number,
        "is_outdoor": number % 2 == 0,
        "topics": ["news", "sport", marker or "food"][: number % 4],
        "shot on": f"2026-03-{1 + number % 28:02d}",
    }
    if number % 5 == 0:
        document["extra"] = {"camera": {"lens": number}}
    return document


def segment_row(run_id: str, number: int, marker: str = "") -> ResultRow:
    return ResultRow(
        result_id=f"segment:seg_{number:04d}:{run_id}",
        segment_id=f"seg_{number:04d}",
        video_id=f"vid_{number // 12}",
        video_name=f"Film {number // 12}",
        media_type="video",
        index_id="idx_a",
        run_id=run_id,
        start_time=float(number % 12 * 10),
        end_time=float(number % 12 * 10 + 10),
        transcription=None if number % 4 == 3 else f"we talk about number {number} {marker}",
        metadata_text=f"location: {_PLACES[number % 4]}",
        executed_at=_START + timedelta(minutes=number),
        metadata=metadata(number, marker),
    )


def video_row(run_id: str, number: int, marker: str = "") -> ResultRow:
    return ResultRow(
        result_id=f"video:vid_{number}:{run_id}",
        video_id=f"vid_{number}",
        video_name=f"Film {number}",
        media_type="video",
        index_id="idx_a",
        run_id=run_id,
        metadata_text=f"film {number}",
        executed_at=_START,
        metadata={"summary": f"A film {number} {marker}", "chapters": ["one", "two"]},
    )


@frozen
class Files:
    """A run's rows as the ports hand them out."""

    rows: int = 24
    marker: str = ""

    async def of(self, run: RunTable, level: Level) -> AsyncIterator[ResultRow]:
        for number in range(self.rows if level is Level.SEGMENT else 2):
            yield (segment_row if level is Level.SEGMENT else video_row)(run.run_id, number, self.marker)


@frozen
class World:
    """The caller's catalogue and files, and what else lies around them on the disk."""

    catalog: Catalog
    files: dict[str, Path]
    foreign: Path
    secret: Path
    out: Path

    def lend(self, names: Collection[str]) -> Any:
        @asynccontextmanager
        async def lent() -> AsyncIterator[Mapping[str, Path]]:
            yield {name: self.files[name] for name in names}

        return lent()

    def names(self) -> dict[str, list[str]]:
        return {table.name: [column.name for column in table.columns] for table in self.catalog.tables}

    def fill(self, text: str) -> str:
        """Put real names and paths into a statement of the tables of statements."""
        first, second = (table.name for table in self.catalog.tables if table.kind is Kind.SEGMENTS)
        places = {"{t}": first, "{u}": second, "{v}": self._videos(), "{people}": f"{first}__scene_people"}
        places |= {"{foreign}": str(self.foreign), "{secret}": str(self.secret), "{out}": str(self.out)}
        places |= {"{dir}": str(self.foreign.parent), "{hands}": f"{first}__scene_people_hands"}
        places |= {"{theirs}": self.foreign.stem}
        for name, value in places.items():
            text = text.replace(name, value)
        return text

    def _videos(self) -> str:
        return next(table.name for table in self.catalog.tables if table.kind is Kind.VIDEOS)


async def build(place: Path, limits: Limits | None = None) -> World:
    """Write the files of three runs into one directory, as a blob store has them."""
    limits = limits or Limits()
    own = catalog.build([run_table(FIRST), run_table(SECOND)], limits)
    theirs = catalog.build([run_table(FOREIGN, user_id="user_b")], limits)
    blobs, out = place / "blobs", place / "out"
    blobs.mkdir()
    out.mkdir()
    (place / "secret.txt").write_text(MARKER)
    files = await _write(own, blobs, "")
    foreign = await _write(theirs, blobs, MARKER)
    return World(own, files, next(iter(foreign.values())), place / "secret.txt", out)


async def _write(made: Catalog, place: Path, marker: str) -> dict[str, Path]:
    files = {}
    for table in made.tables:
        if table.stored and table.run:
            path = files[table.name] = place / f"{table.name}.parquet"
            read = reader(table.columns)
            rows = (read(row) async for row in Files(marker=marker).of(table.run, table.level))
            await write_parquet(path, table.columns, rows)
    return files
