"""Running the server: the API in this process, and beside it a worker that is started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from types import FrameType

import uvicorn
from attrs import define, field

from videovector_adapters import secrets, wiring
from videovector_adapters.settings import Settings
from videovector_core.access.leases import Limiter
from videovector_core.access.ratelimit import parse
from videovector_core.access.secrets import Secret
from videovector_core.app import VideoVector
from videovector_http.app import create_app, described
from videovector_http.context import Context
from videovector_http.signer import Signer

log = logging.getLogger(__name__)

DRAIN_SECONDS = 20
OWNER = "owner"


async def serve(settings: Settings) -> int:
    """Serve until a signal arrives, then let running requests end."""
    sock = listening(settings)
    host, port = sock.getsockname()[:2]
    settings = settings.model_copy(update={"port": port})
    # uvicorn listens to signals only while it serves, and raises them again once it has drained; with handlers of our
    # own, one that comes before is not lost, and one that comes back does not end the process before all is closed
    told = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, told.set)
    async with contextlib.AsyncExitStack() as stack:
        vv = await stack.enter_async_context(wiring.build(settings, owns_engine=True))
        context = make_context(settings, vv)
        server = _Server(
            context.stopping,
            uvicorn.Config(
                create_app(context),
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=DRAIN_SECONDS,
                timeout_keep_alive=75,
                server_header=False,
                proxy_headers=False,  # nobody's word is taken for an address
                h11_max_incomplete_event_size=64 * 1024,
            ),
        )
        if settings.broker_url is None:
            await stack.enter_async_context(_worker(settings))
        await vv.keep_house()
        await _greet(vv, host, port)
        wiring.settle_down()
        ending = asyncio.create_task(server.end_when(told))
        await server.serve(sockets=[sock])
        ending.cancel()
    return 0


class _Server(uvicorn.Server):
    """Tells streams to end as soon as the process is told to, so that they are not waited for."""

    def __init__(self, stopping: asyncio.Event, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping, self._loop = stopping, asyncio.get_running_loop()

    async def end_when(self, told: asyncio.Event) -> None:
        """Begin to stop when told to, even before serving began."""
        await told.wait()
        self._stopping.set()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        super().handle_exit(sig, frame)


def make_context(settings: Settings, vv: VideoVector) -> Context:
    """Put together what routes are given."""
    key = wiring.secret_key(settings)
    rates = parse(settings.rate_limits)
    token = settings.metrics_token
    return Context(
        vv,
        Signer(secrets.derive(key, "signing/links")),
        secrets.Envelope(key),
        wiring.bearers(settings),
        settings.origin,
        Limiter(vv.ports.buckets, rates) if rates.categories else None,
        Secret(token.get_secret_value()) if token is not None else None,
        authorization_servers=(settings.oidc_issuer,) if settings.oidc_issuer is not None else (),
        mcp_hosts=_named(settings.mcp_allowed_hosts),
        mcp_origins=_named(settings.mcp_allowed_origins),
    )


def _named(given: str) -> frozenset[str]:
    """Read a comma list of names for `/mcp`."""
    return frozenset(one.strip().lower() for one in given.split(",") if one.strip())


def openapi() -> str:
    """Return the OpenAPI document; nothing is started for it."""
    return json.dumps(described().written, indent=2)


def listening(settings: Settings) -> socket.socket:
    """Bind the socket of a server; the port may be 0, for any that is free."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio sends small parts of answers at once only on sockets that name their protocol; else each waits 40 ms
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.host, settings.port))
    except OSError as error:
        sys.exit(f"videovector: VIDEOVECTOR_PORT: cannot listen on {settings.host}:{settings.port}: {error.strerror}.")
    return sock


async def _greet(vv: VideoVector, host: str, port: int) -> None:
    """Say where the server is, and how to get in when nobody can yet."""
    user = await vv.access.ensure_user(OWNER)
    log.info("listening on http://%s:%s", host, port)
    async with vv.begin() as tx:
        keys = await tx.access.keys(user.user_id)
    if not keys:
        log.info("make a key with: videovector keys create --name me --scopes admin")


@define
class _Supervisor:
    """Keeps one process running; waits longer after each early death."""

    command: tuple[str, ...]
    environment: dict[str, str]
    process: asyncio.subprocess.Process | None = field(default=None)

    async def run(self) -> None:
        """Start the worker again whenever it dies."""
        pause = 0.5
        while True:
            started = asyncio.get_running_loop().time()
            # the worker ends when its input closes, so one that was just being started ends with the server as well
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *self.command, env=self.environment, stdin=asyncio.subprocess.PIPE
            )
            status = await self.process.wait()
            lived = asyncio.get_running_loop().time() - started
            pause = 0.5 if lived > 30 else min(30.0, pause * 2)
            log.warning("the worker ended with status %s; starting it again in %.1f s", status, pause)
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        """End the process: let it put its work back, and by force when it takes too long."""
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), 10)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


def _worker(settings: Settings) -> contextlib.AbstractAsyncContextManager[None]:
    return _supervised(settings, "videovector_http.cli", "worker", "--child")


def managed_workers(settings: Settings) -> contextlib.AbstractAsyncContextManager[None]:
    """Keep dramatiq's manager of worker processes running."""
    return _supervised(settings, "videovector_adapters.dramatiq.worker", str(settings.worker_processes))


@contextlib.asynccontextmanager
async def _supervised(settings: Settings, *command: str) -> AsyncIterator[None]:
    environment = {**os.environ, "VIDEOVECTOR_DATA_DIR": str(settings.data_dir.absolute())}
    supervisor = _Supervisor(command, environment)
    task = asyncio.create_task(supervisor.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await supervisor.stop()
