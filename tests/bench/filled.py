"""A real server whose database holds many finished results, and an engine that holds their vectors."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from array import array
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from attrs import define, evolve

from tests.server import Server
from videovector_adapters import wiring
from videovector_adapters.local.text import unit
from videovector_adapters.postgres.database import Database
from videovector_adapters.qdrant.client import WRITE_AT_ONCE
from videovector_adapters.qdrant.edge import EdgeServer, EdgeVectors
from videovector_adapters.settings import Settings
from videovector_core.models.ports import TextEmbedder
from videovector_core.runs.model import Outcome, RunStatus
from videovector_core.testing import stores_room as make
from videovector_core.vectors.lexical import document_weights, term_id
from videovector_core.vectors.ports import Point, PointKind

PER_FILM: Final = 200
LENGTH: Final = 5
SMALL: Final = 100
"""One in so many results belongs to the second run."""
SPREAD: Final = 0.7
"""How far the vectors of a film's segments lie from the film's own, whose length is 1."""
_BEGINNINGS: Final = ("bar", "cel", "dor", "fin", "gal", "hum", "jor", "kel")
WORDS: Final = [f"{a}{b}" for a in _BEGINNINGS for b in range(500)]
IN_TEXT: Final = 20
"""Words of each text, all of them different."""
_TEXT: Final = f"""(
    SELECT string_agg(('{{{",".join(_BEGINNINGS)}}}'::text[])[1 + w / 500] || w % 500, ' ')
    FROM (SELECT (g::bigint * 48271 + j * (2 * (g / 4000 % 1999) + 1)) % 4000 AS w
          FROM generate_series(0, {IN_TEXT - 1}) j) AS words
)"""
"""The text of `words` in SQL."""


def words(number: int) -> list[int]:
    """Return the places in `WORDS` of the words of a text."""
    step = 2 * (number // 4000 % 1999) + 1
    return [(number * 48271 + at * step) % 4000 for at in range(IN_TEXT)]


_TERMS: Final = [term_id(word) for word in WORDS]
_WEIGHT: Final = document_weights(" ".join(WORDS[:IN_TEXT]))[_TERMS[0]]
"""What every word of a text weighs that has so many, each once."""


@define
class Filled:
    """A server with `count` results of two runs in one index, and how to reach its parts."""

    server: Server
    count: int
    database: Database
    user_id: str
    index_id: str = ""
    runs: tuple[str, str] = ("run_big", "run_small")

    async def rows(self, metadata: Mapping[str, str] | None = None, **about: Any) -> None:
        """Write media, runs and results: one of each through the stores, the others as copies of it in SQL."""
        async with self.database.begin() as tx:
            await tx.media.add(make.medium("vid_0", user_id=self.user_id, index_id=self.index_id, duration=1000.0))
            for run_id in self.runs:
                run = make.run(run_id, user_id=self.user_id, index_id=self.index_id, **about)
                medium = make.run_medium(run_id, "vid_0", user_id=self.user_id, status=Outcome.SUCCESSFUL)
                await tx.runs.add(evolve(run, status=RunStatus.COMPLETED, completed_at=make.at(60)), [medium])
            bare = make.result(self.runs[0], user_id=self.user_id, video="vid_0")
            await tx.results.plan([bare])
            await tx.results.save(
                evolve(bare, status=Outcome.SUCCESSFUL, metadata={}, metadata_text="t", processed_at=make.at(50))
            )
        films = -(-self.count // PER_FILM)
        await self._copied("media", {"video_id": "'vid_' || g"}, 1, films - 1)
        await self._copied("run_media", {"video_id": "'vid_' || g", "ordinal": "g"}, 1, films - 1)
        either = f"CASE g % {SMALL} WHEN 0 THEN '{self.runs[1]}' ELSE '{self.runs[0]}' END"
        given: dict[str, str] = {
            "segment_id": "'seg_' || lpad(g::text, 9, '0')",
            "run_id": either,
            "video_id": f"'vid_' || g / {PER_FILM}",
            "ordinal": f"g % {PER_FILM}",
            "start": f"(g % {PER_FILM}) * {LENGTH}",
            "end": f"(g % {PER_FILM} + 1) * {LENGTH}",
            "metadata_text": _TEXT,
        }
        await self._copied("results", {**given, **(metadata or {})}, 0, self.count - 1)
        async with self.database.begin() as tx:
            connection = tx.filters.db.connection
            await connection.execute("DELETE FROM results WHERE segment_id = 'seg_vid_0_0'")

    async def vectors(self, text: TextEmbedder) -> float:
        """Fill the server's engine while the server is down, without building; return points a second.

        The segments of a film lie around the vector of a text, as those of a real collection would: questions in words
        are then as near to them as to texts. A server that is up would build over and over while it is filled.
        """
        films = -(-self.count // PER_FILM)
        texts = [" ".join(WORDS[one] for one in words(number)[:4]) for number in range(films)]
        batches = [await text.embed(texts[at : at + 50]) for at in range(0, films, 50)]
        centres = np.array([vector for batch in batches for vector in batch], dtype=np.float32)
        self.server.stop()
        socket = self.server.data_dir.parent / "fill.sock"
        engine = EdgeServer(self.server.data_dir.absolute() / "vectors", socket, optimize_after=None)
        await engine.start()
        client = EdgeVectors(socket)
        began = time.perf_counter()
        writing = asyncio.create_task(client.upsert([]))
        for points in self._points(text.space, centres):
            await writing  # one batch on its way while the next one is made
            writing = asyncio.create_task(client.upsert(points))
            await asyncio.sleep(0)
        await writing
        rate = self.count / (time.perf_counter() - began)
        await client.close()
        await engine.stop()
        self.server.start(seconds=300)
        return rate

    def _points(self, space: str, centres: Any) -> Iterator[list[Point]]:
        random = np.random.default_rng(1)
        spread = np.float32(SPREAD / np.sqrt(centres.shape[1]))
        for start in range(0, self.count, WRITE_AT_ONCE):
            numbers = range(start, min(start + WRITE_AT_ONCE, self.count))
            near = centres[[number // PER_FILM for number in numbers]]
            rows = unit(near + spread * random.standard_normal(near.shape, dtype=np.float32))
            yield [self._point(space, number, row) for number, row in zip(numbers, rows, strict=True)]

    def _point(self, space: str, number: int, row: Any) -> Point:
        return Point(
            id=str(uuid5(NAMESPACE_OID, str(number))),
            kind=PointKind.SEGMENT,
            user_id=self.user_id,
            run_id=self.runs[number % SMALL == 0],
            index_id=self.index_id,
            video_id=f"vid_{number // PER_FILM}",
            segment_id=f"seg_{number:09d}",
            dense={space: array("f", row.tobytes())},
            sparse={_TERMS[one]: _WEIGHT for one in words(number)},
        )

    async def _copied(self, table: str, instead: Mapping[str, str], first: int, last: int) -> None:
        """Copy the first rows of a table for every number `g`, with other values in some columns."""
        async with self.database.begin() as tx:
            connection = tx.filters.db.connection
            found = await connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER' "
                "AND is_identity = 'NO' AND table_schema = current_schema()",
                [table],
            )
            names = [name for (name,) in await found.fetchall()]
            values = ", ".join(instead.get(name, f't."{name}"') for name in names)
            columns = ", ".join(f'"{name}"' for name in names)
            place = "vid_0" if table != "results" else ""
            where = f"WHERE t.video_id = '{place}'" if place else "WHERE t.segment_id = 'seg_vid_0_0'"
            query = f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} t, generate_series({first}, {last}) g {where}"
            await connection.execute(query)
            await connection.execute(f"ANALYZE {table}")


@contextlib.asynccontextmanager
async def filled(count: int, prepare: Callable[[Filled], Any], **environment: str) -> AsyncIterator[Filled]:
    """Lend a server with data; `prepare` writes rows and vectors while it runs."""
    with tempfile.TemporaryDirectory(prefix="videovector-bench-") as folder:
        server = Server(Path(folder) / "data", environment=environment)
        server.start(seconds=120)
        try:
            settings = Settings.load(data_dir=server.data_dir)
            async with wiring.database(settings) as database:
                async with database.begin() as tx:
                    user_id = str(await tx.filters.db.value("SELECT user_id FROM users LIMIT 1", []))
                with server.http() as client:
                    index_id = client.post("/indexes", json={"name": "bench"}).json()["index_id"]
                made = Filled(server, count, database, user_id, index_id)
                await prepare(made)
                yield made
        finally:
            server.stop()
