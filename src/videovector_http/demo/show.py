"""A server of the demo's own: started on a free port over a fresh data directory, stopped at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from videovector_http.demo.run import DemoFailed, run, say
from videovector_http.stub import StubModel, free_port

START_S, STOP_S, POLL_S = 90.0, 40.0, 0.2
LOG_LINES_SHOWN: Final = 30
# The demo is embedded whatever the operator uses elsewhere; settings for models stay.
_EMBEDDED: Final = ("DATABASE_URL", "QDRANT_URL", "QDRANT_API_KEY", "BROKER_URL", "PUBLIC_URL")
_LOCAL: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


async def demo(files: Sequence[Path], *, stub_model: bool = False) -> int:
    """Show the whole way from a file to a hit; return the exit status.

    Args:
        files: the user's own media; with none, the built-in clip.
        stub_model: fill the schema at a stub endpoint of the demo's own, through the real client of such endpoints.
    """
    with tempfile.TemporaryDirectory(prefix="videovector-demo-") as scratch, _stub(wanted=stub_model) as more:
        log = Path(scratch) / "server.log"
        try:
            async with _server(Path(scratch) / "data", log, more) as (url, environment):
                key = await _command(environment, "keys", "create", "--name", "demo", "--scopes", "admin")
                status = await asyncio.to_thread(run, files, f"{url}/api/v2", key)
        except DemoFailed as reason:
            say(f"demo: failed: {reason}")
            status = 1
        if status and log.exists():
            say("\n".join(["what the server said last:", *log.read_text().splitlines()[-LOG_LINES_SHOWN:]]))
    return status


@contextlib.contextmanager
def _stub(*, wanted: bool) -> Iterator[dict[str, str]]:
    """Serve the stub endpoint if it is wanted; yield the settings that lead to it, and say in the end how it was asked."""
    if not wanted:
        yield {}
        return
    with StubModel(quotes=True) as stub:
        say(f"serving a stub model at {stub.url}: it understands nothing, and quotes")
        yield {"VIDEOVECTOR_OPENAI_BASE_URL": stub.url, "VIDEOVECTOR_EXTRACTION_MODEL": "openai:stub"}
        say(f"the stub model was asked {len(stub.calls)} times")


@contextlib.asynccontextmanager
async def _server(data: Path, log: Path, more: Mapping[str, str]) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """Run a server; yield its address and the environment that commands beside it need."""
    port = free_port()
    environment = {**_environment(data, port), **more}
    say(f"starting a server on port {port}")
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(*_videovector("serve"), env=environment, stdout=out, stderr=out)
    try:
        url = f"http://127.0.0.1:{port}"
        await _up(process, f"{url}/health")
        yield url, environment
    finally:
        await _stop(process)


def _environment(data: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.removeprefix("VIDEOVECTOR_") not in _EMBEDDED}
    own = {"DATA_DIR": str(data), "HOST": "127.0.0.1", "PORT": str(port)}
    return {**kept, **{f"VIDEOVECTOR_{name}": value for name, value in own.items()}}


def _videovector(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "videovector_http.cli", *arguments)


async def _up(process: asyncio.subprocess.Process, health: str) -> None:
    """Wait until the server answers."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_S):
            while process.returncode is None:
                if await asyncio.to_thread(_answers, health):
                    return
                await asyncio.sleep(POLL_S)
    if process.returncode is None:
        raise DemoFailed(f"the server has not answered for {START_S:.0f} s")
    raise DemoFailed(f"the server ended with status {process.returncode}")


def _answers(url: str) -> bool:
    try:
        with _LOCAL.open(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


async def _command(environment: Mapping[str, str], *arguments: str) -> str:
    """Run a command beside the server and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *_videovector(*arguments), env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    if process.returncode:
        raise DemoFailed(f"videovector {arguments[0]}: {errors.decode(errors='replace').strip()}")
    return out.decode().strip()


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End the server, by force when it does not follow."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()
