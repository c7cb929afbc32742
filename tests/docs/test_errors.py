"""Every error code is documented, with its status."""

from __future__ import annotations

import re

from tests.docs.errors import codes
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "reference" / "errors.md"


def written() -> set[tuple[int, str]]:
    """Read the codes of the page, each with the status above it."""
    found, status = set(), 0
    for heading, code in re.findall(r"^## (\d+)$|^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE):
        status = int(heading) if heading else status
        found |= {(status, code)} if code else set()
    return found


def test_every_code_is_documented() -> None:
    """The page has each code that anything raises, and no other; `python -m tests.docs.errors` writes it anew."""
    assert {(one.status, one.code) for one in codes()} == written()


def test_codes_are_found_however_they_are_given() -> None:
    """The reader sees codes in place, by a constant, by a choice, in a table, and those that come with a class or a kind."""
    found = {one.code for one in codes()}
    assert found >= {
        "validation_weights",
        "validation_media_limit",
        "llm_budget_guard_open",
        "validation_too_large",
        "permission_denied",
        "cursor_expired",
        "resource_video_not_found",
        "method_not_allowed",
    }
