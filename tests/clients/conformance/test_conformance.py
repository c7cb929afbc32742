"""Every public method of every published client does what it says, on a real server."""

from __future__ import annotations

import re
from typing import Any

import pytest
from videovector import AsyncVideoVector, VideoVector

from tests.clients.conformance.recorder import public
from tests.clients.conformance.table import page
from tests.clients.conformance.walks import CLIENTS, ROOT, walked
from tests.needs import needs

PAGE = ROOT / "docs" / "reference" / "compatibility.md"


@pytest.fixture(scope="module")
def walks(around: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the walks of all clients wrote down."""
    needs(CLIENTS["1.1.0"].exists(), "the published client 1.1.0 in .venvs/sdk1: make test sets it up")
    return walked(around)


@pytest.mark.real
@pytest.mark.timeout(600)
def test_every_method_of_every_client_works(walks: dict[str, dict[str, Any]]) -> None:
    """No method is without a call, refused, misunderstood, short of a field, or wrong in what it returns."""
    wrong = [
        f"{head} {name}: {row['wrong']}"
        for head, one in walks.items()
        for name, row in one["rows"].items()
        if row["wrong"]
    ]
    assert (wrong, [f"{head} {text}" for head, one in walks.items() for text in one["failed"]]) == ([], [])


@pytest.mark.real
@pytest.mark.timeout(600)
def test_the_page_is_what_was_seen(walks: dict[str, dict[str, Any]]) -> None:
    """`python -m tests.clients.conformance` writes the page anew."""
    assert PAGE.read_text() == page({head: one["rows"] for head, one in walks.items()})


def test_the_page_has_every_method_and_no_failure() -> None:
    """The page has the methods that the newer client has, sync and async, and all of them work."""
    rows = dict(re.findall(r"^\| `([\w.]+)` \|(.*)$", PAGE.read_text(), re.MULTILINE))
    for client in (VideoVector, AsyncVideoVector):
        assert set(public(client(api_key=f"sk_live_{'0' * 48}"))) == set(rows)
    assert not [name for name, row in rows.items() if "no: " in row or row.count("yes") < 2]
