"""Generated requests by the thousand at a running server: every bound of every field, good data and bad."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tests.http.fuzzing import fuzz
from tests.server import Server

PROMISE = "of the generated requests none is answered outside the document, and none with a 5xx"
BUDGET_S = int(os.environ.get("FUZZ_S", "600"))
EXAMPLES = 4
_cases: list[int] = []


async def trial(seed: int) -> str | None:
    """Generate requests for every operation until the budget is spent; seeds take turns with a key, with none and with a token."""
    with tempfile.TemporaryDirectory(prefix="videovector-fuzz-") as folder:
        server = Server(Path(folder) / "data")
        try:
            server.start(seconds=180)
            shown = (f"X-API-Key: {server.key}", None, f"Authorization: Bearer {server.run('token')}")[seed % 3]
            found = await fuzz(server.url, credential=shown, examples=EXAMPLES, seed=seed, seconds=BUDGET_S)
        finally:
            server.stop()
    _cases.append(found.cases)
    if not found.cases:
        return f"no request was made: {found.failures}"
    return None if found.status == 0 else f"{found.cases} cases\n{found.failures}"


def remark() -> str:
    """Say how many requests there were."""
    return f"{sum(_cases):,} requests in this run"
