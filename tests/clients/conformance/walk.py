"""One walk with the client of this interpreter: the world as JSON comes in, the rows go out as JSON.

The first argument is `sync` or `async`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import videovector
from videovector import AsyncVideoVector, VideoVector

from tests.clients.conformance import account, catalogue, finding, moving, running
from tests.clients.conformance.journey import Journey
from tests.clients.conformance.recorder import Recorder, settled

STAGES = (
    catalogue.signs_in,
    catalogue.indexes,
    catalogue.uploads,
    catalogue.prompts,
    running.runs,
    running.stumbles,
    catalogue.videos,
    finding.searches,
    finding.filters,
    finding.workflow,
    moving.connectors,
    moving.imports,
    moving.exports,
    account.webhooks,
    account.keys,
    account.usage,
    catalogue.refusals,
    catalogue.deletions,
)
"""An order in which each finds what it needs."""


async def walk(manner: str, world: dict[str, Any]) -> dict[str, Any]:
    """Walk, and return the version, its rows and what failed beside them."""
    kind: Any = AsyncVideoVector if manner == "async" else VideoVector
    clients = [
        Recorder(kind(base_url=world["base_url"], max_retries=0, **given))
        for given in ({"api_key": world["key"]}, {"bearer_token": world["token"]})
    ]
    for one in clients:
        await one.listen()
    journey = Journey(clients[0], clients[1], world, errors=videovector)
    await journey.go(STAGES)
    for one in clients:
        await settled(one.client.close())
    return {"version": videovector.__version__, "rows": clients[0].rows, "failed": journey.failed}


if __name__ == "__main__":
    json.dump(asyncio.run(walk(sys.argv[1], json.load(sys.stdin))), sys.stdout)
