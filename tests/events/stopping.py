"""Streams that are open when a server is told to stop, and are resumed when it is back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import httpx

from tests.events.reading import last_id, parsed
from tests.server import Server
from videovector_core.testing.media import tone

STREAMS = 10
"""Open at a time for each key: as many as a user may have."""


async def stopped_and_resumed(server: Server, keys: Sequence[str]) -> None:
    """Open all streams that the owners of `keys` may have, stop the server, and go on with every stream after its restart.

    Raises:
        AssertionError: the server took 30 s or longer to end, or a stream missed an event or had one twice.
    """
    received = {(key, n): b"" for key in keys for n in range(STREAMS)}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v2", timeout=60, limits=limits) as client:

        async def follow(key: str, number: int) -> None:
            async with client.stream("GET", "/processing/events/stream", headers={"X-API-Key": key}) as answer:
                assert answer.status_code == 200
                async for chunk in answer.aiter_bytes():
                    received[key, number] += chunk

        following = [asyncio.create_task(follow(*name)) for name in received]
        while any(last_id(sofar) is None for sofar in received.values()):
            await asyncio.sleep(0.05)
        for key in keys:
            await _upload(client, key)
        while any(len(parsed(sofar)) < 2 for sofar in received.values()):
            await asyncio.sleep(0.05)
        began = time.monotonic()
        assert await asyncio.to_thread(server.stop) == 0
        assert time.monotonic() - began < 30
        await asyncio.gather(*following)
        await asyncio.to_thread(server.start)
        for key in keys:
            await _upload(client, key)
            whole = await _log(client, key)
            for number in range(STREAMS):
                before = [event["id"] for event in parsed(received[key, number])]
                place = last_id(received[key, number])
                assert before + await _rest(client, key, place, len(whole) - len(before)) == whole


async def _upload(client: httpx.AsyncClient, key: str) -> None:
    files = {"file": ("tone.wav", tone(1.0), "audio/wav")}
    answer = await client.post("/videos/upload", files=files, headers={"X-API-Key": key})
    assert answer.status_code == 202, answer.text


async def _log(client: httpx.AsyncClient, key: str) -> list[str]:
    return await _rest(client, key, f"evt_{0:032x}", 4)


async def _rest(client: httpx.AsyncClient, key: str, place: str | None, count: int) -> list[str]:
    headers = {"X-API-Key": key, "Last-Event-ID": place or ""}
    got = b""
    async with client.stream("GET", "/processing/events/stream", headers=headers) as answer:
        async for chunk in answer.aiter_bytes():
            got += chunk
            if len(found := parsed(got)) >= count:
                return [event["id"] for event in found]
    return [event["id"] for event in parsed(got)]
