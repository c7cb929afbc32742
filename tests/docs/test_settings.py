"""Every setting is documented."""

from __future__ import annotations

from tests.docs.pages import ROOT
from tests.docs.settings import page


def test_the_page_of_settings_is_current():
    """The table has every variable with its default; `python -m tests.docs.settings` writes it anew."""
    assert (ROOT / "docs/reference/settings.md").read_text() == page()
