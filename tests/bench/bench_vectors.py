"""Measure the embedded vector engine through its client and print a Markdown table.

    python -m tests.bench.bench_vectors [POINTS=100000] [--directory DIR] [--keep]

Generated data: 384 dimensions in 2,000 clusters, 60 terms a text (Zipf), 100 runs, 99 % of the points one user's.
Queries come from the same distribution. "while building" is measured during optimise, catch-up and swap.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import shutil
import statistics
import tempfile
import time
from array import array
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import numpy as np

from tests.bench.rows import Row
from videovector_adapters.qdrant.edge import EdgeServer, EdgeVectors
from videovector_core.models.ports import Vector
from videovector_core.vectors.ports import Point, PointKind, Scope, Scored

SIZE, CLUSTERS, QUERIES, TOP_K = 384, 2000, 200, 10
ALL = Scope(user_id="user_a", run_ids=tuple(f"run_{number}" for number in range(100)))
ONE_RUN = Scope(user_id="user_a", run_ids=("run_7",))


class Data:
    """Points and queries that follow from a seed."""

    def __init__(self, seed: int) -> None:
        self.centres = np.random.default_rng(0).standard_normal((CLUSTERS, SIZE), dtype=np.float32)
        self.random = np.random.default_rng(seed)

    def vectors(self, count: int) -> list[Vector]:
        near = self.centres[self.random.integers(0, CLUSTERS, count)]
        rows = near + 0.7 * self.random.standard_normal((count, SIZE), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return [array("f", row.tobytes()) for row in rows]

    def terms(self, count: int, length: int) -> list[dict[int, float]]:
        drawn = self.random.zipf(1.3, size=(count, length)) % 200_000
        return [{int(term): 1.0 for term in row} for row in drawn]

    def points(self, start: int, count: int) -> list[Point]:
        rows = zip(self.vectors(count), self.terms(count, 60), strict=True)
        return [
            Point(
                id=str(uuid5(NAMESPACE_OID, str(number))),
                kind=PointKind.SEGMENT,
                user_id="user_a" if number % 100 else "user_b",
                run_id=f"run_{number % 100}",
                index_id=f"idx_{number % 7}",
                video_id=f"vid_{number % 5000}",
                segment_id=f"seg_{number}",
                dense={"text": vector},
                sparse=terms,
            )
            for number, (vector, terms) in zip(itertools.count(start), rows, strict=False)
        ]


class Bench:
    """One run over one directory."""

    def __init__(self, directory: Path, points: int) -> None:
        self.total = points
        self.server = EdgeServer(directory / "v", directory / "s", start_seconds=600, optimize_after=None)
        self.client = EdgeVectors(directory / "s")
        queries = Data(99)
        self.near, self.terms = queries.vectors(QUERIES), queries.terms(QUERIES, 6)
        self.rows: list[tuple[str, str]] = []

    async def run(self) -> None:
        await self.server.start()
        await self.load()
        await self.searches("before the build", 20)
        await self.build()
        await self.searches("after the build", QUERIES)
        await self.recall()
        await self.throughput()
        await self.restart()
        self.sizes()
        await self.client.close()
        await self.server.stop()

    async def load(self) -> None:
        data, spent = Data(1), 0.0
        for start in range(0, self.total, 2000):
            points = data.points(start, min(2000, self.total - start))
            began = time.perf_counter()
            await self.client.upsert(points)
            spent += time.perf_counter() - began
        self.row("upserts", f"{self.total / spent:,.0f} / s")

    async def searches(self, when: str, count: int) -> None:
        kinds: dict[str, Callable[[int], Awaitable[object]]] = {
            "nearest": lambda n: self.nearest(n, ALL),
            "nearest, 1 % filter": lambda n: self.nearest(n, ONE_RUN),
            "nearest, exact": lambda n: self.nearest(n, ALL, exact=True),
            "BM25, 6 terms": lambda n: self.client.lexical(self.terms[n], within=ALL, top_k=TOP_K),
        }
        for name, search in kinds.items():
            self.row(f"{name}, {when}", summary([await timed(search(n)) for n in range(count)]))

    def nearest(self, number: int, scope: Scope, *, exact: bool = False) -> Awaitable[list[Scored]]:
        return self.client.nearest("text", self.near[number % QUERIES], within=scope, top_k=TOP_K, exact=exact)

    async def build(self) -> None:
        began, waits = time.perf_counter(), []
        building = asyncio.create_task(self.server.optimize())
        for number in itertools.count():
            if building.done():
                break
            waits.append(await timed(self.nearest(number, ALL)))
            await asyncio.sleep(0.05)
        await building
        self.row("build aside and swap", f"{time.perf_counter() - began:,.0f} s")
        self.row("nearest, while building", summary(waits))

    async def recall(self) -> None:
        hits = 0
        for number in range(QUERIES):
            found = await self.nearest(number, ALL)
            true = await self.nearest(number, ALL, exact=True)
            hits += len({one.point.id for one in found} & {one.point.id for one in true})
        self.row("recall@10 (int8, scored again)", f"{hits / (QUERIES * TOP_K):.4f}")

    async def throughput(self) -> None:
        clients = [EdgeVectors(self.server.socket) for _ in range(16)]

        async def ask(client: EdgeVectors, first: int) -> None:
            for number in range(first, QUERIES, 16):
                await client.nearest("text", self.near[number], within=ALL, top_k=TOP_K)

        began = time.perf_counter()
        await asyncio.gather(*(ask(client, number) for number, client in enumerate(clients)))
        self.row("nearest, 16 clients", f"{QUERIES / (time.perf_counter() - began):,.0f} / s")
        for client in clients:
            await client.close()

    async def restart(self) -> None:
        self.memory = resident(self.server.pid)
        await self.server.stop()
        began = time.perf_counter()
        await self.server.start()
        await self.client.count()
        self.row("stop, start: until the first answer", f"{time.perf_counter() - began:.1f} s")

    def sizes(self) -> None:
        used = sum(one.stat().st_blocks * 512 for one in self.server.directory.rglob("*") if one.is_file())
        self.row("memory of the engine, with mapped files", f"{self.memory / 2**20:,.0f} MB")
        self.row("disk", f"{used / 2**20:,.0f} MB")

    def row(self, name: str, value: str) -> None:
        self.rows.append((name, value))
        print(f"| {name} | {value} | | |", flush=True)  # noqa: T201 - the table is what this program is for


async def timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


def summary(milliseconds: list[float]) -> str:
    cuts = statistics.quantiles(milliseconds, n=20)
    return f"p50 {cuts[9]:.1f} ms, p95 {cuts[18]:.1f} ms, worst {max(milliseconds):.0f} ms"


def resident(pid: int | None) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def arguments() -> Iterator[tuple[int, Path]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("points", type=int, nargs="?", default=100_000)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    directory = Path(tempfile.mkdtemp(dir=given.directory))
    yield given.points, directory
    if not given.keep:
        shutil.rmtree(directory)


async def bench() -> list[Row]:
    """Print the table for `VECTOR_POINTS` points (default 100,000)."""
    with tempfile.TemporaryDirectory() as folder:
        await Bench(Path(folder), int(os.environ.get("VECTOR_POINTS", "100000"))).run()
    return []


def main() -> None:
    """Print the table."""
    for points, directory in arguments():
        load = os.getloadavg()[0]
        head = f"{points:,} points, {os.cpu_count()} processors, load {load:.1f} at the start"
        print(f"| {head} | | | |\n| --- | --- | --- | --- |")  # noqa: T201 - the head of the table
        asyncio.run(Bench(directory, points).run())


if __name__ == "__main__":
    main()
