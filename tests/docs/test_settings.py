"""Every setting is documented, and every one that a page names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT
from tests.docs.settings import page
from videovector_adapters.settings import Settings

KNOWN = {f"VIDEOVECTOR_{name.upper()}" for name in Settings.model_fields}
# Read by a command of its own, before there are settings, by a test, or given to an example by whoever runs it.
OTHERS = {
    "VIDEOVECTOR_WEBHOOK_SECRET",
    "VIDEOVECTOR_API_KEY",
    "VIDEOVECTOR_RUN_ID",
    "VIDEOVECTOR_BASE_URL",
    "VIDEOVECTOR_TEST_QDRANT_URL",
}


def test_the_page_of_settings_is_current():
    """The table has every variable with its default; `python -m tests.docs.settings` writes it anew."""
    assert (ROOT / "docs/reference/settings.md").read_text() == page()


@pytest.mark.parametrize("name", PAGES, ids=str)
def test_settings_in_the_pages_exist(name: Path):
    """Every variable in a page is a setting of the server, or that of another command."""
    named = set(re.findall(r"VIDEOVECTOR_[A-Z0-9_]+[A-Z0-9]", (ROOT / name).read_text()))
    assert named <= KNOWN | OTHERS
