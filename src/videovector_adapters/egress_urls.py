"""The one parser of URLs that users give: it refuses what two parsers could read in two ways.

Only one spelling of each thing passes: `https` or `http`, a lowercase-able ASCII name or a canonical IP literal, a
decimal port, a path and query of the characters of RFC 3986. User information, fragments, backslashes, white space,
control characters, percent signs in the host, non-ASCII hosts (write the `xn--` form), trailing dots and every other
spelling of an IP address (`2130706433`, `0x7f.1`, `0177.0.0.1`, `127.1`, zone ids) are refused.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NoReturn

from attrs import field, frozen

from videovector_adapters.egress_addresses import Address
from videovector_core.errors import Invalid

MAX_LENGTH: Final = 8192
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>(?:[/?](?:[a-z0-9._~:/?@!$&'()*+,;=\[\]-]|%[0-9a-f]{2})*)?)",
    re.ASCII | re.IGNORECASE,
)
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
# A host whose last label looks like a number is an IPv4 address to browsers and to getaddrinfo (WHATWG URL, 3.5).
_NUMERIC: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
# Ports from 1024 on that belong to other protocols (the Fetch standard's list of bad ports, with data stores added).
_OTHER_PROTOCOLS: Final = frozenset(
    {1433, 1719, 1720, 1723, 2049, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 6000, 6379, 6566}
    | {*range(6665, 6670), 6679, 6697, 10080, 11211, 27017}
)


@frozen
class Url:
    """A URL that was parsed once: everything that is dialled, verified and sent comes from here."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)

    @property
    def literal(self) -> Address | None:
        """The address, when the host is one."""
        if ":" in self.host or _NUMERIC.fullmatch(self.host.rpartition(".")[2]):
            return ip_address(self.host)
        return None

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def refuse(reason: str) -> NoReturn:
    """Refuse a URL for a reason that does not repeat it."""
    raise Invalid(f"This URL cannot be used: {reason}.", code="validation_url_not_allowed")


@lru_cache(maxsize=512)  # a receiver's URL is parsed again for each delivery
def parse(text: str) -> Url:
    """Read a URL, or refuse it with `Invalid` (code `validation_url_not_allowed`)."""
    match = _URL.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if match is None:
        refuse("write it as https://host/path in plain ASCII, without user name, fragment or unescaped characters")
    scheme = match["scheme"].lower()
    target = match["target"]
    return Url(
        scheme=scheme,
        host=_host(match["host"].lower()),
        port=_port(int(match["port"] or _DEFAULT_PORTS[scheme])),
        target=target if target.startswith("/") else f"/{target}",
    )


def _host(text: str) -> str:
    if text.startswith("["):
        return _address(IPv6Address, text[1:-1])
    labels = text.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return _address(IPv4Address, text)
    if not all(_LABEL.fullmatch(label) for label in labels):
        refuse("its host is no valid name")
    return text


def _address(kind: type[Address], text: str) -> str:
    try:
        return str(kind(text))
    except ValueError:
        refuse("its host is no IP address in the usual notation")


def _port(port: int) -> int:
    if port in {80, 443} or (1024 <= port <= 65535 and port not in _OTHER_PROTOCOLS):
        return port
    refuse("its port belongs to another protocol; use 443 or a port from 1024 on")
