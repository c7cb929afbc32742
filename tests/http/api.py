"""The whole application in memory behind its HTTP surface, for tests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import uvicorn
from attrs import define

from videovector_adapters import memory
from videovector_adapters.secrets import Envelope
from videovector_adapters.tokens import Bearers, Tokens
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_http.app import create_app
from videovector_http.context import Context
from videovector_http.outer import Outer
from videovector_http.signer import Signer

KEY = b"k" * 32


@define(repr=False)  # the loop's runner writes out what a fixture gives, and this would be everything there is
class Api:
    """A client with an admin key, and what stands behind it."""

    vv: VideoVector
    client: httpx.AsyncClient
    user_id: str
    key: str
    tokens: Tokens
    app: Outer
    context: Context

    async def as_user(self, name: str, *scopes: str) -> dict[str, str]:
        """Return the headers of another user's key."""
        user = await self.vv.access.ensure_user(name)
        _, secret = await self.vv.access.create_key(Caller(user.user_id), name="k", scopes=list(scopes) or ["admin"])
        return {"X-API-Key": secret.reveal()}

    def bearer(self) -> dict[str, str]:
        """Return the headers of the signed-in owner."""
        return {"Authorization": f"Bearer {self.tokens.issue(self.user_id)}"}

    async def finished(self, run_id: str) -> dict[str, Any]:
        """Wait for a run."""
        while True:
            run = (await self.client.get(f"/prompt-runs/{run_id}")).json()
            if run["status"] not in {"pending", "processing"}:
                return run
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def serving(*, about: Mapping[str, Any] | None = None, **instead: Any) -> AsyncIterator[Api]:
    """Serve an application in memory, its engine running; `about` goes to the context of its routes."""
    vv = VideoVector(memory.ports(**instead))
    user = await vv.access.ensure_user("owner")
    _, secret = await vv.access.create_key(Caller(user.user_id), name="admin", scopes=["admin"])
    tokens = Tokens(KEY, "videovector", "videovector", vv.ports.clock)
    given = {"public_url": "http://testserver", **(about or {})}
    context = Context(vv, Signer(KEY), Envelope(KEY), Bearers(tokens), **given)
    app = create_app(context)
    headers = {"X-API-Key": secret.reveal()}
    stop = asyncio.Event()
    engine = asyncio.create_task(vv.engine().run(stop))
    try:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver/api/v2", headers=headers, timeout=30
        ) as client:
            yield Api(vv, client, user.user_id, secret.reveal(), tokens, app, context)
    finally:
        stop.set()
        await engine


@contextlib.asynccontextmanager
async def on_a_port(api: Api) -> AsyncIterator[str]:
    """Serve an application on a free port of this machine as well; yields its origin."""
    config = uvicorn.Config(api.app, port=0, lifespan="off", log_config=None, access_log=False, proxy_headers=False)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # the test's
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


def error(answer: Any) -> Any:
    """Return the error of an answer, having checked that it is in the envelope."""
    body = answer.json()
    assert set(body) == {"error", "request_id"}
    assert {"code", "message", "details", "request_id", "timestamp"} <= set(body["error"])
    assert answer.headers["x-request-id"] == body["request_id"] == body["error"]["request_id"]
    return body["error"]
