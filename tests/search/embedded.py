"""The embedded vector engine, in a directory that lasts as long as it is needed."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeAlias

from videovector_adapters.qdrant.edge import EdgeServer, EdgeVectors

Served: TypeAlias = "tuple[EdgeServer, EdgeVectors]"


def quick_directory() -> tempfile.TemporaryDirectory[str]:
    """Keep the stores of tests in memory where the system can: they are about order, not about disks."""
    return tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Served]:
    """Run an engine until the block ends; yields it with a client."""
    with quick_directory() as folder:
        server, client = EdgeServer(Path(folder) / "v", Path(folder) / "s"), EdgeVectors(Path(folder) / "s")
        await server.start()
        try:
            yield server, client
        finally:
            await client.close()
            await server.stop()
