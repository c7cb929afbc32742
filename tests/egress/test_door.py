"""The door: what it refuses, what it dials, and that nothing reaches the canary."""

from __future__ import annotations

import itertools
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from ipaddress import IPv4Address, ip_network
from typing import Any

import pytest
from attrs import define, field
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from videovector_adapters.egress import Egress
from videovector_core.errors import Invalid, ProcessingFailed, VideoVectorError

Listen = Callable[..., AbstractAsyncContextManager[Any]]
LOOPBACK = (ip_network("127.0.0.0/8"),)


@define
class Answers:
    """A resolver that gives one answer after the other, the last one for ever, and counts how often it was asked."""

    answers: Iterator[Sequence[str]]
    asked: list[str] = field(factory=list)

    @classmethod
    def of(cls, *answers: Sequence[str]) -> Answers:
        return cls(itertools.chain(answers, itertools.repeat(answers[-1])))

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return next(self.answers)


async def ok(_reader: Any, writer: Any) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")
    await writer.drain()


async def attempt(egress: Egress, url: str) -> str:
    """Try all three ways through the door and return the codes of what they raised."""

    async def by_fetch() -> None:
        async with egress.fetch(url, max_bytes=10, timeout=5) as download:
            _ = [chunk async for chunk in download.chunks]

    codes, said = set(), ""
    for way in (lambda: egress.post(url, b"{}", timeout=5), by_fetch, lambda: egress.addresses(url)):
        try:
            await way()
            codes.add("reached")
        except (Invalid, ProcessingFailed) as error:
            codes.add(error.code)
            said += error.message + repr(error.details)
    assert "127.0.0.1" not in said
    assert "evil" not in said
    return "/".join(sorted(codes))


SPELLINGS = """
127.0.0.1 127.0.0.2 127.255.255.255 [::1] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:127.0.0.1] [::127.0.0.1]
[64:ff9b::127.0.0.1] [2002:7f00:1::] [::] 0.0.0.0 169.254.169.254 [fd00:ec2::254] [fe80::a9fe:a9fe] 100.100.100.200
10.0.0.1 192.168.1.1 172.16.0.1 192.0.2.2 localhost LOCALHOST foo.localhost
2130706433 0x7f000001 0177.0.0.1 127.1 0 127.0.0.1. 017700000001 0x7f.1 127.0.0.1%00 localhost.
"""


@pytest.mark.parametrize("host", SPELLINGS.split())
async def test_no_spelling_of_a_private_host_is_accepted(canary: Any, host: str) -> None:
    """URLs of private hosts are refused when they are registered, and when they are used all the same."""
    egress = Egress(resolver=Answers.of(["127.0.0.1"]))
    for scheme in ("https", "http"):
        url = f"{scheme}://{host}:{canary.port}/evil"
        with pytest.raises(Invalid) as caught:
            egress.check(url)
        assert caught.value.code == "validation_url_not_allowed"
        assert await attempt(egress, url) == "validation_url_not_allowed"


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"], ["::1"], ["0.0.0.0"], ["::"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], ["10.0.0.1"], ["fe80::1%lo"],
        ["169.254.169.254"], ["fd00:ec2::254"], ["192.0.2.2"], ["224.0.0.1"], ["255.255.255.255"],
        ["93.184.216.34", "127.0.0.1"], ["127.0.0.1", "93.184.216.34"], ["2606:4700::1111", "93.184.216.34", "::1"],
        ["93.184.216.34"] * 20 + ["10.0.0.1"],
    ],
)  # fmt: skip
async def test_a_name_with_any_private_address_is_blocked(canary: Any, answer: list[str]) -> None:
    """One private address among those of a name condemns the name, wherever it stands; each try resolves once."""
    resolver = Answers.of(answer)
    egress = Egress(resolver=resolver)
    url = f"https://evil.example:{canary.port}/"
    egress.check(url)
    assert await attempt(egress, url) == "blocked_address"
    assert len(resolver.asked) == 3


async def test_a_rebinding_name_reaches_only_what_was_checked(canary: Any, site: Listen) -> None:
    """A name that turns to another address after its check is dialled at the one that was checked, a thousand times."""
    turning = Answers(itertools.cycle([["127.0.0.2"], ["127.0.0.1"]]))
    egress = Egress([ip_network("127.0.0.2/32")], resolver=turning)
    async with site(ok, "127.0.0.2") as allowed:
        for _ in range(1000):
            assert (await egress.post(f"http://evil.example:{allowed.port}/", b"{}")).status == 200
            with pytest.raises(ProcessingFailed, match="may not be reached"):
                await egress.post(f"http://evil.example:{canary.port}/", b"{}")
        assert (allowed.connections, len(turning.asked)) == (1000, 2000)


async def test_a_name_that_turns_private_after_registration_is_blocked(canary: Any) -> None:
    """Public when it was registered, private when it is sent to: `blocked_address`."""
    egress = Egress(resolver=Answers.of(["93.184.216.34"], ["127.0.0.1"]))
    url = f"https://evil.example:{canary.port}/"
    assert await egress.addresses(url) == (IPv4Address("93.184.216.34"),)
    with pytest.raises(ProcessingFailed) as caught:
        await egress.post(url, b"{}")
    assert caught.value.code == "blocked_address"
    assert not caught.value.transient


NUMBERS = st.sampled_from(["{}", "0x{:x}", "0X{:X}", "0{:o}", "00{:o}", "{:03d}"])
PARTS = st.sampled_from(
    [(0x7F000001,), (127, 1), (127, 0, 1), (127, 0, 0, 1), (0,), (0, 0, 0, 0), (0xA9FEA9FE,), (127, 0, 0, 2)]
)
DOTS = st.sampled_from([".", "。", "．", "%2e", ".."])  # noqa: RUF001  - look-alikes are the point


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """Spell a loopback or metadata host in some way that some parser understands."""
    numbers = [draw(NUMBERS).format(part) for part in draw(PARTS)]
    host = (draw(DOTS) if draw(st.booleans()) else ".").join(numbers)
    wrap = draw(
        st.sampled_from(
            ["{}", "{}", "{}.", "[::ffff:{}]", "[::{}]", "[64:ff9b::{}]", "[{}]", "a@{}", "{}#", "x\\@{}", "[{}%25lo]"]
        )
    )
    wide = str.maketrans("0123456789", "０１２３４５６７８９") if draw(st.integers(0, 9)) == 0 else {}  # noqa: RUF001  - as above
    return wrap.format(host).translate(wide)


async def test_a_thousand_spellings_send_no_packet(canary: Any) -> None:
    """Whatever the spelling of the host, nothing connects to this machine."""
    egress = Egress(resolver=Answers.of(["127.0.0.1"]), connect_timeout=2)
    seen: set[str] = set()

    @settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(spellings())
    def collect(host: str) -> None:
        seen.add(host)

    collect()
    for host in seen:
        assert "reached" not in await attempt(egress, f"https://{host}:{canary.port}/evil"), host
    assert len(seen) > 300


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(canary: Any, site: Listen, status: int) -> None:
    """A redirect is an answer like any other: reported by `post`, refused by `fetch`, followed by neither."""

    async def away(_reader: Any, writer: Any) -> None:
        target = f"http://127.0.0.1:{canary.port}/latest/meta-data"
        writer.write(f"HTTP/1.1 {status} Away\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    async with site(away) as server:
        egress = Egress(LOOPBACK)
        assert (await egress.post(f"http://127.0.0.1:{server.port}/", b"{}")).status == status
        with pytest.raises(ProcessingFailed) as caught:
            await egress.get(f"http://127.0.0.1:{server.port}/", max_bytes=10)
    assert caught.value.code == "unexpected_status"
    assert caught.value.details == {"status": status}
    assert str(canary.port) not in caught.value.message


async def test_proxies_of_the_environment_are_not_used(
    canary: Any, site: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would resolve and dial by itself, so none is taken from the environment."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    async with site(ok) as server:
        assert (await Egress(LOOPBACK).post(f"http://127.0.0.1:{server.port}/", b"")).status == 200


async def test_plain_http_needs_the_operators_word(site: Listen) -> None:
    """`http://` works where the operator's list names the address, and nowhere else."""
    async with site(ok) as server:
        url = f"http://name.example:{server.port}/"
        inside = Egress(LOOPBACK, resolver=Answers.of(["127.0.0.1"]))
        assert (await inside.post(url, b"{}")).body == b"ok"
        outside = Egress(LOOPBACK, resolver=Answers.of(["93.184.216.34"]))
        with pytest.raises(ProcessingFailed, match="may not be reached"):
            await outside.post(url, b"{}")
        for refused in (url, "http://93.184.216.34/", "http://localhost/"):
            with pytest.raises(Invalid, match="plain http"):
                Egress().check(refused)
        with pytest.raises(Invalid, match="plain http"):
            Egress(LOOPBACK).check("http://93.184.216.34/")
        assert Egress(LOOPBACK).check(f"http://localhost:{server.port}/").host == "localhost"


async def test_the_default_resolver_asks_the_system(site: Listen) -> None:
    """Names are resolved by the system when nothing else is given."""
    async with site(ok) as server:
        assert (
            await Egress((*LOOPBACK, ip_network("::1/128"))).post(f"http://localhost:{server.port}/", b"")
        ).status == 200


@pytest.mark.parametrize(
    "failure", [socket.gaierror(-2, "evil detail"), UnicodeError("evil detail"), OSError("evil detail")]
)
async def test_a_name_that_does_not_resolve_is_unreachable(failure: Exception) -> None:
    """A failing look-up is a transient failure that says nothing of its details; so is a name without addresses."""

    async def broken(_host: str, _port: int) -> Sequence[str]:
        raise failure

    for resolver in (broken, Answers.of([])):
        with pytest.raises(ProcessingFailed) as caught:
            await Egress(resolver=resolver).post("https://evil.example/", b"")
        assert (caught.value.code, caught.value.transient) == ("unreachable", True)
        assert "evil" not in caught.value.message


async def test_the_next_address_is_tried(site: Listen) -> None:
    """When the first address of a name refuses, the next one is dialled."""
    async with site(ok, "127.0.0.2") as server:
        egress = Egress(LOOPBACK, resolver=Answers.of(["127.0.0.3", "127.0.0.2"]))
        assert (await egress.post(f"http://two.example:{server.port}/", b"")).status == 200


async def test_a_closed_port_is_unreachable(site: Listen) -> None:
    """A refused connection is a transient failure."""
    async with site(ok) as server:
        port = server.port
    with pytest.raises(ProcessingFailed) as caught:
        await Egress(LOOPBACK).post(f"http://127.0.0.1:{port}/", b"")
    assert (caught.value.code, caught.value.transient) == ("unreachable", True)


async def test_tls_keeps_the_name(authority: Any, site: Listen) -> None:
    """The checked address is dialled with the URL's name in SNI, in Host and in the certificate's verification."""
    async with site(ok, tls=authority.server("files.example")) as server:
        egress = Egress(LOOPBACK, resolver=Answers.of(["127.0.0.1"]), tls=authority.client())
        response = await egress.get(f"https://files.example:{server.port}/a?b=c", max_bytes=10)
        assert response.body == b"ok"
        assert server.names == ["files.example"]
        assert server.heads[0].startswith(b"GET /a?b=c HTTP/1.1\r\nHost: files.example:%d\r\n" % server.port)


async def test_tls_to_an_address_verifies_the_address(authority: Any, site: Listen) -> None:
    """A literal address must stand in the certificate."""
    async with site(ok, tls=authority.server("127.0.0.1")) as server:
        egress = Egress(LOOPBACK, tls=authority.client())
        assert (await egress.get(f"https://127.0.0.1:{server.port}/", max_bytes=10)).status == 200


def _other_name(authority: Any) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return authority.server("other.example"), authority.client()


def _expired(authority: Any) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return authority.server("files.example", days=-1), authority.client()


def _unknown_authority(authority: Any) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return authority.server("files.example"), Egress().tls


@pytest.mark.parametrize("arrange", [_other_name, _expired, _unknown_authority])
async def test_tls_without_a_good_certificate_is_refused(authority: Any, site: Listen, arrange: Any) -> None:
    """A certificate for another name, an expired one, or one of an unknown authority: nothing is sent."""
    server_side, client_side = arrange(authority)
    async with site(ok, tls=server_side) as server:
        egress = Egress(LOOPBACK, resolver=Answers.of(["127.0.0.1"]), tls=client_side)
        with pytest.raises(ProcessingFailed, match="certificate") as caught:
            await egress.post(f"https://files.example:{server.port}/", b"secret")
        assert caught.value.code == "unreachable"
        assert server.heads == []


async def test_headers_cannot_break_the_framing(site: Listen) -> None:
    """Headers that are the door's own, or that carry line breaks, are a programming error before anything is dialled."""
    async with site(ok) as server:
        for headers in (
            {"host": "x"},
            {"Transfer-Encoding": "chunked"},
            {"X-A": "a\r\nX-B: b"},
            {"X A": "b"},
            {"X": "\0"},
        ):
            with pytest.raises(ValueError, match="header"):
                await Egress(LOOPBACK).post(f"http://127.0.0.1:{server.port}/", b"", headers)
        assert server.connections == 0


def test_errors_are_of_the_house() -> None:
    """The door raises nothing that the HTTP layer does not know."""
    with pytest.raises(VideoVectorError):
        Egress().check("file:///etc/passwd")
