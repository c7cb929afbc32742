"""Every port is documented, and every suite that is shipped has its port."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT
from tests.docs.ports import contracts, ports

PAGE = (ROOT / "docs" / "reference" / "ports.md").read_text()


def test_every_port_is_documented() -> None:
    """The page has each port with its methods, and no other; `python -m tests.docs.ports` writes it anew."""
    assert re.findall(r"^### (\w+)$|^\| `(\w+)` \|", PAGE, re.MULTILINE) == [
        pair for port in ports() for pair in [(port.name, ""), *(("", name) for name, _ in port.methods)]
    ]


def test_every_port_says_what_it_promises() -> None:
    """No port is without a docstring."""
    assert [f"{port.module}.{port.name}" for port in ports() if not port.promise] == []


def test_suites_are_named_as_they_are_shipped() -> None:
    """Each contract in a table of the pages exists."""
    shipped = set(contracts().values())
    adapters = (ROOT / "docs" / "how-to" / "write-an-adapter.md").read_text()
    named = set(re.findall(r"`(testing\.\w+\.\w+Contract)`", PAGE + adapters))
    assert named
    assert named <= shipped
