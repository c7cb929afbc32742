"""Text search over HTTP at a real server, beside the bare engine call on the same points.

`SEARCH_POINTS` says over how many results (default 100,000), and may name several numbers ("100000,1000000", for which the
promises are made); then the growth between the first and the last is told. Stages are taken by an application in this
process over the same database and engine, one request at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import aiohttp
import httpx
import msgspec
import structlog
from attrs import evolve, frozen

from tests.bench.filled import WORDS, Filled, filled
from tests.bench.processor import parent, spent
from tests.bench.rows import Row
from tests.bench.stages import Stage, Timed
from tests.http.api import KEY
from videovector_adapters import wiring
from videovector_adapters.local.clients import LocalTextEmbedder
from videovector_adapters.qdrant.edge import EdgeVectors
from videovector_adapters.secrets import Envelope
from videovector_adapters.settings import Settings
from videovector_core.app import VideoVector
from videovector_core.search.scoping import TEXT_KINDS
from videovector_core.search.service import Search
from videovector_core.vectors.ports import PointKind, Scope
from videovector_http import search as routes
from videovector_http.app import create_app
from videovector_http.context import Context
from videovector_http.signer import Signer

Post: TypeAlias = Callable[[str, Any], Awaitable[tuple[int, bytes]]]

POINTS = [int(number) for number in os.environ.get("SEARCH_POINTS", "100000").split(",")]
QUERIES = 200
TOP_K = 10
BUILD_SECONDS = 3600
FEW = 20_000
MEDIAN = "HTTP search, p50"


async def bench() -> AsyncIterator[Row]:
    """Measure before, during and after the build of the indexes."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.getLogger("httpx").setLevel(logging.WARNING)  # of the stages, which are taken in this process
    text = LocalTextEmbedder()
    medians: list[float] = []
    try:
        for points in POINTS:
            async for row in _of(points, text):
                yield row
                if row.what == MEDIAN:
                    medians.append(row.value)
    finally:
        await text.close()
    if len(medians) > 1:
        yield Row(f"{MEDIAN}: {POINTS[-1]:,} over {POINTS[0]:,} results", medians[-1] / medians[0], "x", "at most 2")


async def _of(points: int, text: LocalTextEmbedder) -> AsyncIterator[Row]:
    rows: list[Row] = []

    async def prepare(made: Filled) -> None:
        began = time.perf_counter()
        await made.rows()
        rows.append(Row(f"rows of {points:,} results", time.perf_counter() - began, "s"))
        rows.append(Row("vectors and words told to the engine", await made.vectors(text), "1/s"))

    async with filled(points, prepare) as made:
        for row in rows:
            yield row
        async for row in _measured(made, text):
            yield row


async def _measured(made: Filled, text: LocalTextEmbedder) -> AsyncIterator[Row]:
    engine = EdgeVectors(made.server.data_dir.absolute() / "vectors" / "engine.sock")
    async with _client(made) as post:
        ask = _asking(post, made)
        await _times(5, ask)
        before = await _times(30, ask)
        yield Row("HTTP search before the build, p95", _p(before, 95), "ms", "at most 150 at 100,000")
        began = time.monotonic()
        waits = await _while_building(engine, ask, text.space)
        yield Row(
            "the server looks and builds", time.monotonic() - began, "s", f"load {os.getloadavg()[0]:.1f} after it"
        )
        yield Row(f"HTTP search while building and swapping, worst of {len(waits)}", max(waits), "ms", "at most 1,000")
        yield Row("HTTP search while building and swapping, p95", _p(waits, 95), "ms")
        queries = [_query(number) for number in range(QUERIES)]
        vectors = await text.embed(queries)
        scope = Scope(made.user_id, run_ids=made.runs, index_ids=(made.index_id,))

        async def bare(number: int) -> Any:
            return await engine.nearest(text.space, vectors[number % QUERIES], within=scope, top_k=TOP_K)

        async def calls(number: int) -> Any:
            scopes = (evolve(scope, kinds=kinds) for kinds in (TEXT_KINDS, (PointKind.LEAF,)))
            vector = vectors[number % QUERIES]
            return await asyncio.gather(
                *(engine.nearest(text.space, vector, within=one, top_k=10 * TOP_K) for one in scopes)
            )

        in_a_row = await _times(QUERIES, bare)
        embed, alone, both, through = await _in_turn(lambda number: text.embed([queries[number]]), bare, calls, ask)
        yield Row(
            "bare engine call, p50",
            _p(alone, 50),
            "ms",
            f"p95 {_p(alone, 95):.1f} ms; {_p(in_a_row, 50):.1f} ms in a row",
        )
        yield Row("bare engine calls as a search makes them, p50", _p(both, 50), "ms", f"p95 {_p(both, 95):.1f} ms")
        yield Row(MEDIAN, _p(through, 50), "ms", f"of which embedding {_p(embed, 50):.1f} ms")
        without = _p(through, 50) - _p(embed, 50)
        besides = f"at most 10 more; {without - _p(both, 50):.1f} ms over the calls that it makes"
        yield Row("HTTP search without embedding over the bare call, p50", without - _p(alone, 50), "ms", besides)
        whole95, less = _p(through, 95), _p(through, 95) - _p(embed, 50)
        yield Row("HTTP search, p95", whole95, "ms", f"{less:.1f} ms without embedding; at most 25")
        cost = _Cost(made, await _postmaster(made))
        whole, near = await cost.of(ask), await cost.of(bare)
        words = await cost.of(lambda number: text.embed([queries[number]]))
        besides = f"bare call {near:.1f} ms, embedding {words:.1f} ms"
        yield Row("processor time of an HTTP search: server, models, engine, database", whole, "ms", besides)
        small = _asking(post, made, run_ids=[made.runs[1]])
        yield Row("HTTP search of 1 % of the results, p95", _p(await _times(QUERIES, small), 95), "ms")
        yield Row("recall@10 against exact", await _recall(engine, text.space, vectors, scope), "", "at least 0.98")
        yield Row("HTTP search, 16 clients", await _throughput(made), "1/s")
        async for row in _stages(made):
            yield row
    await engine.close()


def _query(number: int) -> str:
    chance = random.Random(number)
    return " ".join(chance.sample(WORDS, 3))


@contextlib.asynccontextmanager
async def _client(made: Filled) -> AsyncIterator[Post]:
    """Lend a client whose own time is small beside what it measures: `httpx` takes 2 ms more for a request."""
    limits = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(headers={"X-API-Key": made.server.key}, timeout=limits) as session:

        async def post(path: str, body: Any) -> tuple[int, bytes]:
            async with session.post(f"{made.server.url}/api/v2{path}", json=body) as answer:
                return answer.status, await answer.read()

        yield post


def _asking(post: Post, made: Filled, **more: Any) -> Callable[[int], Awaitable[None]]:
    async def ask(number: int) -> None:
        body = {"query": _query(number), "top_k": TOP_K, **more}
        status, answer = await post(f"/indexes/{made.index_id}/search", body)
        assert status == 200, answer
        assert len(msgspec.json.decode(answer)) == TOP_K

    return ask


async def _while_building(engine: EdgeVectors, ask: Callable[[int], Awaitable[Any]], space: str) -> list[float]:
    """Ask until the server has indexed the vectors by itself, and some seconds more; the build is left time as well."""
    waits: list[float] = []
    until = time.monotonic() + BUILD_SECONDS
    for number in itertools.count():
        waits += await _times(1, lambda _, number=number: ask(number))  # type: ignore[misc]  # bound on purpose
        if number % 20 == 0:
            found = (await engine.indexing())[space]
            few = found.vectors < FEW  # so few are never indexed
            if few or found.indexed >= 0.9 * found.vectors or time.monotonic() > until:
                break
        await asyncio.sleep(max(0.05, 2 * waits[-1] / 1000))
    return [*waits, *await _times(50, ask)]


@frozen
class _Cost:
    """Processor time of a server with its helpers, of its database, and of the models that this process started."""

    made: Filled
    postmaster: int

    async def of(self, work: Callable[[int], Awaitable[Any]]) -> float:
        """Return the milliseconds of one call, less what this process itself spends and what all spend anyway."""
        anyway = await self._rate(asyncio.sleep(3))
        began = time.perf_counter()
        rate = await self._rate(_times(QUERIES, work))
        return (rate - anyway) * (time.perf_counter() - began) / QUERIES

    async def _rate(self, work: Awaitable[Any]) -> float:
        """Return the milliseconds of processor time a second while something is done."""
        before, began = self._spent(), time.perf_counter()
        await work
        return (self._spent() - before) / (time.perf_counter() - began)

    def _spent(self) -> float:
        return spent(os.getpid()) + spent(self.postmaster) - 1000 * time.process_time()


async def _postmaster(made: Filled) -> int:
    async with made.database.begin() as tx:
        return parent(int(await tx.filters.db.value("SELECT pg_backend_pid()", [])))


async def _recall(engine: EdgeVectors, space: str, vectors: Sequence[Any], scope: Scope) -> float:
    same = 0
    for vector in vectors:
        near, exact = [
            {hit.point.id for hit in await engine.nearest(space, vector, within=scope, top_k=TOP_K, exact=exact)}
            for exact in (False, True)
        ]
        same += len(near & exact)
    return same / (TOP_K * len(vectors))


async def _throughput(made: Filled) -> float:
    async with _client(made) as post:
        ask = _asking(post, made)

        async def some(first: int) -> None:
            for number in range(first, QUERIES, 16):
                await ask(number)

        began = time.perf_counter()
        await asyncio.gather(*(some(first) for first in range(16)))
        return QUERIES / (time.perf_counter() - began)


async def _stages(made: Filled) -> AsyncIterator[Row]:
    """Take the stages of a request in this process."""
    stages = {name: Stage() for name in ("auth", "embed", "engine", "hydrate", "render")}
    async with wiring.build(Settings.load(data_dir=made.server.data_dir), owns_engine=False) as whole:
        text = Timed(whole.ports.models.text, stages["embed"], "embed")
        engine = Timed(whole.ports.vectors, stages["engine"], "nearest", "lexical")
        vv = VideoVector(evolve(whole.ports, vectors=engine, models=evolve(whole.ports.models, text=text)))
        app = create_app(Context(vv, Signer(KEY), Envelope(KEY)))
        headers = {"X-API-Key": made.server.key}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://b/api/v2", headers=headers) as client:

            async def post(path: str, body: Any) -> tuple[int, bytes]:
                answer = await client.post(path, json=body)
                return answer.status_code, answer.content

            ask = _asking(post, made)
            await _times(5, ask)
            with (
                stages["auth"].patch(Context, "caller"),
                stages["hydrate"].patch(Search, "hydrate"),
                stages["hydrate"].patch(routes, "marked"),
                stages["render"].patch(routes, "found"),
            ):
                for stage in stages.values():
                    stage.spent = 0.0
                total = await _times(QUERIES, ask)
    yield Row("stages, in process: whole request, mean", statistics.mean(total), "ms")
    for name, stage in stages.items():
        yield Row(f"stages, in process: {name}, mean", stage.spent / QUERIES, "ms")
    rest = statistics.mean(total) - sum(stage.spent for stage in stages.values()) / QUERIES
    yield Row("stages, in process: the rest", rest, "ms", "what is in scope, the count of use, fusion, the framework")


async def _times(count: int, work: Callable[[int], Awaitable[Any]]) -> list[float]:
    times: list[float] = []
    for number in range(count):
        began = time.perf_counter()
        await work(number)
        times.append((time.perf_counter() - began) * 1000)
    return times


async def _in_turn(*works: Callable[[int], Awaitable[Any]]) -> list[list[float]]:
    """Measure several things in turn, each with another query, so that all find the machine in one state."""
    times: list[list[float]] = [[] for _ in works]
    for number in range(QUERIES):
        for place, work in enumerate(works):
            query = (number + place * QUERIES // len(works)) % QUERIES
            times[place] += await _times(1, lambda _, work=work, query=query: work(query))  # type: ignore[misc]  # bound on purpose
    return times


def _p(times: Sequence[float], share: int) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * share // 100)]
