"""The door to the outside: the only way to reach a URL that a user gave.

A URL is parsed once, its name is resolved once, every address is checked, and the address that was checked is the one
that is dialled; the name stays in the Host header, in SNI and in the verification of the certificate. No redirects, no
proxies from the environment, no decompression, no connection kept for another call; limits on size and time.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from functools import cache
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final

import h11
from attrs import field, frozen

from videovector_adapters.egress_addresses import Address, Network, Reach
from videovector_adapters.egress_urls import Url, parse, refuse
from videovector_adapters.egress_wire import Exchange, Pace, request, too_large, translated, unreachable
from videovector_core.errors import ProcessingFailed

__all__ = ["Download", "Egress", "Resolver", "Response", "SystemResolver"]

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

_LOOPBACK: Final = (ip_network("127.0.0.1/32"), ip_network("::1/128"))
_DIALLED: Final = 4  # addresses tried of those that a name has
_RETRIABLE: Final = frozenset({408, 425, 429})


@frozen
class Response:
    """A whole answer. `truncated` says that there was more of the body than the caller wanted."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    truncated: bool = False


@frozen
class Download:
    """An answer that is being read: `chunks` can be iterated once, inside the `fetch` context."""

    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes] = field(repr=False)

    @property
    def size(self) -> int | None:
        """The length in bytes that the server announced, if it did."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isdecimal() else None


@frozen
class SystemResolver:
    """Asks the system, on threads of its own: names that answer slowly must not hold up other work of the process."""

    _threads: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(16, "egress-dns"))

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of `host`, best first."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(entry[4][0]) for entry in found]


@cache  # each connector that is opened has a door of its own, and they all trust the same certificates
def _verifying() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


@frozen
class Egress:
    """Reaches public addresses over `https`, and the networks of `allow` over `https` and `http`."""

    allow: Sequence[Network] = ()
    resolver: Resolver = field(factory=SystemResolver, kw_only=True)
    tls: ssl.SSLContext = field(factory=_verifying, kw_only=True, repr=False)
    connect_timeout: float = field(default=10.0, kw_only=True)
    user_agent: str = field(default="videovector", kw_only=True)
    reach: Reach = field(init=False, repr=False)

    @reach.default
    def _reach(self) -> Reach:
        return Reach(tuple(self.allow))

    def check(self, url: str) -> Url:
        """Refuse a URL that could never be reached, without touching the network; for the moment when it is registered.

        A name that passes may still resolve to an address that is refused when it is dialled.

        Raises:
            Invalid: code `validation_url_not_allowed`; the message does not repeat the URL.
        """
        parsed = parse(url)
        known = [parsed.literal] if parsed.literal else _named(parsed.host)
        if parsed.scheme == "http" and not any(self.reach.lists(a) for a in known) and (known or not self.allow):
            refuse("plain http is for networks that the operator allows; use https")
        if known and not any(self.reach.admits(address) for address in known):
            refuse("its address is not a public one")
        return parsed

    async def addresses(self, url: str) -> tuple[Address, ...]:
        """Resolve the host of `url` once and check every address; for clients that dial by themselves.

        Raises:
            Invalid: the URL is refused as it stands.
            ProcessingFailed: `blocked_address` if any address may not be reached, `unreachable` if there is none.
        """
        return await self._checked(self.check(url))

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        max_response_bytes: int = 64 * 1024,
        timeout: float = 15.0,  # noqa: ASYNC109  - each phase takes its share of it, and floors of speed besides
    ) -> Response:
        """Send `body` and return the answer, whatever its status, with at most `max_response_bytes` of its body.

        Args:
            url: where to.
            body: the exact bytes.
            headers: besides Host and the framing, which are set here.
            max_response_bytes: what is read of the answer's body; the rest is left where it is.
            timeout: seconds for everything, from the look-up of the name to the last byte.

        Raises:
            Invalid: the URL is refused as it stands.
            ProcessingFailed: `blocked_address`, `timeout`, `unreachable`, or `response_too_large` for an endless head.
        """
        parsed = self.check(url)
        wanted = self._request("POST", parsed, headers or {}, len(body))
        async with self._exchange(parsed, wanted, body, timeout) as exchange:
            with translated():
                head = await exchange.head()
            content, truncated = await exchange.content(max_response_bytes)
            return Response(head.status, head.headers, content, truncated)

    @asynccontextmanager
    async def fetch(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout: float = 6 * 3600.0,  # noqa: ASYNC109  - as in `post`
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Download]:
        """Open a download: `async with egress.fetch(url, max_bytes=n) as download: await blobs.put(download.chunks)`.

        Besides `timeout` seconds for everything, the server has to keep up 16 KiB/s after 30 s of grace; time that the
        reader takes for itself does not count towards that.

        Raises:
            Invalid: the URL is refused as it stands.
            ProcessingFailed: as `post`, and `unexpected_status` (details `{status}`) for any answer but 200;
                `response_too_large` is raised by `chunks`, or at once if the server announces too much.
        """
        parsed = self.check(url)
        async with self._exchange(parsed, self._request("GET", parsed, headers or {}), None, timeout) as exchange:
            with translated():
                head = await exchange.head()
            _expect_ok(head.status)
            async with aclosing(exchange.chunks(max_bytes)) as chunks:
                download = Download(head.headers, chunks)
                if (download.size or 0) > max_bytes:
                    raise too_large(max_bytes)
                yield download

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout: float = 15.0,  # noqa: ASYNC109  - as in `post`
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Fetch a small document whole; raises as `fetch`."""
        async with self.fetch(url, max_bytes=max_bytes, timeout=timeout, headers=headers) as download:
            return Response(200, download.headers, b"".join([chunk async for chunk in download.chunks]))

    def _request(self, method: str, url: Url, headers: Mapping[str, str], length: int | None = None) -> h11.Request:
        return request(method, url.authority, url.target, {"User-Agent": self.user_agent, **headers}, length)

    @asynccontextmanager
    async def _exchange(
        self, url: Url, wanted: h11.Request, body: bytes | None, seconds: float
    ) -> AsyncIterator[Exchange]:
        pace = Pace(asyncio.get_running_loop().time() + seconds)
        with translated():
            async with asyncio.timeout_at(pace.deadline), asyncio.timeout(self.connect_timeout):
                reader, writer = await self._connect(url)
        try:
            exchange = Exchange(reader, writer, pace)
            with translated():
                await exchange.send(wanted, body)
            yield exchange
        finally:
            writer.transport.abort()  # waiting for a polite end would leave the other side a say in how long

    async def _connect(self, url: Url) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        dialled = await self._dial(await self._checked(url), url.port)
        secure = self.tls if url.scheme == "https" else None
        # From here on the transport owns the socket and closes it whatever happens.
        return await asyncio.open_connection(sock=dialled, ssl=secure, server_hostname=url.host if secure else None)

    async def _checked(self, url: Url) -> tuple[Address, ...]:
        """Resolve once and judge every address: one that is not admitted condemns the name."""
        found = [url.literal] if url.literal else await self._resolve(url)
        reach = self.reach
        if not all(reach.admits(a) and (url.scheme == "https" or reach.lists(a)) for a in found):
            raise ProcessingFailed(
                "The address behind this URL may not be reached; use a public one, or have the operator allow it.",
                code="blocked_address",
            )
        return tuple(dict.fromkeys(found))

    async def _resolve(self, url: Url) -> list[Address]:
        try:
            found = [ip_address(text) for text in await self.resolver(url.host, url.port)]
        except (OSError, UnicodeError) as error:
            raise unreachable("its name cannot be resolved") from error
        if not found:
            raise unreachable("its name has no address")
        return found

    async def _dial(self, addresses: Sequence[Address], port: int) -> socket.socket:
        tried = addresses[:_DIALLED]
        for address in tried:
            try:
                async with asyncio.timeout(self.connect_timeout / len(tried)):
                    return await _connected(address, port)
            except OSError as error:  # TimeoutError is one
                failure = error
        raise failure


def _named(host: str) -> list[Address]:
    """Return the addresses of names that need no look-up: `localhost` and what is below it (RFC 6761)."""
    return [network[0] for network in _LOOPBACK] if host == "localhost" or host.endswith(".localhost") else []


async def _connected(address: Address, port: int) -> socket.socket:
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    made = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(made, (str(address), port))
    except BaseException:
        made.close()
        raise
    return made


def _expect_ok(status: int) -> None:
    if status != 200:
        raise ProcessingFailed(
            f"The server answered with status {status} instead of the file; give a URL that answers 200 itself.",
            code="unexpected_status",
            transient=status >= 500 or status in _RETRIABLE,
            details={"status": status},
        )
