"""Run every `bench_*.py` beside this file and print what it measured: `make bench`.

A bench module has a function `bench() -> Iterable[Row]`, synchronous, a coroutine or an asynchronous generator. A row gives
the value next to what it is compared with, because absolute times on a shared machine say little.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import platform
import sys
from collections.abc import AsyncGenerator, Iterable, Iterator
from pathlib import Path
from typing import cast

from tests.bench.rows import Row


def main() -> None:
    """Print one table per module; names given as arguments choose the modules."""
    sys.stdout.write(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        if len(sys.argv) > 1 and path.stem.removeprefix("bench_") not in sys.argv[1:]:
            continue
        sys.stdout.write(
            f"\n{path.stem.removeprefix('bench_')}\n\n| what | value | unit | beside |\n|---|---|---|---|\n"
        )
        for row in _measured(path.stem):
            sys.stdout.write(f"| {row.what} | {row.value:.4g} | {row.unit} | {row.beside} |\n")
            sys.stdout.flush()


def _measured(name: str) -> Iterable[Row]:
    found = importlib.import_module(f"tests.bench.{name}").bench()
    if inspect.isasyncgen(found):
        return _in_turn(cast("AsyncGenerator[Row, None]", found))
    return cast("Iterable[Row]", asyncio.run(found) if inspect.iscoroutine(found) else found)


def _in_turn(found: AsyncGenerator[Row, None]) -> Iterator[Row]:
    """Give each row as soon as it is measured."""
    with asyncio.Runner() as runner:
        while (row := runner.run(_next(found))) is not None:
            yield row


async def _next(found: AsyncGenerator[Row, None]) -> Row | None:
    return await anext(found, None)


if __name__ == "__main__":
    main()
