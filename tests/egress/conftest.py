"""Real servers on loopback: one that must never be reached, and one that misbehaves as told."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from attrs import define, field
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@define
class Site:
    """A server that reads a request head, keeps it, then runs its script."""

    script: Script | None = None
    port: int = 0
    heads: list[bytes] = field(factory=list)
    connections: int = 0
    names: list[str | None] = field(factory=list)
    _tasks: set[asyncio.Task[None]] = field(factory=set)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            if self.script:
                await self.script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.sleep(0)


@asynccontextmanager
async def listening(
    script: Script | None, host: str | Sequence[str] = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Site]:
    """Run a site as long as the context lasts."""
    site = Site(script)
    if tls:
        tls.set_servername_callback(lambda _socket, name, _context: site.names.append(name))
    server = await asyncio.start_server(site._serve, host, port, ssl=tls)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        await site._stop()
        await server.wait_closed()


async def knock(port: int) -> None:
    """Connect once and wait until the other side has noticed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await reader.read()
    writer.close()


@pytest.fixture
async def canary() -> AsyncIterator[Site]:
    """A server on every address of this machine that counts who reaches it; at the end it proves that it can count."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as held:
        port = held.getsockname()[1]
    async with listening(None, ["0.0.0.0", "::"], port) as site:
        yield site
        seen = site.connections
        await knock(site.port)
        assert (seen, site.connections) == (0, 1)


@pytest.fixture
def site() -> Callable[..., object]:
    """Give `listening` to a test."""
    return listening


@define
class Authority:
    """A certificate authority of the test's own."""

    directory: Path
    key: ec.EllipticCurvePrivateKey = field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def _certificate(self, name: str, key: ec.EllipticCurvePrivateKey, *, days: int = 1) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
        try:
            san: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            san = x509.DNSName(name)
        end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
        authority = name == "authority"
        # Python 3.13 verifies strictly (RFC 5280): both key identifiers, and the use of the authority's key
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=authority,
            crl_sign=authority,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        return (
            x509.CertificateBuilder()
            .subject_name(issuer if authority else subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - dt.timedelta(days=30))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([san]), critical=False)
            .sign(self.key, SHA256())
        )

    def server(self, name: str, *, days: int = 1) -> ssl.SSLContext:
        """Return the context of a server whose certificate is for `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.directory / "server.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + self._certificate(name, key, days=days).public_bytes(Encoding.PEM))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        return context

    def client(self) -> ssl.SSLContext:
        """Return the context of a client that trusts this authority alone."""
        pem = self._certificate("authority", self.key).public_bytes(Encoding.PEM)
        return ssl.create_default_context(cadata=pem.decode())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A fresh certificate authority."""
    return Authority(tmp_path)
