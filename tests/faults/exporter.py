"""A process that does nothing but build exports, to be killed: `python -m tests.faults.exporter DSN FOLDER`.

Blobs lie below FOLDER, and so does the place that files are delivered to. The rows of the run are made up.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from videovector_adapters import memory
from videovector_adapters.postgres.database import Database
from videovector_adapters.storage.connectors import Storages
from videovector_adapters.storage.doors import Doors
from videovector_adapters.storage.files import FileBlobs
from videovector_adapters.wiring import RandomIds, SystemClock
from videovector_core.app import VideoVector
from videovector_core.media.model import MediaItem
from videovector_core.prompts.model import Prompt
from videovector_core.runs.model import Run, RunMedium, SegmentResult
from videovector_core.segments.model import Segmentation
from videovector_core.work import Engine, Pace

NOW = datetime(2026, 1, 1, tzinfo=UTC)
USER, INDEX, RUN = "user_1", "idx_1", "run_1"
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}
OF_A_MEDIUM = 500


@contextlib.asynccontextmanager
async def opened(dsn: str, folder: Path) -> AsyncIterator[VideoVector]:
    """Put an application over a database together whose blobs and buckets are directories."""
    (folder / "place").mkdir(parents=True, exist_ok=True)
    async with Database.open(dsn, RandomIds()) as database:
        yield VideoVector(
            memory.ports(
                begin=database.begin,
                clock=SystemClock(),
                ids=RandomIds(),
                doorbell=database.doorbell,
                blobs=FileBlobs(folder / "blobs"),
                storage=Storages(Doors(local_roots=(folder,))),
            )
        )


def exporter(vv: VideoVector, lease: float) -> Engine[Any]:
    """Return an engine that only builds exports."""
    kinds = {name: kind for name, kind in vv.kinds.items() if name.startswith("export.")}
    return Engine(vv.begin, kinds, vv.ports.doorbell, Pace.for_lease(lease))


async def filled(vv: VideoVector, rows: int, size: int) -> None:
    """Keep a run of so many segments, each with about `size` bytes of metadata."""
    prompt = Prompt("prompt_1", USER, "Scenes", "Describe the scene.", SCHEMA, NOW)
    run = Run(
        RUN,
        USER,
        "prompt_1",
        prompt,
        {"type": "index"},
        Segmentation(),
        NOW,
        USER,
        "completed",
        INDEX,
        completed_at=NOW,
    )
    count = -(-rows // OF_A_MEDIUM)
    media = [RunMedium(RUN, f"vid_{n:06d}", USER, "video", n, 5000.0, "successful") for n in range(count)]
    async with vv.begin() as tx:
        for one in media:
            about = (one.video_id, "0" * 64, 1, "a.mp4", "video/mp4", 5000.0, NOW, INDEX)
            await tx.media.add(MediaItem(about[0], USER, f"Film {one.ordinal}", "video", *about[1:]))
        await tx.runs.add(run, media)
    for one in media:
        few = min(OF_A_MEDIUM, rows - one.ordinal * OF_A_MEDIUM)
        results = [_result(one.video_id, n, f"{one.ordinal}-{n} ".ljust(size, "x")) for n in range(few)]
        async with vv.begin() as tx:
            await tx.results.plan(results)


def _result(video_id: str, n: int, text: str) -> SegmentResult:
    return SegmentResult(
        RUN,
        f"seg_{video_id}_{n}",
        video_id,
        USER,
        n,
        n * 10.0,
        n * 10.0 + 10,
        "successful",
        field_extraction=True,
        metadata={"text": text},
        metadata_text=text[:100],
    )


async def main() -> None:
    """Build until killed."""
    async with opened(sys.argv[1], Path(sys.argv[2])) as vv:
        await exporter(vv, 1.5).run()


if __name__ == "__main__":
    asyncio.run(main())
