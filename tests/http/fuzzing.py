"""Schemathesis over a server on a socket: every operation of the document, every check, good data and bad."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from attrs import frozen

from tests.http.api import Api, on_a_port, serving

GRACE_S = 240
_LEFT_OUT = "/processing/events/stream|/mcp"
"""Streams do not end, and agents speak JSON-RPC."""
CONFIG = Path(__file__).with_name("schemathesis.toml")


@frozen
class Outcome:
    """What a run of generated cases came to."""

    status: int
    cases: int
    text: str

    @property
    def failures(self) -> str:
        """What went wrong, at most 12,000 characters of it; the end of the text where nothing says so."""
        found = re.search(r"=+ (?:FAILURES|ERRORS) =+.*?(?==+ (?:WARNINGS|SUMMARY) =+)", self.text, re.DOTALL)
        return found[0][:12_000] if found else self.text[-4_000:]


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[tuple[Api, str]]:
    """Serve the application in memory on a socket."""
    async with serving() as api, on_a_port(api) as origin:
        yield api, origin


async def fuzz(
    origin: str, *, credential: str | None, examples: int, seed: int, seconds: float = 300, whole: bool = True
) -> Outcome:
    """Run generated cases against a server.

    Args:
        origin: where the server is.
        credential: a header with an API key or a bearer token; `None` shows no credential.
        examples: how many there are of each kind for each operation.
        seed: the same seed makes the same cases.
        seconds: how long to go on with other data.
        whole: also try every bound of every field, and hold each refusal of data that fits the document against the
            server; a refusal that depends on what the server holds at that moment has to be named in `beyond`.
    """
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        f"--config-file={CONFIG}",
        "run",
        f"{origin}/api/v2/openapi.json",
        f"--url={origin}",
        f"--max-examples={examples}",
        f"--seed={seed}",
        "--mode=all",
        "--checks=all",
        *((f"--max-time={int(seconds)}",) if whole else ("--exclude-checks=positive_data_acceptance",)),
        f"--phases=examples,{'coverage,' if whole else ''}fuzzing",
        "--continue-on-failure",
        "--suppress-health-check=all",
        "--no-color",
        "--workers=1",
        "--request-timeout=60",
        f"--exclude-path-regex={_LEFT_OUT}{'' if whole else '|/search/sql|results.parquet'}",  # no SQL in memory
        *([f"--header={credential}"] if credential else []),
    ]
    async with httpx.AsyncClient(timeout=seconds) as client:
        await client.get(f"{origin}/api/v2/openapi.json")  # written once; on a busy machine that takes a while
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.http.beyond"},
    )
    async with asyncio.timeout(seconds + GRACE_S):
        written, _ = await process.communicate()
    text = written.decode(errors="replace")
    found = re.search(r"([\d,]+) generated", text)
    return Outcome(process.returncode or 0, int(found[1].replace(",", "")) if found else 0, text)
