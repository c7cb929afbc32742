"""The process that owns the embedded store; it ends when its input closes or its parent dies."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from videovector_adapters.children import die_with_parent
from videovector_adapters.qdrant.engine import Engine
from videovector_adapters.qdrant.store import Store
from videovector_core.errors import Conflict


async def serve(directory: Path, socket: Path, ready: Callable[[str], None]) -> None:
    """Own `directory` and serve it on `socket` until standard input closes."""
    engine = Engine(Store.open(directory))
    loop = asyncio.get_running_loop()
    stdin = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    loop.add_signal_handler(signal.SIGTERM, engine.stop)
    await engine.listen(socket)
    ready("ready")
    besides = (asyncio.create_task(_until_closed(stdin, engine.stop)), engine.warm())
    try:
        await engine.run()
    finally:
        for task in besides:
            task.cancel()
        engine.close()


async def _until_closed(stdin: asyncio.StreamReader, then: Callable[[], None]) -> None:
    while await stdin.read(4096):
        pass
    then()


def main() -> None:
    """Run the engine process; the arguments are the directory, the socket and how far to stand back (`nice`)."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    die_with_parent()
    os.umask(0o077)
    os.nice(int(sys.argv[3]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def say(text: str) -> None:
        out.write(text.replace("\n", " ") + "\n")
        out.flush()

    try:
        asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2]), say))
    except Conflict as error:
        say(f"owned {error.message}")
        sys.exit(3)
    except Exception as error:
        say(f"failed {type(error).__name__}: {error}")
        raise
