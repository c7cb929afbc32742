"""What servers may send: limits on size and time, and no interpretation of what comes."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from ipaddress import ip_network
from typing import Any

import pytest

from videovector_adapters import egress_wire
from videovector_adapters.egress import Egress
from videovector_core.errors import ProcessingFailed

Listen = Callable[..., AbstractAsyncContextManager[Any]]
EGRESS = Egress([ip_network("127.0.0.0/8")])


def says(*parts: bytes, forever: bytes = b"", pause: float = 0.0, hold: bool = False) -> Any:
    """Script a server that writes `parts`, then `forever` again and again, then holds the connection open."""

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
        await writer.drain()
        while forever:
            writer.write(forever)
            await writer.drain()
            await asyncio.sleep(pause)
        if hold:
            await asyncio.sleep(3600)

    return script


def url(server: Any) -> str:
    return f"http://127.0.0.1:{server.port}/"


async def download(server: Any, *, max_bytes: int, timeout: float = 10.0) -> bytes:  # noqa: ASYNC109  - handed on
    async with EGRESS.fetch(url(server), max_bytes=max_bytes, timeout=timeout) as opened:
        return b"".join([chunk async for chunk in opened.chunks])


async def test_a_body_is_sent_exactly_and_read_whole(site: Listen) -> None:
    """The bytes that are given are the bytes that arrive, with their length; the answer comes back with its headers."""
    body, got = os.urandom(300_000), bytearray()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.extend(await reader.readexactly(len(body)))
        writer.write(b"HTTP/1.1 202 Accepted\r\nX-One: 1\r\nx-one: 2\r\nContent-Length: 5\r\n\r\nhello")
        await writer.drain()

    async with site(echo) as server:
        response = await EGRESS.post(url(server), body, {"Content-Type": "application/json", "X-Webhook-ID": "wh_1"})
        head = server.heads[0].lower()
    assert bytes(got) == body
    assert (response.status, response.body, response.truncated) == (202, b"hello", False)
    assert response.headers["x-one"] == "1, 2"
    assert b"content-length: 300000\r\n" in head
    assert b"x-webhook-id: wh_1\r\n" in head
    assert b"accept-encoding: identity\r\n" in head
    assert b"connection: close\r\n" in head


async def test_a_body_does_not_show_in_a_repr(site: Listen) -> None:
    """What a server sent does not reach logs by way of a repr."""
    async with site(says(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")) as server:
        assert "secret" not in repr(await EGRESS.post(url(server), b""))


async def test_an_early_answer_is_heard(site: Listen) -> None:
    """A server that answers without reading the body is understood."""
    async with site(says(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", hold=True)) as server:
        assert (await EGRESS.post(url(server), b"x" * 100_000)).status == 413


async def test_large_downloads_stream(site: Listen) -> None:
    """A download passes through in pieces of bounded size, and its announced length is known at once."""
    size, block = 8 * 1024 * 1024, os.urandom(1024 * 1024)
    script = says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size, *[block] * 8)
    async with site(script) as server, EGRESS.fetch(url(server), max_bytes=size) as opened:
        assert opened.size == size
        lengths = [len(chunk) async for chunk in opened.chunks]
    assert sum(lengths) == size
    assert max(lengths) <= 128 * 1024


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "script",
    [
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", b"x" * 101),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", forever=b"x" * 65536),
        says(b"HTTP/1.1 200 OK\r\n\r\n", forever=b"x" * 65536),
        says(CHUNKED, forever=b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"),
        says(CHUNKED, b"ffffffffff\r\n", forever=b"x" * 65536),
    ],
    ids=["one over", "announced", "endless", "endless chunks", "one endless chunk"],
)
async def test_bodies_over_the_limit_are_cut_off(site: Listen, script: Any) -> None:
    """`fetch` refuses a body over its limit, however it is framed; `post` returns what it wanted of it."""
    async with site(script) as server:
        with pytest.raises(ProcessingFailed) as caught:
            await download(server, max_bytes=100)
        assert (caught.value.code, caught.value.transient) == ("response_too_large", False)
        response = await EGRESS.post(url(server), b"", max_response_bytes=100)
        assert (response.status, response.body, response.truncated) == (200, b"x" * 100, True)


async def test_a_body_of_exactly_the_limit_passes(site: Listen) -> None:
    """The limit itself is allowed, in one-byte chunks too."""
    async with site(says(CHUNKED, b"1\r\nx\r\n" * 1000, b"0\r\n\r\n")) as server:
        assert await download(server, max_bytes=1000) == b"x" * 1000
        assert (await EGRESS.post(url(server), b"", max_response_bytes=1000)).truncated is False


@pytest.mark.parametrize(
    "script",
    [
        says(b"HTTP/1.1 200 OK\r\n", forever=b"X-More: " + b"y" * 1000 + b"\r\n"),
        says(b"HTTP/1.1 200 OK\r\nX-Long: ", forever=b"y" * 65536),
        says(forever=b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
        says(forever=b"y" * 65536),
        says(forever=b"\r\n" * 1000),
    ],
    ids=["headers", "one header", "interim answers", "no line", "empty lines"],
)
async def test_endless_heads_are_cut_off(site: Listen, script: Any) -> None:
    """A head that does not end is cut off by its size, not by the clock."""
    async with site(script) as server:
        with pytest.raises(ProcessingFailed) as caught:
            await EGRESS.post(url(server), b"", timeout=60)
    assert caught.value.code in {"response_too_large", "unreachable"}


@pytest.mark.parametrize(
    "script",
    [
        says(hold=True),
        says(b"HTTP/1.1 200 OK\r\n", hold=True),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", forever=b"x", pause=0.02),
        says(b"HTTP/1.1 200 OK\r\nX-Slow: ", forever=b"x", pause=0.02),
        says(forever=b"HTTP/1.1 102 Processing\r\n\r\n", pause=0.02),
        says(CHUNKED, forever=b"1\r\nx\r\n", pause=0.02),
    ],
    ids=["silence", "half a head", "a byte at a time", "a header byte at a time", "interim answers", "chunks"],
)
async def test_slow_servers_are_cut_off(site: Listen, script: Any) -> None:
    """The time limit is for everything: bytes that trickle in do not extend it."""
    async with site(script) as server:
        for call in (
            lambda: EGRESS.post(url(server), b"{}", timeout=0.3),
            lambda: download(server, max_bytes=10**9, timeout=0.3),
        ):
            with pytest.raises(ProcessingFailed) as caught:
                await asyncio.wait_for(call(), 30)
            assert (caught.value.code, caught.value.transient) == ("timeout", True)


async def test_a_server_that_reads_nothing_is_cut_off(site: Listen) -> None:
    """A body that the other side does not take meets the time limit too."""
    async with site(says(hold=True)) as server:
        with pytest.raises(ProcessingFailed) as caught:
            await EGRESS.post(url(server), bytes(64 * 1024 * 1024), timeout=0.3)
    assert caught.value.code == "timeout"


async def test_a_server_that_accepts_and_does_not_greet_is_cut_off(site: Listen) -> None:
    """A TLS handshake that does not come meets the connect timeout."""
    async with site(says(hold=True)) as server:
        egress = Egress(EGRESS.allow, connect_timeout=0.2)
        with pytest.raises(ProcessingFailed) as caught:
            await egress.post(f"https://127.0.0.1:{server.port}/", b"")
    assert caught.value.code == "timeout"


async def test_a_download_has_to_keep_up_a_pace(site: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download far from its deadline is cut off when it is slower than the least rate after its grace."""
    monkeypatch.setattr(egress_wire, "_PATIENCE", 0.2)
    async with site(says(CHUNKED, forever=b"1\r\nx\r\n", pause=0.02)) as server:
        with pytest.raises(ProcessingFailed) as caught:
            await download(server, max_bytes=10**9, timeout=3600)
    assert caught.value.code == "timeout"


async def test_a_reader_may_take_its_time(site: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that the reader takes between chunks does not count against the server."""
    monkeypatch.setattr(egress_wire, "_PATIENCE", 0.2)
    script = says(b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n", b"x" * 400_000)
    total = 0
    async with site(script) as server, EGRESS.fetch(url(server), max_bytes=10**6) as opened:
        async for chunk in opened.chunks:
            total += len(chunk)
            await asyncio.sleep(0.1)
    assert total == 400_000


async def test_compressed_answers_stay_compressed(site: Listen) -> None:
    """Nothing is decompressed: a bomb is its own small size."""
    bomb = gzip.compress(bytes(50 * 1024 * 1024))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with site(says(head, bomb)) as server:
        assert await download(server, max_bytes=len(bomb)) == bomb


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\n evil: folded\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x50",
    ],
)
async def test_broken_answers_are_failures(site: Listen, answer: bytes) -> None:
    """What is no whole HTTP answer is a transient failure whose message has none of it."""
    async with site(says(answer)) as server:
        for call in (EGRESS.post(url(server), b""), EGRESS.get(url(server), max_bytes=100)):
            with pytest.raises(ProcessingFailed) as caught:
                await call
            assert (caught.value.code, caught.value.transient) == ("unreachable", True)
            assert not any(word in caught.value.message for word in ("SSH", "evil", "zz"))


@pytest.mark.parametrize(
    ("status", "transient"), [(404, False), (403, False), (204, False), (206, False), (429, True), (503, True)]
)
async def test_a_download_needs_a_200(site: Listen, status: int, transient: bool) -> None:
    """Any status but 200 is an error with the status and nothing of the answer."""
    async with site(says(b"HTTP/1.1 %d Evil\r\nContent-Length: 0\r\n\r\n" % status)) as server:
        with pytest.raises(ProcessingFailed) as caught:
            await download(server, max_bytes=10)
    assert (caught.value.code, caught.value.transient) == ("unexpected_status", transient)
    assert "Evil" not in caught.value.message


async def test_a_reader_that_leaves_closes_the_connection(site: Listen) -> None:
    """A failure of the reader is its own, and the connection is closed with it."""
    gone = asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nxx")
        try:
            await reader.read()
        finally:
            gone.set()

    async def read(address: str) -> None:
        async with EGRESS.fetch(address, max_bytes=100) as opened:
            async for _ in opened.chunks:
                raise OSError("the disk is full")

    async with site(watch) as server:
        with pytest.raises(OSError, match="disk"):
            await read(url(server))
        await asyncio.wait_for(gone.wait(), 10)
