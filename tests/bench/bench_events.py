"""What it costs to tell: deliveries to a receiver on the loopback, and events from commit to a stream."""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import structlog
from attrs import evolve

from tests import postgres
from tests.bench.rows import Row
from tests.events.reading import Reader, reading
from tests.faults.deliverer import deliverer, opened
from tests.faults.receiver import Receiver, receiving
from tests.http.api import KEY
from videovector_adapters.secrets import Envelope
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_core.events.model import NewEvent
from videovector_http.app import create_app
from videovector_http.context import Context
from videovector_http.signer import Signer

DELIVERIES = 10_000
HOOKS = 10
READERS = 100
EVENTS = 50
ENDPOINTS = 50
FLOOD = 100_000


async def bench() -> list[Row]:
    """Measure both over PostgreSQL."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    server = await asyncio.to_thread(postgres.lasting_server)
    dsn = await asyncio.to_thread(postgres.fresh, server)
    try:
        async with receiving() as receiver, opened(dsn) as vv:
            ours = await _deliveries(vv, receiver)
            each, kept = await _bare(receiver, force_close=True), await _bare(receiver, force_close=False)
            alone, beside = await _stuck(vv, receiver)
            latencies = await _streams(vv)
            grown = await _stalled(vv)
    finally:
        await asyncio.to_thread(postgres.drop, server, dsn)
    p95 = statistics.quantiles(latencies, n=100)[94]
    return [
        Row(
            "deliveries, signed, recorded and done",
            ours,
            "1/s",
            f"{ours / each:.2f} of a bare client, {ours / kept:.2f} with connections kept",
        ),
        Row("bare async HTTP client, a connection each", each, "1/s", "the same receiver in the same process"),
        Row(
            "bare async HTTP client, connections kept",
            kept,
            "1/s",
            "which an address that is checked each time forbids",
        ),
        Row(f"commit to {ENDPOINTS - 1} endpoints, p95", alone, "s", ""),
        Row("the same beside one that never answers, p95", beside, "s", "at most 1 s more is promised"),
        Row(f"commit to stream, {READERS} readers, median", statistics.median(latencies) * 1e3, "ms", ""),
        Row(f"commit to stream, {READERS} readers, p95", p95 * 1e3, "ms", "at most 100 are promised"),
        Row(f"growth under {FLOOD:,} events, one reader stalled", grown, "MB", "at most 10 are promised"),
    ]


async def _deliveries(vv: VideoVector, receiver: Receiver) -> float:
    caller = Caller("user_1")
    for number in range(HOOKS):
        url = f"http://127.0.0.1:{receiver.port}/{number}"
        await vv.webhooks.create(caller, name="w", url=url, events=["media.created"])
    async with vv.begin() as tx:
        await tx.events.append(caller.user_id, [NewEvent("media.created")] * (DELIVERIES // HOOKS))
    stop = asyncio.Event()
    engine = asyncio.create_task(deliverer(vv, 30).run(stop))
    began = time.perf_counter()
    while receiver.requests < DELIVERIES:
        await asyncio.sleep(0.005)
    took = time.perf_counter() - began
    stop.set()
    await engine
    return DELIVERIES / took


async def _bare(receiver: Receiver, *, force_close: bool) -> float:
    """Post as many bodies with a plain client, as many at a time; the egress door takes a connection for each."""
    connector = aiohttp.TCPConnector(force_close=force_close, limit=0)
    async with aiohttp.ClientSession(connector=connector) as client:

        async def some() -> None:
            for _ in range(DELIVERIES // 64):
                async with client.post(f"http://127.0.0.1:{receiver.port}/", data=b"{}" * 100) as answer:
                    assert answer.status == 204

        began = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(64)))
        return (DELIVERIES // 64) * 64 / (time.perf_counter() - began)


async def _stuck(vv: VideoVector, receiver: Receiver) -> tuple[float, float]:
    """Return the p95 in seconds from commit to arrival at the endpoints that answer, before one that is stuck is there and after."""
    caller = Caller("user_2")
    base = f"http://127.0.0.1:{receiver.port}"
    for number in range(ENDPOINTS - 1):
        await vv.webhooks.create(caller, name="w", url=f"{base}/well/{number}", events=["media.created"])
    stop = asyncio.Event()
    engine = asyncio.create_task(deliverer(vv, 30).run(stop))
    alone = await _arrivals(vv, receiver, caller)
    await vv.webhooks.create(caller, name="w", url=f"{base}{receiver.silent}", events=["media.created"])
    beside = await _arrivals(vv, receiver, caller)
    stop.set()
    await engine
    return alone, beside


async def _arrivals(vv: VideoVector, receiver: Receiver, caller: Caller) -> float:
    """Commit events, one each half second, and return the p95 of the seconds until each was at each endpoint."""
    loop, committed = asyncio.get_running_loop(), {}
    for _ in range(20):
        async with vv.begin() as tx:
            (event,) = await tx.events.append(caller.user_id, [NewEvent("media.created")])
        committed[event.event_id] = loop.time()
        await asyncio.sleep(0.5)
    waits: list[float] = []
    for event_id, at in committed.items():
        for number in range(ENDPOINTS - 1):
            while (when := receiver.arrived.get((f"/well/{number}", event_id))) is None:
                await asyncio.sleep(0.01)
            waits.append(when - at)
    return statistics.quantiles(waits, n=100)[94]


async def _stalled(vv: VideoVector) -> float:
    """Return by how many megabytes this process grew while one reader took nothing of a flood of events."""
    app = create_app(Context(vv, Signer(KEY), Envelope(KEY)))
    user = await vv.access.ensure_user("flood")
    _, secret = await vv.access.create_key(Caller(user.user_id), name="k", scopes=["read"])

    async def flood(count: int) -> None:
        for _ in range(count // 500):
            async with vv.begin() as tx:
                await tx.events.append(user.user_id, [NewEvent("media.created")] * 500)
            await asyncio.sleep(0)

    await flood(5_000)  # so that what any flood costs, whoever reads, is there already
    async with reading(app, {"X-API-Key": secret.reveal()}) as reader:
        await flood(2_000)
        reader.stalled = True
        before = _resident()
        await flood(FLOOD)
        return (_resident() - before) / 1e6


def _resident() -> int:
    """Return the resident set of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _streams(vv: VideoVector) -> list[float]:
    app = create_app(Context(vv, Signer(KEY), Envelope(KEY)))
    user = await vv.access.ensure_user("bench")
    _, secret = await vv.access.create_key(Caller(user.user_id), name="k", scopes=["read"])
    vv.streams.pace = evolve(vv.streams.pace, most=READERS)
    latencies: list[float] = []
    async with AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(reading(app, {"X-API-Key": secret.reveal()})) for _ in range(READERS)
        ]
        await asyncio.sleep(0.5)
        for _ in range(EVENTS):
            latencies += await _round(vv, user.user_id, readers)
    return latencies


async def _round(vv: VideoVector, user_id: str, readers: Sequence[Reader]) -> list[float]:
    """Commit one event and say how long it took to each reader."""
    marks = [len(reader.received) for reader in readers]
    async with vv.begin() as tx:
        await tx.events.append(user_id, [NewEvent("media.created")])
    began = time.perf_counter()

    async def arrival(reader: Reader, mark: int) -> float:
        while len(reader.received) == mark:
            await reader.news()
        return time.perf_counter() - began

    return list(await asyncio.gather(*(arrival(one, mark) for one, mark in zip(readers, marks, strict=True))))
