"""Which addresses may be dialled for a user: public ones, and what the operator allows.

The tables are those of the IANA special-purpose registries (RFC 6890 and updates), written out because what Python's
`is_global` says differs among its patch releases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

from attrs import frozen

from videovector_core.errors import Invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PRIVATE_4: Final = [
    IPv4Network(text)
    for text in (
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
    )
]
_GLOBAL_6: Final = IPv6Network("2000::/3")
_PRIVATE_6: Final = [
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocol assignments, Teredo and ORCHID among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]
# No host ever answers there, or everybody does: the operator's list does not open these.
_NEVER: Final = [
    ip_network(text) for text in ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32", "::/128", "ff00::/8")
]
# Where clouds hand out credentials: only an entry for that very host opens them, never a wider range.
_METADATA: Final = [
    ip_network(text)
    for text in (
        "100.100.100.200/32",
        "168.63.129.16/32",
        "169.254.169.253/32",
        "169.254.169.254/32",
        "169.254.170.2/32",
        "169.254.170.23/32",
        "192.0.0.192/32",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
        "fe80::a9fe:a9fe/128",
    )
]
# IPv6 forms that carry an IPv4 address in their last 32 bits.
_CARRIERS: Final = [
    IPv6Network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
]
_LOOPBACK_6: Final = IPv6Address("::1")


@frozen
class Reach:
    """How far user-given URLs reach: public addresses, and the networks of `allow`."""

    allow: tuple[Network, ...] = ()

    def admits(self, address: Address) -> bool:
        """Say whether `address` may be dialled.

        An IPv6 address that carries an IPv4 address needs an entry of its own, and what it carries must be admitted.
        """
        return _admits(self, address)

    def lists(self, address: Address) -> bool:
        """Say whether the operator named `address`, which also admits plain `http://` there."""
        return any(True for _ in self.entries(address))

    def entries(self, address: Address) -> Iterator[Network]:
        """List the operator's networks that hold `address`."""
        return (network for network in self.allow if address in network)


def networks(text: str) -> tuple[Network, ...]:
    """Read `VIDEOVECTOR_EGRESS_ALLOW`: networks such as `127.0.0.0/8,fd00::/8`, separated by commas or spaces."""
    try:
        return tuple(ip_network(part) for part in text.replace(",", " ").split())
    except ValueError as error:
        raise Invalid(
            f"VIDEOVECTOR_EGRESS_ALLOW: {error}; write networks as 10.0.0.0/8.", code="settings_invalid"
        ) from error


@lru_cache(maxsize=4096)  # every call to a receiver asks about its address again, among two dozen networks
def _admits(reach: Reach, address: Address) -> bool:
    if _within(address, _NEVER) or (isinstance(address, IPv6Address) and address.scope_id):
        return False
    if _within(address, _METADATA):
        return any(network.num_addresses == 1 for network in reach.entries(address))
    if reach.lists(address):
        return all(reach.admits(inner) for inner in _carried(address))
    return _public(address)


def _within(address: Address, table: Sequence[Network]) -> bool:
    return any(address in network for network in table)


def _public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not _within(address, _PRIVATE_4)
    return address in _GLOBAL_6 and not _within(address, _PRIVATE_6)


def _carried(address: Address) -> Iterator[IPv4Address]:
    """List the IPv4 addresses inside an IPv6 address: mapped, translated, NAT64, 6to4, Teredo (server and client)."""
    if isinstance(address, IPv4Address) or address == _LOOPBACK_6:
        return
    if _within(address, _CARRIERS):
        yield IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour:
        yield address.sixtofour
    yield from address.teredo or ()
