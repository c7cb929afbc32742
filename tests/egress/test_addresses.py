"""Which addresses are admitted."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videovector_adapters.egress_addresses import Reach, networks
from videovector_core.errors import Invalid

EVERYTHING = Reach(networks("0.0.0.0/0 ::/0"))

BLOCKED = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 100.100.100.200 127.0.0.1 127.1.2.3 127.255.255.255
168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1
192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808
64:ff9b:1::a00:1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
2002:7f00:1::1 2002:808:808::1 3fff::1 4000::1 5f00::1 fc00::1 fd00::2 fd00:ec2::254 fd20:ce::254 fe80::1
fe80::a9fe:a9fe fec0::1 ff02::1 ff0e::1
"""

PUBLIC = """
1.1.1.1 8.8.8.8 93.184.216.34 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
169.253.255.255 172.15.255.255 172.32.0.0 192.167.255.255 198.17.255.255 198.20.0.0 223.255.255.255
2606:4700::1111 2a00:1450:4001:80e::200e 2001:4860:4860::8888 2400:cb00::1 2003::1
"""


@pytest.mark.parametrize("text", BLOCKED.split())
def test_special_addresses_are_blocked(text: str) -> None:
    """Nothing but public addresses is admitted when the operator has said nothing."""
    assert not Reach().admits(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC.split())
def test_public_addresses_pass(text: str) -> None:
    """The neighbours of the special ranges are admitted."""
    assert Reach().admits(ip_address(text))


@given(st.ip_addresses())
def test_nothing_passes_that_python_calls_special(address: IPv4Address | IPv6Address) -> None:
    """What is admitted is global and no multicast to Python's tables too; ours are the narrower ones."""
    if Reach().admits(address):
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize(
    ("allow", "address", "admitted"),
    [
        ("127.0.0.0/8", "127.0.0.1", True),
        ("127.0.0.0/8", "10.0.0.1", False),
        ("127.0.0.0/8", "::1", False),
        ("127.0.0.0/8", "::ffff:127.0.0.1", False),
        ("127.0.0.0/8 ::ffff:0:0/96", "::ffff:127.0.0.1", True),
        ("::ffff:0:0/96", "::ffff:127.0.0.1", False),
        ("64:ff9b::/96", "64:ff9b::808:808", True),
        ("64:ff9b::/96", "64:ff9b::7f00:1", False),
        ("2002::/16", "2002:7f00:1::1", False),
        ("2001::/32", "2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("2001::/32", "2001:0:808:808:8000:63bf:f7f7:f7f7", True),
        ("::/0", "::1", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("169.254.0.0/16", "169.254.1.1", True),
        ("169.254.0.0/16", "169.254.169.254", False),
        ("169.254.169.254/32", "169.254.169.254", True),
        ("fd00::/8", "fd00:ec2::254", False),
        ("fd00:ec2::254/128", "fd00:ec2::254", True),
    ],
)
def test_the_operators_list_opens_what_it_names(allow: str, address: str, admitted: bool) -> None:
    """An entry opens its network, metadata hosts only by name, and carried addresses only with what they carry."""
    assert Reach(networks(allow)).admits(ip_address(address)) is admitted


@pytest.mark.parametrize(
    "text", ["0.0.0.0", "0.0.0.1", "255.255.255.255", "224.0.0.1", "240.0.0.1", "::", "ff02::1", "fe80::1%1"]
)
def test_some_addresses_stay_shut(text: str) -> None:
    """No list opens unspecified, broadcast, multicast or zoned addresses."""
    assert not EVERYTHING.admits(ip_address(text))


def test_the_setting_is_read_or_refused() -> None:
    """The setting is a list of networks; anything else stops the start with a sentence that names it."""
    assert networks("") == ()
    assert networks("10.0.0.0/8, fd00::/8") == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    with pytest.raises(Invalid, match="VIDEOVECTOR_EGRESS_ALLOW"):
        networks("10.0.0.1/8")
