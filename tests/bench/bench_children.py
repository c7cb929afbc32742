"""What it costs to do work in a killable child instead of in place."""

from __future__ import annotations

import time

from tests.bench.rows import Row
from videovector_adapters.children import Child

CALLS = 1_000


async def bench() -> list[Row]:
    """Measure the start of a child, and calls that carry nothing and a megabyte."""
    child = Child("tests.faults.worker:Worker")
    try:
        start = await _each(child, 1, b"")
        empty, full = await _each(child, CALLS, b""), await _each(child, CALLS // 10, bytes(1 << 20))
    finally:
        await child.close()
    return [
        Row("start of a child and first call", start * 1e3, "ms", "once per child"),
        Row("call that carries nothing", empty * 1e6, "us", "decoding a frame takes 1,000 to 10,000"),
        Row("call that carries 1 MiB there and back", full * 1e6, "us", f"{2 / full:.0f} MiB/s"),
    ]


async def _each(child: Child, calls: int, data: bytes) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        await child.call("echo", deadline=30, data=data)
    return (time.perf_counter() - began) / calls
