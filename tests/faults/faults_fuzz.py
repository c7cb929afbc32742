"""Generated requests by the thousand over a server in memory."""

from __future__ import annotations

from tests.http.fuzzing import fuzz, listening

PROMISE = "of 10,000 generated requests none is answered outside the document, and none with a 5xx"
EXAMPLES = 40


async def trial(seed: int) -> str | None:
    """Generate requests for every operation, with a key on even seeds and without on odd ones."""
    async with listening() as (api, origin):
        found = await fuzz(origin, key=None if seed % 2 else api.key, examples=EXAMPLES, seed=seed, seconds=850)
    return None if found.status == 0 else f"{found.cases} cases\n{found.text[-4000:]}"
